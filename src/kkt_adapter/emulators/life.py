"""How every emulator starts, is switched off, keeps its state and ends; each says only what is its own."""

import asyncio
import contextlib
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from aiohttp import web

from kkt_adapter.emulators.control import HOST
from kkt_adapter.emulators.fault_list import FaultList, FaultT
from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.fiscal.kkt.virtual import VirtualFn
from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.kernel.errors import KktError, OfdError

POLL_S = 0.5  # between two looks at an FN's queue

Deliver = Callable[[OfdMessage], Awaitable[bytes]]


class Listens(Protocol):
    async def listen(self) -> None: ...

    async def cut(self) -> None: ...


class Runs(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


RunsT = TypeVar("RunsT", bound=Runs)


class ControlPort:
    """The listener of a control interface; ``port`` 0 takes a free one, None: there is none."""

    def __init__(self, port: int | None) -> None:
        self._listener = None if port is None else HttpListener(host=HOST, port=port)

    @property
    def port(self) -> int:
        if self._listener is None or not self._listener.port:
            raise RuntimeError("there is no control interface, or it is not started")
        return self._listener.port

    async def open(self, app: Callable[[], web.Application]) -> None:
        """Raises OSError: the port is taken."""
        if self._listener is not None:
            await self._listener.listen(app())

    async def close(self) -> None:
        """May be called twice."""
        if self._listener is not None:
            await self._listener.cut()


class Switch:
    """Listeners that are on, or off while ``is_down`` says so."""

    def __init__(self, listeners: Sequence[Listens], *, is_down: Callable[[], bool]) -> None:
        self.on = False
        self._listeners = listeners
        self._is_down = is_down
        self._switching = asyncio.Lock()

    async def follow(self) -> None:
        """Returns when the listeners are in the wanted state. Raises OSError: a port is taken."""
        async with self._switching:
            if self.on == (not self._is_down()):
                return
            for listener in self._listeners:
                await (listener.cut() if self.on else listener.listen())
            self.on = not self.on

    async def cut(self) -> None:
        """May be called twice."""
        for listener in self._listeners:
            await listener.cut()
        self.on = False


class SwitchedEmulator(ABC, Generic[FaultT]):
    """Listeners that a fault can switch off, and a control interface. It forgets everything when it stops."""

    def __init__(
        self,
        listeners: Sequence[Listens],
        plan: FaultList[FaultT],
        *,
        is_down: Callable[[], bool],
        control_port: int | None,
    ) -> None:
        self._plan = plan
        self._control = ControlPort(control_port)
        self._switch = Switch(listeners, is_down=is_down)

    @property
    def control_port(self) -> int:
        return self._control.port

    @property
    def faults(self) -> tuple[FaultT, ...]:
        return self._plan.faults

    @abstractmethod
    def control_app(self) -> web.Application:
        """What listens at ``control_port``."""

    async def start(self) -> None:
        """Listen. Raises OSError when a port is taken; then nothing listens."""
        try:
            await self._switch.follow()
            await self._control.open(self.control_app)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Cut everything; may be called twice."""
        await self._control.close()
        await self._switch.cut()

    async def set_faults(self, *faults: FaultT) -> None:
        """Replace the faults in force; without any, everything works again.

        Returns when the listeners are in the wanted state (``down``: refused; else: listening).
        """
        self._plan.set(faults)
        await self._switch.follow()


class StateFolder:
    """Where an emulated register keeps its FN; without a folder, in a temporary one until ``close``."""

    def __init__(self, folder: Path | None, *, prefix: str) -> None:
        self.is_kept = folder is not None
        self._folder = folder
        self._prefix = prefix
        self._temporary: str | None = None

    def open(self) -> Path:
        """The folder, made if it is not there."""
        folder = self._folder
        if folder is None:
            self._temporary = self._temporary or tempfile.mkdtemp(prefix=self._prefix)
            folder = Path(self._temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def close(self) -> None:
        """May be called twice."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None


async def deliver_all(
    fn: Callable[[], VirtualFn], deliver: Deliver, *, by_itself: Callable[[], bool]
) -> None:
    """What firmware does while ``by_itself``: one message after another, the same bytes after a failure.

    Runs until it is cancelled. ``fn``: the FN that the register has now.
    """
    while True:
        pause_s = POLL_S
        if by_itself():
            try:
                message = fn().read_message()
                if message is not None:
                    fn().accept_reply(await deliver(message))
                    pause_s = 0.0
            except (OfdError, KktError, OSError):
                pause_s = 2 * POLL_S
        await asyncio.sleep(pause_s)


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait for their ends."""
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def run_until(
    stop: asyncio.Event, emulator: RunsT, *, on_ready: Callable[[RunsT], None] | None = None
) -> None:
    """Run until ``stop`` is set; ``on_ready`` is called once it listens. Cancelling stops it too."""
    await emulator.start()
    try:
        if on_ready is not None:
            on_ready(emulator)
        await stop.wait()
    finally:
        await emulator.stop()


def host_zone() -> tzinfo:
    from tzlocal import get_localzone

    return get_localzone()
