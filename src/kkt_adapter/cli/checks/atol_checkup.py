"""What ``doctor`` and ``registers test`` find out about ATOL's web server and the register behind it."""

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from kkt_adapter.bootstrap.drivers import atol_driver
from kkt_adapter.bootstrap.requirements import missing_capabilities
from kkt_adapter.cli.checks.device_findings import status_findings
from kkt_adapter.cli.checks.findings import CheckFinding, bad, good, warn
from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
from kkt_adapter.fiscal.kkt.atol.facts import AtolFacts
from kkt_adapter.fiscal.kkt.atol.jobs import Patience
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, optional_whole
from kkt_adapter.fiscal.kkt.atol.web import Queue, WebDevice, WebDown, WebRefused, WebServer
from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.settings import RegisterSettings, Transport

SHORT = Patience(exchange_s=5.0, look_s=10.0, result_s=20.0, tries=2)  # a person waits
DAY_MINUTES = 24 * 60
CLOCK_MARGIN_S = 300
DRIVER_22, FIRMWARE_22 = (10, 10, 8), (5, 17, 0)  # from these on they know 22 %

_UPDATE = Text("update it: receipts with 22 % are refused", "обновите: чеки со ставкой 22 % не пройдут")


async def look(register: RegisterSettings, now: datetime) -> list[CheckFinding]:
    """The web server first: what is wrong there explains why a register does not answer."""
    subject = f"register {register.id}"
    driver = atol_driver(register, clock=SystemClock(), patience=SHORT)
    try:
        found = [
            *await _server(subject, register, driver.web),
            *clock_findings(subject, driver.web.date, now),
        ]
        try:
            await driver.open()
            status = await driver.status()
        except AdapterError as error:
            remedy = Text(
                "start at the first line above that is not well", "начните с первой строки выше, где не «+»"
            )
            return [*found, bad(subject, error.detail, remedy)]
        found += list(register_findings(register, driver, status, now))
        return found
    finally:
        await driver.close()


async def _server(subject: str, register: RegisterSettings, web: WebServer) -> list[CheckFinding]:
    try:
        info = await web.server_info()
        devices = await web.devices()
        settings = await web.settings()
        queue = await web.queue() if devices is None else await _queue_of(register, web, devices)
    except (WebDown, WebRefused) as error:
        if isinstance(error, WebRefused) and error.status == 404 and await web.speaks_old_api_only():
            return [_only_old_api(subject)]
        remedy = Text(
            "check address, login and password, and that the service of the web server runs",
            "проверьте address, login и password и что служба веб-сервера запущена",
        )
        return [bad(subject, Text(f"ATOL's web server: {error}", f"веб-сервер АТОЛ: {error}"), remedy)]
    version = info.get("serverVersion", "?"), info.get("driverVersion", "?")
    found = [
        good(
            subject,
            f"ATOL's web server {version[0]}, driver {version[1]}",
            f"веб-сервер АТОЛ {version[0]}, драйвер {version[1]}",
        )
    ]
    if version_of(str(version[1])) < DRIVER_22:
        found.append(
            warn(subject, Text("its driver is older than 10.10.8", "драйвер старше 10.10.8"), _UPDATE)
        )
    found += list(device_findings(subject, register, devices))
    found += list(queue_findings(subject, queue))
    found += list(settings_findings(subject, settings))
    return found


def _only_old_api(subject: str) -> CheckFinding:
    return bad(
        subject,
        Text(
            "ATOL's web server knows version 1 of its API only: its driver is older than 10.7",
            "веб-сервер АТОЛ знает только API версии 1: драйвер старше 10.7",
        ),
        Text(
            "install driver 10.10.8 or later with Web Requests",
            "установите драйвер 10.10.8 или новее и Web Requests",
        ),
    )


def clock_findings(subject: str, date: str, now: datetime) -> Iterator[CheckFinding]:
    """``date``: the header of an HTTP answer; nothing is said of a server that sends none."""
    try:
        off_s = round((parsedate_to_datetime(date) - now).total_seconds())
    except (ValueError, TypeError):
        return
    if abs(off_s) > CLOCK_MARGIN_S:
        yield warn(
            subject,
            Text(
                f"the clock of the web server's PC is {off_s} s off",
                f"часы ПК с веб-сервером расходятся на {off_s} с",
            ),
            Text(
                "switch time synchronisation on there: results are kept, and dates written, by that clock",
                "включите там синхронизацию времени: по этим часам хранятся результаты и пишутся даты",
            ),
        )


