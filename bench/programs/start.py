"""``start``: how long until health answers, empty and filled, and how memory grows with receipts."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from bench.load import Wanted, run
from bench.method import Method
from bench.processes import product
from bench.programs.fill import filled_folder
from bench.report import Report, Target
from bench.shim import Shim

CONNECTIONS = 32
SETTLE_S = 2.0  # after the start, until every lane has looked at its register


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    filled = filled_folder(method, say)
    took: dict[bool, list[float]] = {False: [], True: []}
    folders = {False: method.folder / "start-empty", True: filled}
    shutil.rmtree(folders[False], ignore_errors=True)
    for folder in folders.values():
        _first(folder)
    for number in range(1, method.rounds + 1):
        for full, folder in folders.items():
            say(f"start, round {number} of {method.rounds}: {method.stored if full else 0} stored")
            took[full].append(_start(folder))
    report.note("start: empty", "s", took[False])
    report.note(f"start: {method.stored} stored", "s", took[True])
    report.add(
        Target(
            row="17",
            what=f"start to healthy, {method.stored} stored / empty",
            must=2,
            stretch=1.3,
            at_least=False,
        ),
        (full / empty for full, empty in zip(took[True], took[False], strict=True)),
    )
    _memory(method, report, say)


def _first(folder: Path) -> None:
    """The first start makes the database and the FNs, and loads what makes them; only later ones count."""
    with product(folder, CONNECTIONS):
        pass


def _start(folder: Path) -> float:
    """Seconds from the start of the process to the first 200 of health."""
    with product(folder, CONNECTIONS) as server:
        server.get("/v1/health")
        return time.monotonic() - server.started


def _memory(method: Method, report: Report, say: Callable[[str], None]) -> None:
    folder = method.folder / "memory"
    wanted = Wanted(connections=CONNECTIONS, receipts=method.grown)
    _first(folder)
    with product(folder, CONNECTIONS) as server:
        server.get("/v1/health")
        time.sleep(SETTLE_S)
        fresh = server.memory_mb()
        say(f"memory: {method.grown} receipts")
        run(server.port, wanted)
        grown = server.memory_mb()
        say(f"memory: {method.grown} more")
        run(server.port, wanted)
        again = server.memory_mb()
    report.add(Target(row="29", what="memory idle, MB", must=80, stretch=60, at_least=False), [fresh])
    report.add(
        Target(
            row="18", what=f"memory after {method.grown} receipts, MB", must=110, stretch=90, at_least=False
        ),
        [grown],
    )
    report.add(
        Target(row="18 growth", what=f"its growth over {method.grown} more, MB", must=10, at_least=False),
        [again - grown],
    )
