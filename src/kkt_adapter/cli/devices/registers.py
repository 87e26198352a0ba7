"""``kkt-adapter registers``: find devices, look at one, test one; straight to the device.

A register takes one connection at a time, so that one which a running service drives is left alone.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.devices import holds
from kkt_adapter.cli.screen import complain, json_line, line, plain
from kkt_adapter.cli.texts import said, say

if TYPE_CHECKING:
    from kkt_adapter.cli.checks.checkup import Rows
    from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
    from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
    from kkt_adapter.fiscal.store.events import EventType
    from kkt_adapter.settings import RegisterSettings, Settings

registers_app = typer.Typer(
    name="registers", help="Registers: find them, look at them, test them.", no_args_is_help=True
)

registers_app.command("hold")(holds.hold)
registers_app.command("drain")(holds.drain)
registers_app.command("release")(holds.release)

FAILED, UNREADABLE = 1, 2  # exit codes
DEFAULT_PORT, ATOL_PORT = 7778, 16732

Config = Annotated[Path | None, typer.Option(help="TOML file [KKT_CONFIG, ./kkt-adapter.toml]", exists=True)]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the service keeps its data.")]


@registers_app.command("scan")
def scan(
    places: Annotated[
        list[str],
        typer.Argument(help="Hosts (HOST or HOST:PORT), serial ports (/dev/ttyUSB0), http://HOST:16732."),
    ],
) -> None:
    """Ask each given place what it is; nothing but that one question is sent."""
    found = [asyncio.run(_ask(address)) for address in _addresses(places)]
    for address, name in found:
        line(f"{address}  {name}" if name else f"{address}  " + say("no register", "ККТ нет"))
    if not any(name for _, name in found):
        raise typer.Exit(FAILED)


@registers_app.command("show")
def show(
    register: Annotated[str, typer.Argument(metavar="ID", help="As in [[register]] of the configuration.")],
    config: Config = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """What a device is and can do, as it says itself, and what its receipts have cost.

    A device that a running service drives is not asked; its times are shown all the same.
    """
    from kkt_adapter.api.schemas.shown.registers import device_times_answer
    from kkt_adapter.cli.devices import times

    settings, chosen = _found(register, config, data_dir)
    facts, took = _facts_of(settings, chosen), times.times_of(settings, chosen.id)
    if as_json:
        json_line(facts | {"times": None if took is None else device_times_answer(took)})
        return
    for name, value in facts.items():
        shown = ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)
        line(f"{name:28} {plain(shown)}")
    for name, shown in times.as_lines(took):
        line(f"{name:28} {shown}")


def _facts_of(settings: "Settings", register: "RegisterSettings") -> dict[str, Any]:
    if register.driver == "virtual":
        return {"device": "virtual"}
    _, holder = _driven_by(settings, register)
    if holder is not None:
        return {"driven by": holder}
    if register.driver == "atol":
        from kkt_adapter.cli.devices import atol

        return _with_device(register, atol.facts)
    return _with_device(register, _facts)


@registers_app.command("test")
def test(
    register: Annotated[str, typer.Argument(metavar="ID", help="As in [[register]] of the configuration.")],
    slip: Annotated[bool, typer.Option("--slip", help="Also print a slip that is not fiscal.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before printing.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Look at a device and judge what it says; print only when asked to, and never with an open question."""
    from kkt_adapter.cli.checks.device_checkup import look_at_device
    from kkt_adapter.cli.checks.findings import CheckLevel
    from kkt_adapter.kernel.clock import SystemClock

    settings, chosen = _chosen(register, config, data_dir)
    rows = _refuse_while_driven(settings, chosen)
    found = look_at_device(chosen, SystemClock().now())
    marks = {CheckLevel.OK: "+", CheckLevel.WARNING: "!", CheckLevel.BAD: "x"}
    for finding in found:
        line(f"{marks[finding.level]} {said(finding.found)}")
        if finding.remedy is not None:
            line(f"    {said(finding.remedy)}")
    if any(finding.level is CheckLevel.BAD for finding in found):
        raise typer.Exit(FAILED)
    if slip:
        _print_slip(chosen, data_dir, rows, yes=yes)


