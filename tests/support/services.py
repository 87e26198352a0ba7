"""Private servers for a test run: PostgreSQL and Redis on free loopback ports, in temporary directories.

A service that is not installed skips the tests that need it on a developer's machine and fails them where
the environment says CI, as a suite that silently tests less is worse than a red one.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from tests.support.ports import free_port

from kkt_adapter.lab.programs import USER, NotInstalled, PostgresProgram, redis_command

START_WITHIN_S = 90.0
T = TypeVar("T")


def missing(what: str) -> None:
    """Skip, or fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI must test with it")
    pytest.skip(f"{what} is not installed")


class Server:
    """One server program on a port of its own; ``start`` waits until the port answers."""

    def __init__(self, command: Sequence[str], *, port: int, folder: Path, ended_by: signal.Signals) -> None:
        self.port = port
        self._command = command
        self._folder = folder
        self._ended_by = ended_by
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder
        )
        _wait_for_port(self.port, self._process)

    def stop(self) -> None:
        """At once, as a crash would; may be called twice."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(self._ended_by)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class RedisServer(Server):
    """A redis-server without persistence: a restart forgets everything."""

    def __init__(self, folder: Path) -> None:
        """Raises NotInstalled."""
        port = free_port()
        super().__init__(redis_command(folder, port), port=port, folder=folder, ended_by=signal.SIGKILL)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def freeze(self) -> None:
        """The server stops answering, and its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class PostgresServer(Server):
    """A cluster without fsync, for the user ``kkt`` without a password. ``stop`` breaks its connections, and
    the log is replayed at the next start."""

    def __init__(self, folder: Path) -> None:
        """Raises NotInstalled."""
        self._program = PostgresProgram(folder)
        port = free_port()
        command = self._program.server(port, "max_connections=60", "shared_buffers=16MB")
        super().__init__(command, port=port, folder=folder, ended_by=signal.SIGQUIT)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        subprocess.run(self._program.initdb(), cwd=self._folder, check=True, capture_output=True)

    def start(self) -> None:
        super().start()
        deadline = time.monotonic() + START_WITHIN_S
        while subprocess.run(self._program.is_ready(self.port), capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not become ready"
            time.sleep(0.05)


@contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    server = _installed(RedisServer, directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_server(directory: Path) -> Iterator[PostgresServer]:
    server = _installed(PostgresServer, directory)
    server.initialise()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _installed(make: Callable[[Path], T], directory: Path) -> T:
    try:
        return make(directory)
    except NotInstalled as what:
        missing(str(what))
        raise


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server on port {port} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the server on port {port} did not start")
