"""Private PostgreSQL and Redis servers for one run, on free loopback ports, killed and started again at will.

They end with the lab, however it ends.
"""

import asyncio
import ctypes
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kkt_adapter.lab.ports import ReservedPort
from kkt_adapter.lab.programs import USER, PostgresProgram, redis_command

START_WITHIN_S = 20.0
PR_SET_PDEATHSIG = 1  # prctl(2): a signal for us when our parent ends


def end_with_parent() -> None:
    """In a new process: have the kernel end it when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerProcess:
    """One server program; ``start`` waits until its port answers."""

    def __init__(self, command: Sequence[str], *, port: ReservedPort, folder: Path) -> None:
        self._reserved = port
        self.port = port.number
        self._command = command
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Raises RuntimeError when it does not come up."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self._folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise RuntimeError(f"{self._command[0]} ended with {self._process.returncode}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise RuntimeError(f"{self._command[0]} does not answer on port {self.port}") from None

    async def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it at once; may be called twice."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


class RedisServer(ServerProcess):
    """Without persistence: a restart forgets everything."""

    def __init__(self, folder: Path) -> None:
        """Raises NotInstalled."""
        port = ReservedPort()
        super().__init__(redis_command(folder, port.number), port=port, folder=folder)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class PostgresServer(ServerProcess):
    """A cluster of its own for the user ``kkt``. fsync is off: the lab kills servers, not machines."""

    def __init__(self, folder: Path) -> None:
        """Raises NotInstalled."""
        self._program = PostgresProgram(folder)
        port = ReservedPort()
        command = self._program.server(port.number, "max_connections=60", "shared_buffers=32MB")
        super().__init__(command, port=port, folder=folder)
        self.data = self._program.data  # its files

    def url(self, *, idle_transaction_s: float) -> str:
        """``idle_transaction_s``: how long a stopped process may hold a transaction open."""
        options = f"-c%20idle_in_transaction_session_timeout%3D{round(idle_transaction_s * 1000)}"
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres?options={options}"

    async def initialise(self) -> None:
        """Raises RuntimeError."""
        await self._finish(self._program.initdb())

    async def run(self, *command: str) -> None:
        """A program of the server's user. Raises RuntimeError."""
        await self._finish(self._program.command(*command))

    async def start(self) -> None:
        await super().start()
        ready = self._program.is_ready(self.port)
        async with asyncio.timeout(START_WITHIN_S):
            while True:
                asking = await asyncio.create_subprocess_exec(*ready, stdout=asyncio.subprocess.DEVNULL)
                if await asking.wait() == 0:
                    return
                await asyncio.sleep(0.02)

    async def _finish(self, command: Sequence[str]) -> None:
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, cwd=self._folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.decode(errors='replace')}")
