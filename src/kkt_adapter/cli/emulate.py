"""``kkt-adapter emulate``: the other side of the line, for trying things out without an operator or a vendor.

Each stand-in runs in the foreground until Ctrl+C or SIGTERM, keeps nothing, and says what to call.
"""

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.screen import complain, line
from kkt_adapter.cli.texts import say
from kkt_adapter.kernel.errors import KktUnavailable

if TYPE_CHECKING:
    from kkt_adapter.emulators.erp import ErpEmulator
    from kkt_adapter.emulators.g2a import G2AEmulator
    from kkt_adapter.emulators.ofd import OperatorChannel
    from kkt_adapter.emulators.shtrih import ShtrihEmulator

emulate_app = typer.Typer(
    name="emulate", help="Stand-ins for operator, registers, vendor and back office.", no_args_is_help=True
)

LOOPBACK = "127.0.0.1"
OFD_TCP_PORT, OFD_HTTP_PORT, CONTROL_PORT, G2A_PORT = 7777, 7778, 7779, 7780  # any free ones would do
ERP_PORT, ERP_CONTROL_PORT = 7781, 7782
SHTRIH_PORT, SHTRIH_CONTROL_PORT = 7783, 7784  # real ones listen on 7778
CANNOT_LISTEN = 1  # exit code

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
ControlPort = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the control interface, on 127.0.0.1; 0 takes a free one."),
]
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
        _show_use(f"OFD_HOST={reachable(host)} OFD_PORT={emulator.port} kkt-adapter serve")
        _show_control(emulator.control_port)

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
        _show_use(f"OFD_TRANSPORT=http OFD_BASE_URL={url} kkt-adapter serve")
        line(f"  curl {url}/ofd/v1/health")
        _show_control(emulator.control_port)

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
        _show_use(
            f"HEARTBEAT_URL={url} " + (f"HEARTBEAT_TOKEN={token} " if token else "") + "kkt-adapter serve"
        )
        control = f"http://{LOOPBACK}:{emulator.control_port}/control"
        line(say(f"Control interface at {control}", f"Управление: {control}"))
        for text in (
            f"curl {control}/state",
            f"curl {control}/events",
            f"""curl -X POST {control}/faults -d '{{"mode": "login_page", "count": 3}}'""",
            f"""curl -X POST {control}/faults -d '{{"mode": "down"}}'""",
            f"curl -X DELETE {control}/faults",
        ):
            line(f"  {text}")
        line(say("Stop with Ctrl+C.", "Остановка: Ctrl+C."))

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


@emulate_app.command("shtrih")
def shtrih(
    host: Host = LOOPBACK,
    port: Port = SHTRIH_PORT,
    protocol: Annotated[
        int | None, typer.Option(min=1, max=2, help="Low-level protocol; left out: the first byte decides.")
    ] = None,
    pty: Annotated[Path | None, typer.Option(help="Also a pseudo terminal, linked from this file.")] = None,
    control_port: ControlPort = SHTRIH_CONTROL_PORT,
    ffd: Annotated[str, typer.Option(metavar="1.05|1.1|1.2", help="FFD of its registration.")] = "1.2",
    state: Annotated[
        Path | None, typer.Option(help="Folder that keeps FN and counters; left out: forgotten at the end.")
    ] = None,
    ofd: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Operator that the register itself delivers to.")
    ] = "",
) -> None:
    """Be a Shtrih-M register. A test emulator, not a cash register."""
    from kkt_adapter.emulators.shtrih import FFD, ShtrihEmulator
    from kkt_adapter.emulators.shtrih.own_exchange import by_itself
    from kkt_adapter.fiscal.kkt.virtual import made_up_registration
    from kkt_adapter.kernel.ids import RegisterId

    if ffd not in FFD:
        raise typer.BadParameter(f"{ffd!r} is none of 1.05, 1.1, 1.2", param_hint="--ffd")
    emulator = ShtrihEmulator(
        host=host,
        port=port,
        pty=pty,
        control_port=control_port,
        state=state,
        registration=made_up_registration(
            RegisterId(f"shtrih-emulator-{port}"), ffd_version=FFD[ffd], marked_goods=ffd == "1.2"
        ),
        protocol=protocol,
        deliver=by_itself(*address_of(ofd)) if ofd else None,
        relayed=not ofd,
    )
    run_emulator(_serve_shtrih(emulator, host, None if pty is None else f"serial://{pty.absolute()}"))


