"""The measured processes: each variant gets a fresh one, on a free loopback port, in a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READY_S = 60.0  # a process that does not answer by then is given up
STOP_S = 15.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
NOBODY = 9  # the discard port: nothing listens, so connecting is refused at once


class Server:
    """A process that serves HTTP."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, *, started: float) -> None:
        self.process = process
        self.started = started  # time.monotonic() when it was started
        self._log = log
        self.port = 0

    def wait(self) -> None:
        """Until its first line names the port and the port answers."""
        until = time.monotonic() + READY_S
        while not self.port:
            found = _ADDRESS.search(self._log.read_text(errors="replace"))
            if found:
                self.port = int(found[1])
            else:
                self._pause(until, 0.005)
        while True:
            try:
                self.get("/health")
                return
            except (OSError, urllib.error.URLError):
                self._pause(until, 0.005)

    def get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def memory_mb(self) -> float:
        """Resident memory, in units of 1,000,000 bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024 / 1e6

    def processor_s(self) -> float:
        """Processor time of all threads so far, user and system; in steps of 10 ms."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """SIGKILL: what a power cut does to a process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _pause(self, until: float, seconds: float) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the measured process ended: {self._log.read_text(errors='replace')[-2000:]}")
        if time.monotonic() > until:
            raise RuntimeError(f"the measured process does not answer: {self._log}")
        time.sleep(seconds)


@contextmanager
def serving(
    arguments: list[str], folder: Path, *, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """``python -m <arguments>``, ready to be asked; stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=_environment() | dict(environment or {}),
        )
    server = Server(process, log, started=started)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@contextmanager
def product(
    folder: Path,
    tills: int,
    *,
    registers: int | None = None,
    first_till: int = 0,
    operator_port: int | None = None,
    environment: Mapping[str, str] | None = None,
    more: str = "",
) -> Iterator[Server]:
    """``kkt-adapter serve`` with ``tills`` tills, each with a virtual register of its own.

    ``more``: further lines of the file. ``registers``: fewer registers than tills; ``first_till``: of a node
    that has not the first ones. Without
    ``operator_port`` delivery rests: nothing listens at the operator's address and no document wakes a pass.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "kkt-adapter.toml"
    config.write_text(registers_toml(tills, registers or tills, first=first_till) + more)
    settings = {
        "KKT_VIRTUAL_FSYNC": "0",  # the virtual FN stands for hardware with a memory of its own
        "KKT_BUFFER_CAPACITY": "0",
        "KKT_RATE_LIMIT": "0",
        "KKT_LOG_LEVEL": "WARNING",
        "OFD_HOST": "127.0.0.1",
        "OFD_PORT": str(operator_port or NOBODY),
    }
    if operator_port is None:
        settings |= {"KKT_WAKE_ON_RECEIPT": "0", "KKT_SYNC_INTERVAL": "3600"}
    command = ["kkt_adapter", "serve", "--port", "0", "--config", str(config), "--data-dir", str(folder)]
    with serving(command, folder, environment=settings | dict(environment or {})) as server:
        yield server


def registers_toml(tills: int, registers: int, *, first: int = 0) -> str:
    tables = []
    for number in range(registers):
        names = ", ".join(f'"{till_name(first + till)}"' for till in range(number, tills, registers))
        tables.append(
            f'[[register]]\nid = "{till_name(first + number)}"\ndriver = "virtual"\npos_ids = [{names}]\n'
        )
    return "\n".join(tables)


def till_name(number: int) -> str:
    return f"POS-{number:03d}"


def _environment() -> dict[str, str]:
    """Ours without whatever would configure the product. What is installed has its bytecode beside it; a tree
    that was only checked out has it after the first start."""
    foreign = re.compile(
        r"KKT_|OFD_|REDIS_|DATABASE_URL|BUFFER_DB_PATH|JWT_|G2A_|BENCH_|LD_PRELOAD|PYTHONDONTWRITEBYTECODE"
    )
    return {name: value for name, value in os.environ.items() if not foreign.match(name)}
