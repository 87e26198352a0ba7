"""One operator: its book, its faults, and up to three listeners in the loop that starts it."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web

from kkt_adapter.emulators.life import SwitchedEmulator, run_until
from kkt_adapter.emulators.ofd.book import OfdBook, OperatorChannel
from kkt_adapter.emulators.ofd.control import control_app, faults_json
from kkt_adapter.emulators.ofd.faults import OfdFault, OfdFaultPlan
from kkt_adapter.emulators.ofd.http import Duplicates, OfdHttpServer
from kkt_adapter.emulators.ofd.reply import ReplyShape
from kkt_adapter.emulators.ofd.tcp import OfdTcpServer
from kkt_adapter.kernel.clock import Clock, SystemClock


class OfdEmulator(SwitchedEmulator[OfdFault]):
    """An operator that forgets everything when it stops.

    Port 0 takes a free one (the properties tell which), None leaves that listener out. Everything runs in
    the event loop of ``start`` and never blocks it, so a service can carry its own operator.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = 0,
        http_port: int | None = 0,
        control_port: int | None = 0,
        shape: ReplyShape = ReplyShape.OPERATOR,
        duplicates: Duplicates = Duplicates.ACCEPT,
        book: OfdBook | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.book = book or OfdBook()
        plan = OfdFaultPlan()
        self._listeners: dict[OperatorChannel, OfdTcpServer | OfdHttpServer] = {}
        if port is not None:
            self._listeners[OperatorChannel.TCP] = OfdTcpServer(
                host=host, port=port, book=self.book, plan=plan, shape=shape, clock=clock
            )
        if http_port is not None:
            self._listeners[OperatorChannel.HTTP] = OfdHttpServer(
                host=host, port=http_port, book=self.book, plan=plan, duplicates=duplicates, clock=clock
            )
        listeners = tuple(self._listeners.values())
        super().__init__(listeners, plan, is_down=lambda: plan.is_down, control_port=control_port)

    @property
    def port(self) -> int:
        """Of the binary protocol."""
        return self._listeners[OperatorChannel.TCP].port

    @property
    def http_port(self) -> int:
        return self._listeners[OperatorChannel.HTTP].port

    def control_app(self) -> web.Application:
        return control_app(self)

    def state(self) -> dict[str, Any]:
        """The book's counters, the listeners and the faults in force."""
        return {
            "listening": {str(name): listener.port for name, listener in self._listeners.items()},
            "down": not self._switch.on,
            "faults": faults_json(self.faults),
            **self.book.state(),
        }


async def serve_ofd(
    *,
    mode: OperatorChannel | Literal["tcp", "http"],
    host: str,
    port: int,
    control_port: int | None,
    stop: asyncio.Event,
    shape: ReplyShape | Literal["operator", "loose"] = ReplyShape.OPERATOR,
    duplicates: Duplicates | Literal["accept", "conflict"] = Duplicates.ACCEPT,
    on_ready: Callable[[OfdEmulator], None] | None = None,
) -> None:
    """Be an operator with one transport until ``stop`` is set; ``on_ready`` is called once it listens."""
    emulator = OfdEmulator(
        host=host,
        port=port if mode == OperatorChannel.TCP else None,
        http_port=port if mode == OperatorChannel.HTTP else None,
        control_port=control_port,
        shape=ReplyShape(shape),
        duplicates=Duplicates(duplicates),
    )
    await run_until(stop, emulator, on_ready=on_ready)