async def _queue_of(
    register: RegisterSettings, web: WebServer, devices: tuple[WebDevice, ...]
) -> Queue | None:
    if register.device_id is None and len(devices) != 1:
        return None
    web.device_id = register.device_id or devices[0].id
    try:
        return await web.queue()
    except WebRefused:
        return None  # the device is not there: told by the list


def device_findings(
    subject: str, register: RegisterSettings, devices: tuple[WebDevice, ...] | None
) -> Iterator[CheckFinding]:
    if devices is None:
        return
    ids = ", ".join(f"{one.id} ({one.name})" for one in devices) or "-"
    wanted = register.device_id or (devices[0].id if len(devices) == 1 else None)
    device = next((one for one in devices if one.id == wanted), None)
    if device is None:
        yield bad(
            subject,
            Text(f"registers of the web server: {ids}", f"ККТ у веб-сервера: {ids}"),
            Text("set device_id to one of them", "укажите одну из них в device_id"),
        )
        return
    if register.device_id is None:
        yield warn(
            subject,
            Text(f"device_id is not set; it is {device.id}", f"device_id не задан; это {device.id}"),
            Text(
                f'write device_id = "{device.id}": a second register must not stop this one',
                f'запишите device_id = "{device.id}": вторая ККТ не должна остановить эту',
            ),
        )
    if device.licence is False:
        yield bad(
            subject,
            Text("the licence Web Requests is missing", "нет лицензии Web Requests"),
            Text("buy it and enter it into the register", "приобретите и введите её в ККТ"),
        )
    if not device.active:
        yield bad(
            subject,
            Text("the device is not active in the web server", "устройство не активно в веб-сервере"),
            Text("activate it on the web server's page", "активируйте его на странице веб-сервера"),
        )
    if device.ofd_channel == "none":
        yield warn(
            subject,
            Text("ofdChannel is none", "ofdChannel = none"),
            Text(
                "with a register on USB nothing reaches the operator: set it to auto",
                "при подключении по USB документы не дойдут до ОФД: установите auto",
            ),
        )


def queue_findings(subject: str, queue: Queue | None) -> Iterator[CheckFinding]:
    if queue is not None and queue.blocked:
        yield bad(
            subject,
            Text(f"its queue stands still: {queue.reason}", f"очередь остановлена: {queue.reason}"),
            Text(
                "restore link, paper or FN of the register: the web server goes on by itself",
                "восстановите связь с ККТ, бумагу или ФН: веб-сервер продолжит сам",
            ),
        )


def settings_findings(subject: str, settings: dict[str, object] | None) -> Iterator[CheckFinding]:
    try:
        kept = optional_whole(settings, "deleteRequestsAfter")
    except BadAtolAnswer:
        return
    if kept is not None and kept < DAY_MINUTES:
        yield warn(
            subject,
            Text(
                f"it deletes results after {kept} minutes",
                f"результаты удаляются через {kept} мин",
            ),
            Text(
                "set deleteRequestsAfter to a day (1440) or more: lost answers are found by them",
                "установите deleteRequestsAfter не менее суток (1440): по ним находятся потерянные ответы",
            ),
        )


def register_findings(
    register: RegisterSettings, driver: AtolRegister, status: KktStatus, now: datetime
) -> Iterator[CheckFinding]:
    """An open driver and its status, judged."""
    facts: AtolFacts | None = driver.facts
    assert facts is not None, "the driver is open"
    subject = f"register {register.id}"
    yield good(
        subject,
        f"{facts.model}, firmware {facts.firmware}, FN {status.fn_number}, document {status.fd_number}, "
        f"shift {status.shift_number} {status.shift_state}, unsent {status.unsent_count}",
        f"{facts.model}, прошивка {facts.firmware}, ФН {status.fn_number}, ФД {status.fd_number}, "
        f"смена {status.shift_number}: {status.shift_state}, не передано {status.unsent_count}",
    )
    if version_of(facts.firmware) < FIRMWARE_22:
        yield warn(
            subject,
            Text(
                f"firmware {facts.firmware} is older than 5.17.0", f"прошивка {facts.firmware} старше 5.17.0"
            ),
            _UPDATE,
        )
    for finding in status_findings(subject, register, status, now):
        if not (status.open_document and "open in it" in finding.found.en):  # only that nobody has asked yet
            yield finding
    for text in missing_capabilities(register, register.transport_or(Transport.DEVICE), driver.capabilities):
        yield bad(subject, text, Text("change the setting", "измените настройку"))


def version_of(text: str) -> tuple[int, ...]:
    """Of "10.10.8.0"; what is no number counts as newest, since nothing is known."""
    parts = text.split(".")
    if not all(part.isdigit() for part in parts):
        return (1_000_000,)
    return tuple(int(part) for part in parts)
