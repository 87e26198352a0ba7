"""Python programs as processes of their own that start in milliseconds: forks of a process that has imported
everything (`tests.support.processes.fork_server`).

`tests/integration/runtime/test_readme.py` and `test_cli_serve.py` start the service as a person does.
"""

import atexit
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from kkt_adapter.lab.servers import end_with_parent

ROOT = Path(__file__).parents[3]
PR_SET_CHILD_SUBREAPER = 36  # prctl(2): orphans below us become our children


class Forked:
    """What tests use of a `subprocess.Popen`."""

    def __init__(self, pid: int, stdin: IO[bytes]) -> None:
        self.pid = pid
        self.stdin = stdin
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self._reap(os.WNOHANG)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.005)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, how: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, how)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _reap(self, how: int) -> None:
        pid, status = os.waitpid(self.pid, how)
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)
            self.stdin.close()


def start_module(
    module: str, *arguments: str, cwd: Path, environment: Mapping[str, str], log: Path
) -> Forked:
    """As ``python -m MODULE ARGUMENTS``, its output appended to ``log``, its input a pipe."""
    reading, writing = os.pipe()
    with log.open("ab") as output:
        pid = _server().fork(
            [module, *arguments],
            cwd=cwd,
            environment=environment,
            descriptors=(reading, output.fileno(), output.fileno()),
        )
    os.close(reading)
    return Forked(pid, os.fdopen(writing, "wb"))


class _Server:
    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.processes.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent,
            )
        atexit.register(self._close)

    def fork(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        descriptors: Sequence[int],
    ) -> int:
        order = {"arguments": arguments, "cwd": str(cwd), "environment": dict(environment)}
        socket.send_fds(self._link, [json.dumps(order).encode()], descriptors)
        told = self._link.recv(32)
        assert told, "the fork server has ended"
        return int(told)

    def _close(self) -> None:
        self._link.close()
        self._process.kill()
        self._process.wait()


@cache
def _server() -> _Server:
    return _Server()
