"""The command lines of a private PostgreSQL and Redis, and the user that may run them.

The fault lab, the tests and the bench start their own servers with these, each in its own way.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

USER: Final = "kkt"
"""Who may sign in to a cluster, without a password."""

_NO_GROUP: Final = 65534
_NO_FSYNC: Final = ("fsync=off", "full_page_writes=off")


class NotInstalled(Exception):
    """The program that is needed is not on this machine."""


def redis_command(folder: Path, port: int) -> tuple[str, ...]:
    """A Redis without persistence: a restart forgets everything. Raises NotInstalled."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise NotInstalled("redis-server")
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
    return (binary, "--port", str(port), *options)


class PostgresProgram:
    """PostgreSQL for a cluster in ``folder``, which is given to the user that runs it.

    ``fsync`` off: what the server confirmed survives its own end, not the machine's.
    """

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        """Raises NotInstalled."""
        self.data = folder / "pgdata"
        self._binaries = _postgres_binaries()
        self._durability = () if fsync else _NO_FSYNC
        self._initdb = () if fsync else ("--no-sync",)
        self._as_user: Sequence[str] = ()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = _other_user()
            ids = (f"--reuid={user}", f"--regid={_NO_GROUP}", "--clear-groups")
            self._as_user = ("setpriv", *ids, "--pdeathsig=KILL", "--")
            os.chown(folder, user, _NO_GROUP)

    def command(self, *words: str) -> tuple[str, ...]:
        """Any command, as the user of the cluster."""
        return (*self._as_user, *words)

    def tool(self, name: str, *arguments: str) -> tuple[str, ...]:
        """A program of the same installation, as the user of the cluster."""
        return self.command(str(self._binaries / name), *arguments)

    def initdb(self) -> tuple[str, ...]:
        return self.tool(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            USER,
            "--auth=trust",
            "--no-locale",
            "-E",
            "UTF8",
            *self._initdb,
        )

    def is_ready(self, port: int) -> tuple[str, ...]:
        """Ends with 0 when the server answers."""
        return self.tool("pg_isready", "-h", "127.0.0.1", "-p", str(port))

    def server(self, port: int, *settings: str) -> tuple[str, ...]:
        """Listens on loopback only. ``settings``: further ``name=value``."""
        wanted = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *self._durability, *settings)
        options = [word for setting in wanted for word in ("-c", setting)]
        return self.tool("postgres", "-D", str(self.data), "-p", str(port), *options)


def check_installed(*, postgres: bool, redis: bool) -> None:
    """Raises NotInstalled, with the first that is asked for and not there."""
    if postgres:
        _postgres_binaries()
    if redis and shutil.which("redis-server") is None:
        raise NotInstalled("redis-server")


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
