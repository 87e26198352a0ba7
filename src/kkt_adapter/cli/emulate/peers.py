"""``kkt-adapter emulate ofd-tcp|ofd-http|g2a|erp``: the service's peers. They keep nothing."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.emulate.parts import (
    LOOPBACK,
    ControlPort,
    Host,
    Port,
    reachable,
    run_emulator,
    show,
    show_control,
    show_end,
    stopped_by_signal,
)
from kkt_adapter.cli.screen import line
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.emulators.erp import ErpEmulator
    from kkt_adapter.emulators.g2a import G2AEmulator
    from kkt_adapter.emulators.ofd import OperatorChannel

emulate_app = typer.Typer(
    name="emulate", help="Stand-ins for operator, registers, vendor and back office.", no_args_is_help=True
)

OFD_TCP_PORT, OFD_HTTP_PORT, CONTROL_PORT, G2A_PORT = 7777, 7778, 7779, 7780  # any free ones would do
ERP_PORT, ERP_CONTROL_PORT = 7781, 7782

Shape = Annotated[
    str,
    typer.Option(
        metavar="operator|loose",
        help="Answers as real operators give them, or looser ones as test operators do.",
    ),
]


@emulate_app.command("ofd-tcp")
def ofd_tcp(
    host: Host = LOOPBACK,
    port: Port = OFD_TCP_PORT,
    control_port: ControlPort = CONTROL_PORT,
    shape: Shape = "operator",
) -> None:
    """Be an operator that speaks the binary protocol."""
    from kkt_adapter.emulators.ofd import OfdEmulator, OperatorChannel, ReplyShape

    if shape not in list(ReplyShape):
        raise typer.BadParameter(f"{shape!r} is neither operator nor loose", param_hint="--shape")

    def ready(emulator: OfdEmulator) -> None:
        line(
            say(
                f"Operator (binary protocol) at {host}:{emulator.port}",
                f"ОФД (двоичный протокол): {host}:{emulator.port}",
            )
        )
        show([f"OFD_HOST={reachable(host)} OFD_PORT={emulator.port} kkt-adapter serve"])
        _show_operator_control(emulator.control_port)

    run_emulator(_serve_ofd(OperatorChannel.TCP, host, port, control_port, shape, ready))


@emulate_app.command("ofd-http")
def ofd_http(
    host: Host = LOOPBACK, port: Port = OFD_HTTP_PORT, control_port: ControlPort = CONTROL_PORT
) -> None:
    """Be a cloud operator that takes receipts as JSON."""
    from kkt_adapter.emulators.ofd import OfdEmulator, OperatorChannel

    def ready(emulator: OfdEmulator) -> None:
        url = f"http://{reachable(host)}:{emulator.http_port}"
        line(say(f"Operator (HTTP profile) at {url}", f"ОФД (HTTP): {url}"))
        show([f"OFD_TRANSPORT=http OFD_BASE_URL={url} kkt-adapter serve", f"curl {url}/ofd/v1/health"])
        _show_operator_control(emulator.control_port)

    run_emulator(_serve_ofd(OperatorChannel.HTTP, host, port, control_port, "operator", ready))


@emulate_app.command("g2a")
def g2a(
    host: Host = LOOPBACK,
    port: Port = G2A_PORT,
    products: Annotated[int, typer.Option(min=0, max=1_000_000, help="How many products it offers.")] = 100,
    latency: Annotated[float, typer.Option(min=0, max=60, help="Seconds before each answer.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same products.")] = 1,
) -> None:
    """Be the product vendor's export API."""
    from kkt_adapter.emulators.g2a import Faults, G2AEmulator

    emulator = G2AEmulator(products, seed=seed, faults=Faults(latency_s=latency))
    run_emulator(_serve_g2a(emulator, host, port))


@emulate_app.command("erp")
def erp(
    host: Host = LOOPBACK,
    port: Port = ERP_PORT,
    control_port: ControlPort = ERP_CONTROL_PORT,
    token: Annotated[
        str, typer.Option(help="Bearer token that callers must send; left out: everybody may call.")
    ] = "",
    interval: Annotated[
        float | None, typer.Option(min=10, max=300, help="Seconds between calls that it asks for.")
    ] = None,
) -> None:
    """Be the back office that heartbeats and receipt events go to."""
    from kkt_adapter.emulators.erp import OfficeSignIn, serve_erp

    def ready(emulator: "ErpEmulator") -> None:
        url = f"http://{reachable(host)}:{emulator.port}"
        line(say(f"Back office at {url}", f"Учётная система: {url}"))
        signed = f"HEARTBEAT_TOKEN={token} " if token else ""
        show([f"HEARTBEAT_URL={url} {signed}kkt-adapter serve"])
        show_control(
            emulator.control_port,
            "GET state",
            "GET events",
            'POST faults {"mode": "login_page", "count": 3}',
            'POST faults {"mode": "down"}',
            "DELETE faults",
        )

    async def serve() -> None:
        await serve_erp(
            host=host,
            port=port,
            control_port=control_port,
            sign_in=OfficeSignIn(tokens=(token,) if token else ()),
            interval_s=interval,
            stop=stopped_by_signal(),
            on_ready=ready,
        )

    run_emulator(serve())


async def _serve_ofd(
    mode: "OperatorChannel", host: str, port: int, control_port: int, shape: str, ready: Any
) -> None:
    from kkt_adapter.emulators.ofd import ReplyShape, serve_ofd

    await serve_ofd(
        mode=mode,
        host=host,
        port=port,
        control_port=control_port,
        shape=ReplyShape(shape),
        stop=stopped_by_signal(),
        on_ready=ready,
    )


async def _serve_g2a(emulator: "G2AEmulator", host: str, port: int) -> None:
    stop = stopped_by_signal()
    await emulator.start(host, port)
    try:
        url = f"http://{reachable(host)}:{emulator.base_url.rpartition(':')[2]}"
        key = emulator.credentials
        line(say(f"Vendor's export API at {url}", f"API поставщика: {url}"))
        show(
            [
                f"G2A_BASE_URL={url} G2A_CLIENT_ID={key.client_id} "
                f"G2A_CLIENT_SECRET={key.client_secret} G2A_EMAIL={key.email} kkt-adapter serve",
                f"curl -H 'Authorization: {key.pair_header}' '{url}/v1/products?page=1'",
                f"curl {url}/_emulator/truth",
                f"curl {url}/_emulator/counters",
                f"curl -X POST {url}/_emulator/advance",
                f"""curl -X POST {url}/_emulator/faults -d '{{"every_429": 20}}'""",
            ]
        )
        show_end()
        await stop.wait()
    finally:
        await emulator.stop()


def _show_operator_control(port: int) -> None:
    show_control(
        port,
        "GET state",
        "GET documents",
        'POST faults {"mode": "slow", "delay_s": 3}',
        'POST faults {"mode": "down"}',
        "DELETE faults",
    )
