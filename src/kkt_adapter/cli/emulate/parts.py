"""What every stand-in's command has: its options, what it says, how it runs and ends."""

import asyncio
import signal
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.screen import complain, line
from kkt_adapter.cli.texts import say
from kkt_adapter.kernel.errors import KktUnavailable

if TYPE_CHECKING:
    from kkt_adapter.fiscal.model import Registration

LOOPBACK = "127.0.0.1"
CANNOT_LISTEN = 1  # exit code

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
ControlPort = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the control interface, on 127.0.0.1; 0 takes a free one."),
]
Ffd = Annotated[str, typer.Option(metavar="1.05|1.1|1.2", help="FFD of its registration.")]
State = Annotated[
    Path | None, typer.Option(help="Folder that keeps what it has done; left out: forgotten at the end.")
]
Operator = Annotated[
    str, typer.Option(metavar="HOST:PORT", help="Operator that the register itself delivers to.")
]


def made_up(name: str, ffd: str) -> "Registration":
    """The registration of an emulated register."""
    from kkt_adapter.fiscal.kkt.virtual import made_up_registration
    from kkt_adapter.fiscal.model import FFD_OF_TEXT
    from kkt_adapter.kernel.ids import RegisterId

    if ffd not in FFD_OF_TEXT:
        raise typer.BadParameter(f"{ffd!r} is none of {', '.join(FFD_OF_TEXT)}", param_hint="--ffd")
    return made_up_registration(RegisterId(name), ffd_version=FFD_OF_TEXT[ffd], marked_goods=ffd == "1.2")


def address_of(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{text!r} is no HOST:PORT", param_hint="--ofd")
    return host.strip("[]"), int(port)


def reachable(host: str) -> str:
    """An address to call: "all addresses" is none."""
    if host in ("0.0.0.0", "::", ""):
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def show(texts: Iterable[str]) -> None:
    """To be copied: commands, or lines of a settings file."""
    for text in texts:
        line(f"  {text}")


def show_control(port: int, *examples: str) -> None:
    """The control interface and how it is called: ``METHOD PATH BODY`` below ``/control``."""
    url = f"http://{LOOPBACK}:{port}/control"
    line(say(f"Control interface at {url}", f"Управление: {url}"))
    show(_curl(url, *example.split(" ", 2)) for example in examples)
    show_end()


def show_end() -> None:
    line(say("Stop with Ctrl+C.", "Остановка: Ctrl+C."))


def _curl(url: str, method: str, path: str, body: str = "") -> str:
    how = "" if method == "GET" else f"-X {method} "
    return f"curl {how}{url}/{path}" + (f" -d '{body}'" if body else "")


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
