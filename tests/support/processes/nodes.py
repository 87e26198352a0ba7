"""Adapter nodes as processes of their own, which a test may kill, freeze, wake and stop at a named point.

``Node`` runs ``kkt-adapter serve``. ``Node(scale=10)`` runs the same service in
``tests.support.processes.node_process``: its durations (leases, time-outs, pauses) are those of the product
divided by ten, and it can be told to stop at a point of the fault lab.
"""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
from sqlalchemy import Connection, select
from tests.support.api import Json
from tests.support.books import archive, compare_books
from tests.support.databases.ready_database import spare_migrations
from tests.support.ports import free_port
from tests.support.processes.forked import ROOT, Forked, start_module
from tests.support.product import sale

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.printing.registration import stored_facts
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts, receipts
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.leases.rows import leases
from kkt_adapter.settings import Settings, load_settings

WITHIN_S = 180.0  # real seconds before a test gives up waiting, on a machine where others work too


async def until(check: Callable[[], Awaitable[Any]], what: str, *, within_s: float = WITHIN_S) -> Any:
    """Ask again and again until the answer is true; gives the answer."""
    deadline = time.monotonic() + within_s
    while True:
        found = await check()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.05)


Pair = Callable[..., "tuple[Node, Node]"]
"""Makes two nodes for an operator: ``pair(ofd, changes={...}, scale=...)``."""

BY_HAND = {"KKT_SYNC_INTERVAL": "3600", "KKT_WAKE_ON_RECEIPT": "0"}  # passes are the test's to begin


@dataclass
class Node:
    """One node; ``folder`` holds its configuration and log, and by default its data."""

    name: str
    folder: Path
    environment: dict[str, str]
    tills: Sequence[str]
    transports: Mapping[str, str] = field(default_factory=dict)  # of tills that differ from OFD_TRANSPORT
    scale: float | None = None
    offset_s: float = 0.0  # how far its wall clock is wrong (scaled nodes)
    port: int = field(default_factory=free_port)
    process: Forked | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder / "kkt-adapter.toml"

    @property
    def settings(self) -> Settings:
        return load_settings(environment=self.environment, file=self.config)

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} does not run"
        return self.process.pid

    def start(self, *, armed: Mapping[str, str] | None = None) -> None:
        """``armed``: the point to stop at, from the very start (scaled nodes)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text("\n".join(self._register(till) for till in self.tills))
        (self.folder / "points").write_text("")
        spare_migrations(self.settings)
        module, arguments = "kkt_adapter", ["serve", "--config", str(self.config), "--port", str(self.port)]
        if self.scale is not None:
            order = {
                "config": str(self.config),
                "port": self.port,
                "scale": self.scale,
                "offset_s": self.offset_s,
                "points": str(self.folder / "points"),
                "armed": armed,
            }
            module, arguments = "tests.support.processes.node_process", [json.dumps(order)]
        self.process = start_module(
            module,
            *arguments,
            cwd=ROOT if self.scale else self.folder,
            environment=self.surroundings(),
            log=self.folder / "log",
        )

    def surroundings(self) -> dict[str, str]:
        """Of a program that is to find what the node finds."""
        return {"PATH": os.environ["PATH"]} | self.environment

    def _register(self, till: str) -> str:
        lines = ["[[register]]", f'id = "{till}"', 'driver = "virtual"']
        if till in self.transports:
            lines.append(f'ofd_transport = "{self.transports[till]}"')
        return "\n".join(lines) + "\n"

    async def ready(self, within_s: float = WITHIN_S) -> float:
        """Wait for the first 200 of ``/ready``; gives the seconds it took."""
        began = time.monotonic()
        async with httpx2.AsyncClient(base_url=self.base_url, timeout=10.0) as client:
            while True:
                with suppress(httpx2.TransportError):
                    if (await client.get("/ready")).status_code == 200:
                        return time.monotonic() - began
                assert self.process is not None
                assert self.process.poll() is None, f"{self.name} ended: {self.log()}"
                assert time.monotonic() - began < within_s, f"{self.name} is not ready: {self.log()}"
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """As a supervisor does it; gives the exit code."""
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(timeout=WITHIN_S)
        finally:
            process.kill()

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-6000:]

    async def arm(self, point: str, how: signal.Signals = signal.SIGSTOP) -> None:
        """Stop (or end) at this point of the lab the next time it is passed."""
        assert self.process is not None
        self.process.stdin.write(json.dumps({"point": point, "signal": how.name}).encode() + b"\n")
        self.process.stdin.flush()
        await until(partial(self._told, f"armed={point}"), f"{self.name} is to stop at {point}")

    async def stands(self, point: str) -> None:
        """Wait until the process has stopped at that point."""

        async def stopped() -> bool:
            return await self._told(f"reached={point}") and self._state() == "T"

        await until(stopped, f"{self.name} at {point}")

    async def _told(self, what: str) -> bool:
        return what in (self.folder / "points").read_text().split()

    def _state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    async def post(self, body: Json, *, key: str, timeout_s: float = 60.0) -> httpx2.Response:
        return await self.call(
            "POST", "/v1/kkt/receipt", body=body, timeout_s=timeout_s, headers={"Idempotency-Key": key}
        )

    async def sell(self, n: int, *, till: str, first: int = 1, kop: int = 10_000) -> list[Json]:
        """``n`` sales one after another under the keys ``<till>-<number>``; each must be accepted."""
        answers = []
        for number in range(first, first + n):
            answer = await self.post(sale(till=till, kop=kop), key=f"{till}-{number}")
            assert answer.status_code == 200, f"{self.name}: {answer.status_code} {answer.text}"
            answers.append(answer.json())
        return answers

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.call("GET", path, query=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sync(self) -> httpx2.Response:
        return await self.call("POST", "/v1/kkt/buffer/sync", timeout_s=90.0)

    async def health(self) -> Json:
        answer: Json = (await self.call("GET", "/v1/health")).json()
        return answer

    async def metric(self, name: str) -> float:
        """The one sample of a metric without labels."""
        text = (await self.call("GET", "/metrics")).text
        (found,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(found.split()[1])

    async def failed_deliveries(self) -> int:
        """Since this process started. What timed out may have arrived, and is then sent again."""
        text = (await self.call("GET", "/metrics")).text
        name = "kkt_ofd_errors_total{"
        return sum(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(name))

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=self.base_url, timeout=timeout_s) as client:
            return await client.request(method, path, json=body, params=query, headers=dict(headers or {}))

    async def read(self, fn: Callable[[Connection], Any]) -> Any:
        """Look into the node's database, beside it."""
        database = open_database(self.settings.database)
        try:
            return await database.read(fn)
        finally:
            await database.close()

    async def knows_registers(self) -> bool:
        """Has somebody opened every register once, so that receipts can be checked?"""

        def look(conn: Connection) -> bool:
            return all(stored_facts(conn, RegisterId(till)) is not None for till in self.tills)

        return bool(await self.read(look))

    async def drives(self, till: str) -> bool:
        """Does the lane's lease name this process?"""
        return bool((await self.lease(till)).pid == self.pid)

    async def lease(self, till: str) -> Any:
        """The row of the lane's lease; ``pid`` 0 and ``term`` 0 while nobody holds it."""

        def look(conn: Connection) -> Any:
            row = conn.execute(select(leases).where(leases.c.name == f"lane:{till}")).one_or_none()
            return _NOBODY if row is None or row.owner == "" else row

        return await self.read(look)


