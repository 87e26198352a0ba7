"""Private PostgreSQL and Redis servers for one run, on free loopback ports, killed and started again at will.

They end with the lab, however it ends.
"""

import asyncio
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kkt_adapter.lab.ports import ReservedPort

START_WITHIN_S = 20.0
PR_SET_PDEATHSIG = 1  # prctl(2): a signal for us when our parent ends


class NotInstalled(Exception):
    """The program that is needed is not on this machine."""


def check_installed(*, postgres: bool, redis: bool) -> None:
    """Raises NotInstalled, with the first that is asked for and not there."""
    if postgres:
        _postgres_binaries()
    if redis and shutil.which("redis-server") is None:
        raise NotInstalled("redis-server")


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
        binary = shutil.which("redis-server")
        if binary is None:
            raise NotInstalled("redis-server")
        port = ReservedPort()
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
        super().__init__((binary, "--port", str(port.number), *options), port=port, folder=folder)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class PostgresServer(ServerProcess):
    """A cluster of its own for the user ``kkt``. fsync is off: the lab kills servers, not machines."""

    def __init__(self, folder: Path) -> None:
        """Raises NotInstalled."""
        self._binaries = _postgres_binaries()
        port = ReservedPort()
        as_user: Sequence[str] = ()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = _other_user()
            as_user = (
                "setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", "--pdeathsig=KILL", "--"
            )  # fmt: skip
            os.chown(folder, user, 65534)
        self._as_user = as_user
        data = folder / "pgdata"
        super().__init__(
            (
                *as_user, str(self._binaries / "postgres"), "-D", str(data), "-p", str(port.number),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
                "-c", "full_page_writes=off", "-c", "max_connections=60", "-c", "shared_buffers=32MB",
            ),
            port=port,
            folder=folder,
        )  # fmt: skip
        self.data = data  # its files

    def url(self, *, idle_transaction_s: float) -> str:
        """``idle_transaction_s``: how long a stopped process may hold a transaction open."""
        options = f"-c%20idle_in_transaction_session_timeout%3D{round(idle_transaction_s * 1000)}"
        return f"postgresql://kkt@127.0.0.1:{self.port}/postgres?options={options}"

    async def initialise(self) -> None:
        await self.run(
            str(self._binaries / "initdb"), "-D", str(self.data), "-U", "kkt",
            "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8",
        )  # fmt: skip

    async def run(self, *command: str) -> None:
        """A program of the server's user. Raises RuntimeError."""
        done = await asyncio.to_thread(
            subprocess.run, (*self._as_user, *command), capture_output=True, cwd=self._folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")

    async def start(self) -> None:
        await super().start()
        ready = (str(self._binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port))
        async with asyncio.timeout(START_WITHIN_S):
            while True:
                asking = await asyncio.create_subprocess_exec(*ready, stdout=asyncio.subprocess.DEVNULL)
                if await asking.wait() == 0:
                    return
                await asyncio.sleep(0.02)


def _postgres_binaries() -> Path:
    """The directory of initdb and postgres: the newest of Debian's, else what pg_config or PATH say."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: _number(path.parent.name))
    places = list(reversed(debian))
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        places.append(Path(said.stdout.strip()))
    if initdb := shutil.which("initdb"):
        places.append(Path(initdb).resolve().parent)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise NotInstalled("PostgreSQL")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _other_user() -> int:
    try:
        return pwd.getpwnam("postgres").pw_uid
    except KeyError:
        return pwd.getpwnam("nobody").pw_uid
