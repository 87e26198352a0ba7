"""``kkt-adapter registers clock``: what the clock of a device shows, and setting it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from kkt_adapter.bootstrap.registers import host_zone
from kkt_adapter.cli.screen import complain, line
from kkt_adapter.cli.texts import say
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.kernel.clock import SystemClock

if TYPE_CHECKING:
    from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
    from kkt_adapter.settings import RegisterSettings

FAILED = 1  # exit code


def wall_time(register: "RegisterSettings") -> datetime:
    """The host's time in the register's zone, as the register should show it: whole seconds, naive."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(register.timezone) if register.timezone else host_zone()
    return SystemClock().now().astimezone(zone).replace(tzinfo=None, microsecond=0)


def show_clock(register: "RegisterSettings", with_device: Any) -> None:
    async def work(driver: Any) -> dict[str, Any]:
        return {"clock": (await driver.status()).clock}

    clock, host = with_device(register, work)["clock"], wall_time(register)
    apart_s = round((clock - host).total_seconds())
    line(
        say(
            f"register {clock.isoformat()}, host {host.isoformat()}: {apart_s:+d} s",
            f"ККТ {clock.isoformat()}, узел {host.isoformat()}: {apart_s:+d} с",
        )
    )


def set_clock(register: "RegisterSettings", with_device: Any, *, yes: bool, note: Any) -> None:
    """Raises Exit: it is no Shtrih-M register, or the device refuses."""
    if register.driver != "shtrih":
        complain(
            say(
                "Only Shtrih-M registers are set from here; set this one in its driver's own program.",
                "Отсюда устанавливаются только часы Штрих-М; эту ККТ настройте программой её драйвера.",
            )
        )
        raise typer.Exit(FAILED)
    question = say("Set the register's clock to the host's?", "Установить часы ККТ по часам узла?")
    if not yes and not typer.confirm(question):
        return

    async def work(driver: "ShtrihRegister") -> dict[str, Any]:
        return {"clock": await driver.set_clock(wall_time(register))}

    clock: datetime = with_device(register, work)["clock"]
    note(EventType.REGISTER_CLOCK_SET)
    line(say(f"The register shows {clock.isoformat()}.", f"ККТ показывает {clock.isoformat()}."))