async def driver_of(till: str, pair: tuple[Node, Node]) -> tuple[Node, Node]:
    """The node that drives a till's register, and the other one."""
    one, other = pair

    async def found() -> tuple[Node, Node] | None:
        if await one.drives(till):
            return one, other
        return (other, one) if await other.drives(till) else None

    driving: tuple[Node, Node] = await until(found, f"somebody drives {till}")
    return driving


_NOBODY = SimpleNamespace(pid=0, term=0)


@asynccontextmanager
async def nodes(*made: Node) -> AsyncIterator[None]:
    """Started together, ready, their registers known, and gone at the end, whatever happens."""
    try:
        for node in made:
            node.start()
        for node in made:
            await node.ready()
        await until(made[0].knows_registers, f"{made[0].tills} are open")
        yield
    finally:
        for node in made:
            node.kill()


@asynccontextmanager
async def operator() -> AsyncIterator[OfdEmulator]:
    emulator = OfdEmulator()
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()


def surroundings(folder: Path, ofd: OfdEmulator, **changes: str) -> dict[str, str]:
    """Settings of nodes that share what lies in ``folder``: quick where that changes no meaning."""
    return {
        "KKT_DATA_DIR": str(folder / "data"),
        "OFD_HOST": "127.0.0.1",
        "OFD_PORT": str(ofd.port),
        "OFD_BASE_URL": f"http://127.0.0.1:{ofd.http_port}",
        "KKT_DISK_LOW_MB": "0",
        "KKT_LOG_FORMAT": "json",
        "KKT_RATE_LIMIT": "0",
        "KKT_SYNC_INTERVAL": "1",
    } | changes


async def all_delivered(node: Node, *, within_s: float = WITHIN_S) -> None:
    """Every stored receipt is printed and synced."""

    async def done() -> bool:
        totals = await node.read(counters.read)
        return bool(
            totals.total
            and totals.undelivered == totals.unprinted == totals.failed == totals.print_failed == 0
        )

    await until(done, f"everything delivered: {node.name}", within_s=within_s)


async def books_agree(
    node: Node, answers: Sequence[Json], ofd: OfdEmulator, *, http: bool = False, in_order: bool = True
) -> None:
    """What tills were told, our rows, the FNs' archives and the operator's book tell one story: nothing lost,
    no number and no receipt twice, no attempt left open."""
    assert await node.read(counters.verify) == {}
    rows = await node.read(lambda c: c.execute(select(receipts).order_by(receipts.c.seq)).all())
    still_open = select(attempts.c.id).where(attempts.c.ended_at.is_(None))
    assert await node.read(lambda c: c.execute(still_open).all()) == []
    assert {answer["receipt_id"] for answer in answers} <= {row.id for row in rows}
    archives = {till: archive(node.settings.fn_dir, till) for till in node.tills}
    compare_books(
        rows=rows, answers=answers, archives=archives, operator=ofd.state(), http=http, in_order=in_order
    )
    if all(row.status == "synced" for row in rows):
        assert ofd.state()["by_code"].get("3", 0) == len(rows)
    documents = Counter((row.fn_number, row.fiscal_doc_number) for row in rows if row.fn_number)
    assert set(documents.values()) <= {1}
