"""One back office: its book, its faults, its listener, in the loop that starts it."""

import asyncio
from collections.abc import Callable
from typing import Any

from kkt_adapter.emulators.erp.book import ErpBook
from kkt_adapter.emulators.erp.control import control_app, faults_json
from kkt_adapter.emulators.erp.faults import ErpFault, ErpFaultPlan
from kkt_adapter.emulators.erp.server import PATHS, ErpServer, Manners
from kkt_adapter.emulators.erp.sign_in import OfficeSignIn
from kkt_adapter.emulators.life import ControlPort, Switch, run_until
from kkt_adapter.kernel.clock import Clock, SystemClock


class ErpEmulator:
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
        self._plan = ErpFaultPlan()
        self._server = ErpServer(
            host=host,
            port=port,
            book=self.book,
            plan=self._plan,
            manners=self.manners,
            clock=clock or SystemClock(),
        )
        self._control = ControlPort(control_port)
        self._switch = Switch((self._server,), is_down=lambda: self._plan.is_down)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        """The address without a path: what a target of profile odoo wants."""
        return f"http://{self._server.host}:{self.port}"

    @property
    def control_port(self) -> int:
        return self._control.port

    @property
    def refused(self) -> str | None:
        """Why the last body was refused with 400; None: none was."""
        return self._server.refused

    async def start(self) -> None:
        """Listen. Raises OSError when a port is taken; then nothing listens."""
        try:
            await self._switch.follow()
            await self._control.open(lambda: control_app(self))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Cut everything; may be called twice."""
        await self._control.close()
        await self._switch.cut()

    async def set_faults(self, *faults: ErpFault) -> None:
        """Replace the faults in force; without any, everything works again."""
        self._plan.set(faults)
        await self._switch.follow()

    def state(self) -> dict[str, Any]:
        """The book's counters, the listener, the manners and the faults in force."""
        return {
            "port": self.port,
            "paths": list(PATHS),
            "down": not self._switch.on,
            "interval_s": self.manners.interval_s,
            "max_body_bytes": self.manners.max_body_bytes,
            "faults": faults_json(self._plan.faults),
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
