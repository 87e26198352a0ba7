"""``kkt-adapter emulate shtrih|atol``: registers without hardware. Test emulators, not cash registers.

The last module of ``emulate``: importing it gives the whole group.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kkt_adapter.cli.emulate.parts import (
    LOOPBACK,
    ControlPort,
    Ffd,
    Host,
    Operator,
    Port,
    State,
    address_of,
    made_up,
    reachable,
    run_emulator,
    show,
    show_control,
    stopped_by_signal,
)
from kkt_adapter.cli.emulate.peers import emulate_app
from kkt_adapter.cli.screen import line
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.emulators.atol import AtolEmulator
    from kkt_adapter.emulators.shtrih import ShtrihEmulator

__all__ = ["emulate_app"]

SHTRIH_PORT, SHTRIH_CONTROL_PORT = 7783, 7784  # real ones listen on 7778
ATOL_PORT, ATOL_CONTROL_PORT = 7785, 7786  # real ones listen on 16732


@emulate_app.command("shtrih")
def shtrih(
    host: Host = LOOPBACK,
    port: Port = SHTRIH_PORT,
    protocol: Annotated[
        int | None, typer.Option(min=1, max=2, help="Low-level protocol; left out: the first byte decides.")
    ] = None,
    pty: Annotated[Path | None, typer.Option(help="Also a pseudo terminal, linked from this file.")] = None,
    control_port: ControlPort = SHTRIH_CONTROL_PORT,
    ffd: Ffd = "1.2",
    state: State = None,
    ofd: Operator = "",
) -> None:
    """Be a Shtrih-M register. A test emulator, not a cash register."""
    from kkt_adapter.emulators.shtrih import ShtrihEmulator
    from kkt_adapter.emulators.shtrih.own_exchange import by_itself

    emulator = ShtrihEmulator(
        host=host,
        port=port,
        pty=pty,
        control_port=control_port,
        state=state,
        registration=made_up(f"shtrih-emulator-{port}", ffd),
        protocol=protocol,
        deliver=by_itself(*address_of(ofd)) if ofd else None,
        relayed=not ofd,
    )
    run_emulator(_serve_shtrih(emulator, host, None if pty is None else f"serial://{pty.absolute()}"))


@emulate_app.command("atol")
def atol(
    host: Host = LOOPBACK,
    port: Port = ATOL_PORT,
    control_port: ControlPort = ATOL_CONTROL_PORT,
    ffd: Ffd = "1.2",
    state: State = None,
    ofd: Operator = "",
    flavour: Annotated[
        str, typer.Option(metavar="wr|jar", help="Habits of ATOL Web Requests, or of its Java web server.")
    ] = "wr",
    registers: Annotated[int, typer.Option(min=1, max=9, help="How many registers it has.")] = 1,
) -> None:
    """Be ATOL's web server with registers behind it. A test emulator, not a cash register."""
    from kkt_adapter.emulators.atol import AtolEmulator
    from kkt_adapter.emulators.atol.flavour import FLAVOURS
    from kkt_adapter.emulators.shtrih.own_exchange import by_itself

    if flavour not in FLAVOURS:
        raise typer.BadParameter(f"{flavour!r} is neither wr nor jar", param_hint="--flavour")
    emulator = AtolEmulator(
        host=host,
        port=port,
        control_port=control_port,
        state=state,
        registration=made_up(f"atol-emulator-{port}", ffd),
        flavour=FLAVOURS[flavour],
        registers=registers,
        deliver=by_itself(*address_of(ofd)) if ofd else None,
    )
    run_emulator(_serve_atol(emulator, host))


async def _serve_shtrih(emulator: "ShtrihEmulator", host: str, serial: str | None) -> None:
    from kkt_adapter.emulators.life import run_until

    def ready(_: "ShtrihEmulator") -> None:
        address = f"tcp://{reachable(host)}:{emulator.port}"
        line(
            say(
                f"Shtrih-M register (test emulator, NOT a cash register) at {address}",
                f"ККТ Штрих-М (тестовый эмулятор, НЕ касса): {address}",
            )
        )
        show(_register("shtrih", address if serial is None else serial))
        show_control(
            emulator.control_port,
            "GET state",
            "GET documents",
            'POST faults {"mode": "cut_answer", "command": "ff45", "at": 3}',
            'POST conditions {"paper": false}',
            "POST power",
            "DELETE faults",
        )

    await run_until(stopped_by_signal(), emulator, on_ready=ready)


async def _serve_atol(emulator: "AtolEmulator", host: str) -> None:
    from kkt_adapter.emulators.life import run_until

    def ready(_: "AtolEmulator") -> None:
        address = f"http://{reachable(host)}:{emulator.port}"
        line(
            say(
                f"ATOL web server and register (test emulator, NOT a cash register) at {address}",
                f"Веб-сервер АТОЛ и ККТ (тестовый эмулятор, НЕ касса): {address}",
            )
        )
        show(_register("atol", address))
        if len(emulator.server.devices) > 1:
            show(['device_id = "1"'])
        show_control(
            emulator.control_port,
            "GET state",
            "GET documents",
            'POST faults {"mode": "error_closed", "task": "sell", "code": 2}',
            'POST conditions {"linked": false}',
            'POST restart {"forget": true}',
            "DELETE faults",
        )

    await run_until(stopped_by_signal(), emulator, on_ready=ready)


def _register(driver: str, address: str) -> tuple[str, ...]:
    """Its entry in the settings file."""
    return "[[register]]", 'id = "KKT-1"', f'driver = "{driver}"', f'address = "{address}"'