@registers_app.command("clock")
def clock(
    register: Annotated[str, typer.Argument(metavar="ID", help="As in [[register]] of the configuration.")],
    set_it: Annotated[bool, typer.Option("--set", help="Set it to the host's; the shift is closed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """What the clock of a device shows beside the host's; set it, where that can be done from here."""
    from kkt_adapter.cli.devices.clock import set_clock, show_clock

    settings, chosen = _chosen(register, config, data_dir)
    rows = _refuse_while_driven(settings, chosen)

    def note(what: "EventType") -> None:
        if rows is not None:
            _note(chosen, data_dir, what)

    if set_it:
        set_clock(chosen, _with_device, yes=yes, note=note)
    else:
        show_clock(chosen, _with_device)


def _print_slip(
    register: "RegisterSettings", data_dir: Path | None, rows: "Rows | None", *, yes: bool
) -> None:
    if rows is not None and rows.unknown:
        complain(
            say(
                "Nothing is printed: the outcome of a receipt is an open question.",
                "Печати не будет: исход одного из чеков ещё не выяснен.",
            )
        )
        raise typer.Exit(FAILED)
    if not yes and not typer.confirm(say("Print a slip that is not fiscal?", "Напечатать нефискальный чек?")):
        return

    async def work(driver: "ShtrihRegister | AtolRegister") -> dict[str, Any]:
        await driver.print_lines(["KKT-ADAPTER", "ПРОВЕРКА ПЕЧАТИ", "НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ", " "])
        return {}

    _with_device(register, work)
    if rows is not None:
        from kkt_adapter.fiscal.store.events import EventType

        _note(register, data_dir, EventType.REGISTER_TESTED)
    line(say("Printed.", "Напечатано."))


def _note(register: "RegisterSettings", data_dir: Path | None, what: "EventType") -> None:
    """The event that says that somebody did something at the device itself."""
    from kkt_adapter.cli.database.opening import run_on_database
    from kkt_adapter.fiscal.store import events
    from kkt_adapter.kernel.clock import SystemClock
    from kkt_adapter.runtime.db.protocol import Database

    entry = events.entry(what, SystemClock().now(), register_id=register.id)

    async def write(database: Database) -> None:
        await database.write(lambda conn: events.write(conn, [entry]))

    run_on_database(data_dir, write)


def _addresses(places: list[str]) -> Iterator[str]:
    for place in places:
        if "://" in place:
            yield place
        elif place.startswith("/"):
            yield f"serial://{place}"
        else:
            host, _, port = place.rpartition(":")
            if host and port.isdigit():
                yield f"http://{place}" if int(port) == ATOL_PORT else f"tcp://{place}"
                continue
            yield f"tcp://{place}:{DEFAULT_PORT}"
            yield f"http://{place}:{ATOL_PORT}"


async def _ask(address: str) -> tuple[str, str]:
    """FCh, the question that needs no password; the name, or nothing when nobody of ours answers."""
    if address.startswith("http"):
        from kkt_adapter.cli.devices import atol

        return address, await atol.ask(address)
    from kkt_adapter.cli.checks.device_checkup import SHORT
    from kkt_adapter.fiscal.kkt.shtrih import requests
    from kkt_adapter.fiscal.kkt.shtrih.answers import DeviceModel, read_answer
    from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer
    from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
    from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
    from kkt_adapter.fiscal.kkt.shtrih.wire.wires import wire_for

    try:
        link = Protocol1(wire_for(address), timing=SHORT)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        await link.connect()
        answer = await link.exchange(requests.METRICS, answer_s=SHORT.byte_s)
        metrics = DeviceModel.read(read_answer(requests.METRICS, answer).data)
    except (LinkDown, BadShtrihAnswer):
        return address, ""
    finally:
        await link.close()
    return address, f"Shtrih-M, {plain(metrics.name)} (model {metrics.model})"


async def _facts(driver: "ShtrihRegister") -> dict[str, Any]:
    facts = driver.facts
    assert facts is not None, "the driver is open"
    device, registration = facts.device, facts.registration
    return {
        "device": f"{device.name} (model {device.model})",
        "F7h": "no" if device.flags is None else f"{device.flags:016X}",
        "FN": registration.fn_number,
        "FN valid until": facts.valid_until.isoformat(),
        "registration number": registration.registration_number,
        "serial number": registration.serial_number,
        "user": f"{registration.user_name}, INN {registration.user_inn}",
        "FFD": registration.ffd_version.text,
        "taxation mask": registration.taxation_mask,
        "can": sorted(str(capability) for capability in driver.capabilities),
        "tables FN/OFD/FFD": [device.tables.fn, device.tables.ofd, device.tables.ffd],
        "item tags": "before FF46" if device.tags_before_operation else "after FF46",
        "corrections by receipt": device.corrects_by_receipt,
        "exchange (21/2)": device.exchange_setting,
        "rates that cannot be used": sorted(str(rate) for rate in facts.rates.wrong),
        **{f"table {name}": value for name, value in facts.settings.items()},
        "trouble": None if facts.trouble is None else said(facts.trouble),
    }


def _with_device(register: "RegisterSettings", work: Any) -> dict[str, Any]:
    from kkt_adapter.kernel.errors import AdapterError

    async def connected() -> dict[str, Any]:
        driver = _driver_of(register)
        try:
            await driver.open()
            found: dict[str, Any] = await work(driver)
            return found
        finally:
            await driver.close()

    try:
        return asyncio.run(connected())
    except AdapterError as error:
        complain(said(error.detail))
        raise typer.Exit(FAILED) from error


def _driver_of(register: "RegisterSettings") -> "ShtrihRegister | AtolRegister":
    from kkt_adapter.bootstrap.drivers import atol_driver, shtrih_driver
    from kkt_adapter.cli.checks import atol_checkup, device_checkup
    from kkt_adapter.kernel.clock import SystemClock

    if register.driver == "atol":
        return atol_driver(register, clock=SystemClock(), patience=atol_checkup.SHORT)
    return shtrih_driver(register, clock=SystemClock(), timing=device_checkup.SHORT)


def _chosen(
    register_id: str, config: Path | None, data_dir: Path | None
) -> "tuple[Settings, RegisterSettings]":
    """A register that is a device."""
    settings, register = _found(register_id, config, data_dir)
    if register.driver == "virtual":
        complain(say("A virtual register is no device.", "Виртуальная ККТ — не устройство."))
        raise typer.Exit(FAILED)
    return settings, register


def _found(
    register_id: str, config: Path | None, data_dir: Path | None
) -> "tuple[Settings, RegisterSettings]":
    from kkt_adapter.kernel.errors import SettingsInvalid
    from kkt_adapter.settings import load_settings

    try:
        settings = load_settings(file=config, overrides={"data_dir": data_dir})
    except SettingsInvalid as error:
        complain(said(error.detail))
        raise typer.Exit(UNREADABLE) from error
    for register in settings.registers:
        if register.id == register_id:
            return settings, register
    known = ", ".join(register.id for register in settings.registers) or "-"
    complain(say(f"No register {register_id}; known: {known}", f"Нет ККТ {register_id}; есть: {known}"))
    raise typer.Exit(FAILED)


def _refuse_while_driven(settings: "Settings", register: "RegisterSettings") -> "Rows | None":
    """What the database says, None without one; exit when a running process has the register."""
    rows, holder = _driven_by(settings, register)
    if holder is not None:
        complain(
            say(
                f"Register {register.id} is driven by a running service ({holder}), and takes one connection "
                "at a time: see kkt-adapter status, or stop the service first.",
                f"ККТ {register.id} ведёт работающая служба ({holder}), а соединение у неё одно: "
                "смотрите kkt-adapter status или сначала остановите службу.",
            )
        )
        raise typer.Exit(FAILED)
    return rows


def _driven_by(settings: "Settings", register: "RegisterSettings") -> "tuple[Rows | None, str | None]":
    """What the database says, and the running process that has the register."""
    from kkt_adapter.cli.checks.checkup import check_database

    _, rows = check_database(settings)
    return rows, None if rows is None else rows.holders.get(register.id)
