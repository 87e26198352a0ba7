"""Private servers for a test run: PostgreSQL and Redis on free loopback ports, in temporary directories.

A service that is not installed skips the tests that need it on a developer's machine and fails them where
the environment says CI, as a suite that silently tests less is worse than a red one.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.ports import free_port

START_WITHIN_S = 20.0


def missing(what: str) -> None:
    """Skip, or fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI must test with it")
    pytest.skip(f"{what} is not installed")


class RedisServer:
    """A redis-server without persistence: a restart forgets everything."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._binary = binary
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                "no", "--dir", str(self._directory), "--daemonize", "no",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        _wait_for_port(self.port, self._process)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """The server stops answering, and its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    binary = shutil.which("redis-server")
    if binary is None:
        missing("redis-server")
    assert binary is not None
    server = RedisServer(binary, directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class PostgresServer:
    """A cluster without fsync, for the user ``kkt`` without a password."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._data = directory / "pgdata"
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: Sequence[str] = ()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._as_user = ("setpriv", f"--reuid={_other_user()}", "--regid=65534", "--clear-groups", "--")
            os.chown(directory, _other_user(), 65534)
        self.port = free_port()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://kkt@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        self._run(
            "initdb",
            "-D",
            str(self._data),
            "-U",
            "kkt",
            "--auth=trust",
            "--no-sync",
            "--no-locale",
            "-E",
            "UTF8",
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *self._as_user, str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
                "-c", "full_page_writes=off", "-c", "max_connections=60", "-c", "shared_buffers=16MB",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._data.parent,
        )  # fmt: skip
        _wait_for_port(self.port, self._process)
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-t", "10", until_it_works=True)

    def stop(self) -> None:
        """At once, as a crash of the machine would: connections break, the log is replayed at the start."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, program: str, *arguments: str, until_it_works: bool = False) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            result = subprocess.run(
                [*self._as_user, str(self._binaries / program), *arguments],
                capture_output=True,
                cwd=self._data.parent,
                check=False,
            )
            if result.returncode == 0:
                return
            if not until_it_works or time.monotonic() > deadline:
                raise RuntimeError(f"{program} failed: {result.stdout!r} {result.stderr!r}")
            time.sleep(0.05)


@contextmanager
def postgres_server(directory: Path) -> Iterator[PostgresServer]:
    binaries = _postgres_binaries()
    if binaries is None:
        missing("PostgreSQL")
    assert binaries is not None
    server = PostgresServer(binaries, directory)
    server.initialise()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _postgres_binaries() -> Path | None:
    """The directory of initdb and postgres: the newest of Debian's, else what pg_config or PATH say."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: _number(path.parent.name))
    places = list(reversed(debian))
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        places.append(Path(said.stdout.strip()))
    if initdb := shutil.which("initdb"):
        places.append(Path(initdb).resolve().parent)
    return next((place for place in places if (place / "initdb").exists()), None)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _other_user() -> int:
    try:
        return pwd.getpwnam("postgres").pw_uid
    except KeyError:
        return pwd.getpwnam("nobody").pw_uid


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
