"""``kkt-adapter emulate atol``: ATOL's web server with a register behind it.

The last module of ``emulate``: importing it gives the whole group.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kkt_adapter.cli.emulate import (
    LOOPBACK,
    ControlPort,
    Host,
    Port,
    address_of,
    emulate_app,
    reachable,
    run_emulator,
    stopped_by_signal,
)
from kkt_adapter.cli.screen import line
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.emulators.atol import AtolEmulator

ATOL_PORT, ATOL_CONTROL_PORT = 7785, 7786  # real ones listen on 16732


@emulate_app.command("atol")
def atol(
    host: Host = LOOPBACK,
    port: Port = ATOL_PORT,
    control_port: ControlPort = ATOL_CONTROL_PORT,
    ffd: Annotated[str, typer.Option(metavar="1.05|1.1|1.2", help="FFD of its registration.")] = "1.2",
    state: Annotated[
        Path | None, typer.Option(help="Folder that keeps FN and jobs; left out: forgotten at the end.")
    ] = None,
    ofd: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Operator that the register itself delivers to.")
    ] = "",
    flavour: Annotated[
        str, typer.Option(metavar="wr|jar", help="Habits of ATOL Web Requests, or of its Java web server.")
    ] = "wr",
    registers: Annotated[int, typer.Option(min=1, max=9, help="How many registers it has.")] = 1,
) -> None:
    """Be ATOL's web server with registers behind it. A test emulator, not a cash register."""
    from kkt_adapter.emulators.atol import FFD, AtolEmulator
    from kkt_adapter.emulators.atol.flavour import FLAVOURS
    from kkt_adapter.emulators.shtrih.own_exchange import by_itself
    from kkt_adapter.fiscal.kkt.virtual import made_up_registration
    from kkt_adapter.kernel.ids import RegisterId

    if ffd not in FFD:
        raise typer.BadParameter(f"{ffd!r} is none of 1.05, 1.1, 1.2", param_hint="--ffd")
    if flavour not in FLAVOURS:
        raise typer.BadParameter(f"{flavour!r} is neither wr nor jar", param_hint="--flavour")
    emulator = AtolEmulator(
        host=host,
        port=port,
        control_port=control_port,
        state=state,
        registration=made_up_registration(
            RegisterId(f"atol-emulator-{port}"), ffd_version=FFD[ffd], marked_goods=ffd == "1.2"
        ),
        flavour=FLAVOURS[flavour],
        registers=registers,
        deliver=by_itself(*address_of(ofd)) if ofd else None,
    )
    run_emulator(_serve(emulator, host))


async def _serve(emulator: "AtolEmulator", host: str) -> None:
    stop = stopped_by_signal()
    await emulator.start()
    try:
        address = f"http://{reachable(host)}:{emulator.port}"
        line(
            say(
                f"ATOL web server and register (test emulator, NOT a cash register) at {address}",
                f"Веб-сервер АТОЛ и ККТ (тестовый эмулятор, НЕ касса): {address}",
            )
        )
        for text in ("[[register]]", 'id = "KKT-1"', 'driver = "atol"', f'address = "{address}"'):
            line(f"  {text}")
        if len(emulator.server.devices) > 1:
            line('  device_id = "1"')
        control = f"http://{LOOPBACK}:{emulator.control_port}/control"
        line(say(f"Control interface at {control}", f"Управление: {control}"))
        for text in (
            f"curl {control}/state",
            f"curl {control}/documents",
            f"""curl -X POST {control}/faults -d '{{"mode": "error_closed", "task": "sell", "code": 2}}'""",
            f"""curl -X POST {control}/conditions -d '{{"linked": false}}'""",
            f"""curl -X POST {control}/restart -d '{{"forget": true}}'""",
            f"curl -X DELETE {control}/faults",
        ):
            line(f"  {text}")
        line(say("Stop with Ctrl+C.", "Остановка: Ctrl+C."))
        await stop.wait()
    finally:
        await emulator.stop()
