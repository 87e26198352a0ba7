"""``registers``: what each further register costs, whose receipts nobody asks for.

The same load on the same tills beside few and beside many configured registers, and the pages that are
asked most often beside one and beside many. Both of a pair are measured in each round.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bench.load import Wanted, run
from bench.method import Method
from bench.processes import Server, product
from bench.report import Report, Target
from bench.shim import Shim

FEW, SOME, MANY = 1, 64, 400
CONNECTIONS = 32
PAGES = ("/v1/kkt/buffer/status", "/v1/health")
ASKED = 200  # requests a round and page
SETTLE_S = 2.0  # after the start, until every lane has looked at its register


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    start_s: float
    memory_mb: float
    pages_ms: dict[str, float]  # p95
    per_s: float | None  # receipts; None: not asked for


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    found: dict[int, list[Cost]] = {FEW: [], SOME: [], MANY: []}
    for registers in found:
        say(f"registers: the first start of {registers}")
        _start(_folder(method, registers), registers)
    for number in range(1, method.few_rounds + 1):
        for registers, costs in found.items():
            say(f"registers, round {number} of {method.few_rounds}: {registers}")
            costs.append(_once(method, registers))
    few, some, many = found[FEW], found[SOME], found[MANY]
    report.add(
        Target(
            row="24", what=f"receipts/s with {MANY} registers configured / with {SOME}", must=0.95, stretch=1
        ),
        [(m.per_s or 0) / (s.per_s or 1) for m, s in zip(many, some, strict=True)],
    )
    for page in PAGES:
        report.add(
            Target(
                row="25",
                what=f"{page} p95 with {MANY} registers / with {FEW}",
                must=1.5,
                stretch=1.1,
                at_least=False,
            ),
            [m.pages_ms[page] / f.pages_ms[page] for m, f in zip(many, few, strict=True)],
        )
    report.add(
        Target(
            row="26", what=f"start to healthy with {MANY} registers, s", must=2.5, stretch=1.5, at_least=False
        ),
        [m.start_s for m in many],
    )
    report.add(
        Target(row="27", what="memory per further register, kB", must=100, at_least=False),
        [(m.memory_mb - f.memory_mb) * 1000 / (MANY - FEW) for m, f in zip(many, few, strict=True)],
    )


def _once(method: Method, registers: int) -> Cost:
    with product(_folder(method, registers), registers) as server:
        server.get("/v1/health")
        start_s = time.monotonic() - server.started
        time.sleep(SETTLE_S)
        memory_mb = server.memory_mb()
        pages = {page: _p95_ms(server, page) for page in PAGES}
        per_s = None
        if registers >= CONNECTIONS:
            wanted = Wanted(connections=CONNECTIONS, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
            per_s = run(server.port, wanted).per_s
    return Cost(start_s=start_s, memory_mb=memory_mb, pages_ms=pages, per_s=per_s)


def _folder(method: Method, registers: int) -> Path:
    return method.folder / f"registers-{registers}"


def _start(folder: Path, registers: int) -> None:
    """Make the database and the FNs: every start that is measured is a later one."""
    shutil.rmtree(folder, ignore_errors=True)
    with product(folder, registers) as server:
        server.get("/v1/health")
        time.sleep(SETTLE_S)


def _p95_ms(server: Server, page: str) -> float:
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        server.get(page)
        took.append(time.perf_counter() - began)
    return quantiles(took, n=20)[-1] * 1000
