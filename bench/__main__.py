"""``python -m bench``: every program, or those of ``--only``; one JSON file and one table.

Ends with status 1 when a *must* is missed. A quick run takes ten minutes on two quiet processors, leaves out
the programs that take longer (``LONG``) and what no must depends on, and lets a must be missed by 15 %.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import charts
from bench.load import InvalidRun
from bench.method import QUICK_MARGIN, Disk, Method, full, quick
from bench.programs import (
    attacks,
    big,
    counts,
    dashboard,
    doors,
    drain,
    fill,
    ingest,
    memory,
    pages,
    postgres,
    registers,
    start,
)
from bench.report import Report, show, write
from bench.shim import Shim, compile_shim

Program = Callable[[Method, Report, Shim | None, Callable[[str], None]], None]

PROGRAMS: dict[str, Program] = {
    "counts": counts.measure,
    "ingest": ingest.measure,
    "drain": drain.measure,
    "fill": fill.measure,
    "start": start.measure,
    "memory": memory.measure,
    "pages": pages.measure,
    "dashboard": dashboard.measure,
    "registers": registers.measure,
    "doors": doors.measure,
    "attacks": attacks.measure,
    "postgres": postgres.measure,
    "big": big.measure,
}


LONG = ("attacks", "dashboard", "fill", "memory", "pages")  # a million receipts, or minutes a round
BY_NAME = ("big",)  # half an hour and tens of gigabytes: only with --only
QUICK_ROUNDS = 3


def main() -> int:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the measured processes must not outlive us
    console = Console(width=None if sys.stdout.isatty() else 120)
    left_out = BY_NAME + LONG if given.quick else BY_NAME
    chosen = [name for name in PROGRAMS if name not in left_out]
    if given.only:
        chosen = [name.strip() for name in given.only.split(",")]
    unknown = [name for name in chosen if name not in PROGRAMS]
    if unknown:
        console.print(f"unknown: {', '.join(unknown)}; there are {', '.join(PROGRAMS)}")
        return 2
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="kkt-bench-", dir=given.folder))
    rounds = given.rounds or (QUICK_ROUNDS if given.quick else 5)
    method = (quick if given.quick else full)(folder, rounds=rounds)
    if given.receipts:
        method = replace(method, big=given.receipts)
    if given.disk:
        method = replace(method, disks=(Disk.FAST if given.disk == "fast" else Disk.SLOW,))
    report, started = Report(margin=QUICK_MARGIN if given.quick else 0.0), time.monotonic()
    shim = compile_shim(folder)
    if shim is None:
        console.print("No C compiler: the lines with a slow disk and the counts of fsync are skipped.")
    try:
        for name in chosen:
            PROGRAMS[name](method, report, shim, lambda text: console.print(text, style="dim"))
    except InvalidRun as fault:
        console.print(f"The run is invalid: {fault}")
        return 3
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(report, console)
    path = write(report, method, chosen, took_s=time.monotonic() - started)
    console.print(f"{path}")
    if given.charts:
        console.print(f"{charts.draw(report, rounds=rounds)}")
    if method.quick:
        console.print(f"A quick run: a must may be missed by {QUICK_MARGIN:.0%}.")
    return 1 if report.missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product.")
    parser.add_argument("--quick", action="store_true", help="ten minutes; decides the musts with a margin")
    parser.add_argument("--charts", action="store_true", help="draw them into docs/reference/performance.md")
    parser.add_argument("--only", default="", help=f"of {','.join(PROGRAMS)}, separated by commas")
    parser.add_argument("--rounds", type=int, default=0, help=f"default 5, quick {QUICK_ROUNDS}")
    parser.add_argument("--receipts", type=int, default=0, help="of big; default as many as the disk takes")
    parser.add_argument("--disk", choices=("fast", "slow"), default=None, help="one of the two only")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where databases go; made if missing; a real disk"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
