"""``postgres``: the product on PostgreSQL, one node and two, beside the product on SQLite, on the same disk.

The server is a private cluster with fsync on, in the bench's folder. All variants of a round run one after
the other, with the same load; two nodes share the 32 connections, each with half of the tills.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Wanted, run
from bench.method import Method
from bench.processes import Server, product
from bench.report import Report, Target
from bench.shim import Shim
from kkt_adapter.lab.ports import ReservedPort
from kkt_adapter.lab.programs import USER, NotInstalled, PostgresProgram, check_installed

CONNECTIONS = 32
SETTINGS = ("shared_buffers=128MB", "max_wal_size=1GB", "max_connections=60")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One variant: receipts/s, p99 / p50, and processor seconds per receipt of our own processes."""

    per_s: float
    tail: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    program: PostgresProgram
    port: int

    def create(self, base: str) -> None:
        self.call(self.program.tool("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, base))

    def until_ready(self) -> None:
        until = time.monotonic() + 60
        while subprocess.run(
            self.program.is_ready(self.port), stdout=subprocess.DEVNULL, cwd="/", check=False
        ).returncode:
            if time.monotonic() > until:
                raise TimeoutError("PostgreSQL did not become ready")
            time.sleep(0.1)

    @staticmethod
    def call(command: Sequence[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    try:
        check_installed(postgres=True, redis=False)
    except NotInstalled:
        report.skipped.append("postgres: PostgreSQL is not installed")
        return
    seen: dict[str, list[Measured]] = {"SQLite": [], "one node": [], "two nodes": []}
    with cluster(method.folder / "cluster") as server:
        for number in range(1, method.few_rounds + 1):
            for name, nodes in (("SQLite", 0), ("one node", 1), ("two nodes", 2)):
                say(f"postgres, round {number} of {method.few_rounds}: {name}")
                seen[name].append(_once(method, nodes, server=server, base=f"bench_{number}_{nodes}"))
                last = seen[name][-1]
                say(f"  {last.per_s:.0f}/s, p99/p50 {last.tail:.1f}, {last.cpu_s * 1000:.2f} ms of processor")
    for name, found in seen.items():
        report.note(f"postgres: {name}", "receipts/s", [one.per_s for one in found])
        report.note(f"postgres: {name}, processor per receipt", "ms", [one.cpu_s * 1000 for one in found])
    one, two = seen["one node"], seen["two nodes"]
    report.add(
        Target(row="38", what="PostgreSQL, one node, c=32 / SQLite, same disk", must=0.6, stretch=0.9),
        [p.per_s / s.per_s for p, s in zip(one, seen["SQLite"], strict=True)],
    )
    report.add(
        Target(row="39", what="PostgreSQL, two nodes together / one", must=1.3, stretch=1.6),
        [t.per_s / p.per_s for t, p in zip(two, one, strict=True)],
    )
    report.add(
        Target(row="40", what="PostgreSQL p99 / p50 at c=32", must=4, stretch=2.5, at_least=False),
        [p.tail for p in one],
    )


def _once(method: Method, nodes: int, *, server: Cluster, base: str) -> Measured:
    folder = method.folder / "postgres"
    shutil.rmtree(folder, ignore_errors=True)
    environment = {}
    if nodes:
        server.create(base)
        environment = {
            "DATABASE_URL": f"postgresql://{USER}@127.0.0.1:{server.port}/{base}",
            "AUTH_SECRET": secrets.token_hex(32),
        }
    share = CONNECTIONS // max(nodes, 1)
    wanted = Wanted(connections=CONNECTIONS, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                product(folder / f"node-{n}", share, first_till=n * share, environment=environment)
            )
            for n in range(max(nodes, 1))
        ]
        before = sum(_cpu_s(server) for server in servers)
        outcome = run(servers[0].port, wanted, others=[server.port for server in servers[1:]])
        used = sum(_cpu_s(server) for server in servers) - before
    whole = outcome.answers * (method.warm_up_s + method.measured_s) / method.measured_s
    return Measured(
        per_s=outcome.per_s,
        tail=outcome.latency(0.99) / outcome.latency(0.5),
        cpu_s=used / whole,
    )


def _cpu_s(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A private server that keeps what it confirms."""
    folder.mkdir(parents=True)
    if os.geteuid() == 0:  # the user that runs the server must be able to get there
        for place in (folder, *folder.parents[:-1]):
            if place.stat().st_uid == 0 and place.stat().st_mode & 0o5 != 0o5:
                place.chmod(place.stat().st_mode | 0o11)
    program, held = PostgresProgram(folder, fsync=True), ReservedPort()
    found = Cluster(program=program, port=held.number)
    found.call(program.initdb())
    server = subprocess.Popen(
        program.server(held.number, *SETTINGS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        found.until_ready()
        yield found
    finally:
        server.terminate()
        server.wait()
