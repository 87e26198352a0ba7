"""The product itself, with the stand-in as its source: a process of its own, asked over HTTP."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.catalog.stand_in import Source
from bench.processes import Server, product

from kkt_adapter.emulators.g2a import VendorCredentials

NAME, PASSWORD = "bench", "a-password-of-the-bench-only"
LOOK_S = 0.25  # between two looks at a run
RUN_S = 600.0  # a run that takes longer is a fault


class Shop:
    """The running service, seen by a manager."""

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.token = token

    def start(self) -> str:
        """Queue a full run that begins afresh; its id."""
        _, answer = self.call("POST", "/api/v1/scheduler/sync/manual?full=true")
        return str(answer["run_id"])

    def look(self, run_id: str) -> dict[str, Any]:
        _, record = self.call("GET", f"/api/v1/scheduler/runs/{run_id}")
        return record

    def run(self) -> dict[str, Any]:
        """A full run from its start to its end; the record."""
        run_id, until = self.start(), time.monotonic() + RUN_S
        while True:
            record = self.look(run_id)
            if record["finished_at"] is not None:
                return record
            if time.monotonic() > until:
                raise RuntimeError(f"run {run_id} does not end")
            time.sleep(LOOK_S)

    def call(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.port}{path}",
            method=method,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return answer.status, found

    def processor_s(self) -> float:
        """Processor time that the service took so far."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def forget_peak(self) -> None:
        """From now on `peak_mb` counts anew."""
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """The most memory that was resident, in units of 1,000,000 bytes."""
        line = next(line for line in self._proc("status").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.server.process.pid}/{name}").read_text()


@contextmanager
def shop(
    source: Source, folder: Path, *, tills: int = 1, concurrency: int = 8, per_minute: int = 0
) -> Iterator[Shop]:
    """The service on an empty database, with an account that may start runs."""
    credentials = VendorCredentials()
    folder.mkdir(parents=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "kkt_adapter", "accounts", "add", NAME, "--role", "manager"),
            *("--password-stdin", "--data-dir", str(folder)),
        ],
        input=PASSWORD,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    environment = {
        "G2A_BASE_URL": source.base_url,
        "G2A_CLIENT_ID": credentials.client_id,
        "G2A_CLIENT_SECRET": credentials.client_secret,
        "G2A_EMAIL": credentials.email,
        "SYNC_CONCURRENCY": str(concurrency),
        "SYNC_REQUESTS_PER_MINUTE": str(per_minute),
        "SYNC_LOG_FILE": str(folder / "sync.log"),
    }
    with product(folder, tills, environment=environment) as server:
        yield Shop(server, _token(server.port))


def _token(port: int) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/auth/login",
        data=json.dumps({"username": NAME, "password": PASSWORD}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.loads(answer.read())["access_token"])


class Line:
    """One kept connection that asks one thing after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body; a chunked body is put together."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lower = head.lower()
        if (at := lower.find(b"content-length: ")) >= 0:
            size = int(head[at + 16 : head.index(b"\r\n", at)])
            return status, lower, await self._reader.readexactly(size)
        parts: list[bytes] = []
        while b"transfer-encoding: chunked" in lower:
            size = int(await self._reader.readline(), 16)
            parts.append((await self._reader.readexactly(size + 2))[:-2])
            if not size:
                break
        return status, lower, b"".join(parts)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def get(path: str, *, token: str = "", etag: str = "") -> bytes:
    """The bytes of a GET."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if etag:
        lines.append(f"If-None-Match: {etag}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
