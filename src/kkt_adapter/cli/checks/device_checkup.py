"""What ``doctor`` and ``registers test`` find out about a device: one connection, nothing is changed."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

from kkt_adapter.bootstrap.drivers import shtrih_driver
from kkt_adapter.bootstrap.requirements import missing_capabilities
from kkt_adapter.cli.checks import atol_checkup
from kkt_adapter.cli.checks.device_findings import status_findings
from kkt_adapter.cli.checks.findings import CheckFinding, bad, good, warn
from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.kkt.shtrih.device import BIT_RELAY
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.facts import ShtrihFacts
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Timing
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.settings import RegisterSettings, Transport

SHORT = Timing(connect_s=3.0, byte_s=1.0, enquiries=3, answer_scale=0.5)  # a person waits


def look_at_device(register: RegisterSettings, now: datetime) -> list[CheckFinding]:
    """Never raises for the device's sake."""
    try:
        look = atol_checkup.look if register.driver == "atol" else _look
        return asyncio.run(look(register, now))
    except AdapterError as error:
        remedy = Text(
            "check power, cable and address; kkt-adapter registers scan ADDRESS looks for it",
            "проверьте питание, кабель и адрес; найти ККТ: kkt-adapter registers scan АДРЕС",
        )
        return [bad(f"register {register.id}", error.detail, remedy)]


async def _look(register: RegisterSettings, now: datetime) -> list[CheckFinding]:
    driver = shtrih_driver(register, clock=SystemClock(), timing=SHORT)
    try:
        await driver.open()
        status = await driver.status()
        return list(findings(register, driver, status, now))
    finally:
        await driver.close()


def findings(
    register: RegisterSettings, driver: ShtrihRegister, status: KktStatus, now: datetime
) -> Iterator[CheckFinding]:
    """An open driver and its status, judged."""
    facts = driver.facts
    assert facts is not None, "the driver is open"
    subject = f"register {register.id}"
    yield good(
        subject,
        f"{facts.device.name}, FN {status.fn_number}, document {status.fd_number}, "
        f"shift {status.shift_number} {status.shift_state}",
        f"{facts.device.name}, ФН {status.fn_number}, ФД {status.fd_number}, "
        f"смена {status.shift_number}: {status.shift_state}",
    )
    yield from status_findings(subject, register, status, now)
    yield from _settings(subject, register, driver, facts)


def _settings(
    subject: str, register: RegisterSettings, driver: ShtrihRegister, facts: ShtrihFacts
) -> Iterator[CheckFinding]:
    at_device = Text("change it at the device", "измените настройку ККТ")
    if facts.trouble is not None:
        yield bad(subject, facts.trouble, at_device)
    for wrong in facts.rates.wrong.values():
        yield warn(
            subject, wrong, Text("receipts with this rate are refused", "чеки с этой ставкой не пройдут")
        )
    if facts.rates.replaces == 1:
        yield warn(
            subject,
            Text(
                "it makes 22 % of 20 % by itself (table 17, row 1, field 71 = 1)",
                "сама заменяет НДС 20 % на 22 % (таблица 17, ряд 1, поле 71 = 1)",
            ),
            Text(
                "set field 71 to 2: refunds and corrections of 2025 need 20 %",
                "установите в поле 71 значение 2: возвратам и коррекциям 2025 года нужны 20 %",
            ),
        )
    transport = register.transport_or(Transport.DEVICE)
    for text in missing_capabilities(register, transport, driver.capabilities):
        yield bad(subject, text, Text("change the setting", "измените настройку"))
    if transport is Transport.DEVICE and facts.device.has(BIT_RELAY) and facts.device.exchange_setting == 0:
        yield warn(
            subject,
            Text(
                "it leaves the exchange to the host (table 21, field 2 = 0), and ofd_transport is device",
                "обмен с ОФД поручен компьютеру (таблица 21, поле 2 = 0), а ofd_transport = device",
            ),
            Text(
                'set ofd_transport = "relay", or field 2 to 1',
                'укажите ofd_transport = "relay" или поле 2 = 1',
            ),
        )
