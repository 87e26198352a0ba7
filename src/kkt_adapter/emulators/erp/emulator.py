"""One back office: its book, its faults, its listener, in the loop that starts it."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from kkt_adapter.emulators.erp.book import ErpBook
from kkt_adapter.emulators.erp.control import control_app, faults_json
from kkt_adapter.emulators.erp.faults import ErpFault, ErpFaultPlan
from kkt_adapter.emulators.erp.server import PATHS, ErpServer, Manners
from kkt_adapter.emulators.erp.sign_in import OfficeSignIn
from kkt_adapter.emulators.life import SwitchedEmulator, run_until
from kkt_adapter.kernel.clock import Clock, SystemClock


class ErpEmulator(SwitchedEmulator[ErpFault]):
    """A back office that forgets everything when it stops.

    Port 0 takes a free one (the properties tell which); ``control_port`` None leaves that listener out.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int | None = 0,
        sign_in: OfficeSignIn | None = None,
        interval_s: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.book = ErpBook()
        self.manners = Manners(interval_s=interval_s, sign_in=sign_in or OfficeSignIn())
        plan = ErpFaultPlan()
        self._server = ErpServer(
            host=host,
            port=port,
            book=self.book,
            plan=plan,
            manners=self.manners,
            clock=clock or SystemClock(),
        )
        super().__init__((self._server,), plan, is_down=lambda: plan.is_down, control_port=control_port)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        """The address without a path: what a target of profile odoo wants."""
        return f"http://{self._server.host}:{self.port}"

    @property
    def refused(self) -> str | None:
        """Why the last body was refused with 400; None: none was."""
        return self._server.refused

    def control_app(self) -> web.Application:
        return control_app(self)

    def state(self) -> dict[str, Any]:
        """The book's counters, the listener, the manners and the faults in force."""
        return {
            "port": self.port,
            "paths": list(PATHS),
            "down": not self._switch.on,
            "interval_s": self.manners.interval_s,
            "max_body_bytes": self.manners.max_body_bytes,
            "faults": faults_json(self.faults),
            "refused": self.refused,
            **self.book.state(),
        }


async def serve_erp(
    *,
    host: str,
    port: int,
    control_port: int | None,
    stop: asyncio.Event,
    sign_in: OfficeSignIn | None = None,
    interval_s: float | None = None,
    on_ready: Callable[[ErpEmulator], None] | None = None,
) -> None:
    """Be a back office until ``stop`` is set; ``on_ready`` is called once it listens."""
    emulator = ErpEmulator(
        host=host, port=port, control_port=control_port, sign_in=sign_in, interval_s=interval_s
    )
    await run_until(stop, emulator, on_ready=on_ready)