async def _serve_shtrih(emulator: "ShtrihEmulator", host: str, serial: str | None) -> None:
    stop = stopped_by_signal()
    await emulator.start()
    try:
        address = f"tcp://{reachable(host)}:{emulator.port}"
        line(
            say(
                f"Shtrih-M register (test emulator, NOT a cash register) at {address}",
                f"ККТ Штрих-М (тестовый эмулятор, НЕ касса): {address}",
            )
        )
        for text in (
            "[[register]]",
            'id = "KKT-1"',
            'driver = "shtrih"',
            f'address = "{address if serial is None else serial}"',
        ):
            line(f"  {text}")
        control = f"http://{LOOPBACK}:{emulator.control_port}/control"
        line(say(f"Control interface at {control}", f"Управление: {control}"))
        for text in (
            f"curl {control}/state",
            f"curl {control}/documents",
            f"""curl -X POST {control}/faults -d '{{"mode": "cut_answer", "command": "ff45", "at": 3}}'""",
            f"""curl -X POST {control}/conditions -d '{{"paper": false}}'""",
            f"curl -X POST {control}/power",
            f"curl -X DELETE {control}/faults",
        ):
            line(f"  {text}")
        line(say("Stop with Ctrl+C.", "Остановка: Ctrl+C."))
        await stop.wait()
    finally:
        await emulator.stop()


def address_of(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{text!r} is no HOST:PORT", param_hint="--ofd")
    return host.strip("[]"), int(port)


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
        _show_use(
            f"G2A_BASE_URL={url} G2A_CLIENT_ID={key.client_id} "
            f"G2A_CLIENT_SECRET={key.client_secret} G2A_EMAIL={key.email} kkt-adapter serve"
        )
        for text in (
            f"curl -H 'Authorization: {key.pair_header}' '{url}/v1/products?page=1'",
            f"curl {url}/_emulator/truth",
            f"curl {url}/_emulator/counters",
            f"curl -X POST {url}/_emulator/advance",
            f"""curl -X POST {url}/_emulator/faults -d '{{"every_429": 20}}'""",
        ):
            line(f"  {text}")
        line(say("Stop with Ctrl+C.", "Остановка: Ctrl+C."))
        await stop.wait()
    finally:
        await emulator.stop()


def run_emulator(serving: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(serving)
    except KktUnavailable as error:  # its state folder is in use, or damaged
        complain(say(error.detail.en, error.detail.ru))
        raise typer.Exit(CANNOT_LISTEN) from error
    except OSError as error:
        complain(
            say(
                f"Cannot listen: {error.strerror or error}. Choose another port, or 0 for a free one.",
                f"Не удаётся занять порт: {error.strerror or error}. Укажите другой порт или 0.",
            )
        )
        raise typer.Exit(CANNOT_LISTEN) from error


def stopped_by_signal() -> asyncio.Event:
    """Set by Ctrl+C or SIGTERM; call it inside the loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def reachable(host: str) -> str:
    """An address to call: "all addresses" is none."""
    if host in ("0.0.0.0", "::", ""):
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def _show_use(command: str) -> None:
    line(f"  {command}")


def _show_control(port: int) -> None:
    url = f"http://{LOOPBACK}:{port}/control"
    line(say(f"Control interface at {url}", f"Управление: {url}"))
    for text in _control_examples(url):
        line(f"  {text}")
    line(say("Stop with Ctrl+C.", "Остановка: Ctrl+C."))


def _control_examples(url: str) -> Sequence[str]:
    return (
        f"curl {url}/state",
        f"curl {url}/documents",
        f"""curl -X POST {url}/faults -d '{{"mode": "slow", "delay_s": 3}}'""",
        f"""curl -X POST {url}/faults -d '{{"mode": "down"}}'""",
        f"curl -X DELETE {url}/faults",
    )
