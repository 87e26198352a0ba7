"""Speed of the catalogue against its targets: ``python -m bench.catalog.run``.

The product runs in a process of its own, its source in another one, on this machine. All targets are ratios
to a plain client measured beside it, so that they hold elsewhere. One JSON file under ``bench/results`` and
one table. ``--quick`` takes a tenth of the products: good for a look, not for a judgement.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.catalog import measures
from bench.method import Method, full, quick
from bench.report import Report, show, write
from rich.console import Console

PROGRAMS: dict[str, Callable[[Method, Report, Callable[[str], None]], None]] = {
    "runs": measures.runs,
    "bound": measures.bound,
    "reads": measures.reads,
    "receipts": measures.receipts,
    "memory": measures.memory,
    "faults": measures.faults,
    "budget": measures.budget,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.catalog.run", description="Measure the catalogue.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the products; decides nothing")
    parser.add_argument("--only", default="", help=f"of {','.join(PROGRAMS)}, separated by commas")
    parser.add_argument("--rounds", type=int, default=0, help="default 3, quick 1")
    parser.add_argument("--folder", type=Path, default=None, help="where databases go; a real disk")
    given = parser.parse_args()
    chosen = [name.strip() for name in given.only.split(",")] if given.only else list(PROGRAMS)
    unknown = [name for name in chosen if name not in PROGRAMS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(PROGRAMS)}")
    console = Console(width=None if sys.stdout.isatty() else 120)
    folder = Path(tempfile.mkdtemp(prefix="kkt-bench-", dir=given.folder))
    method = (quick if given.quick else full)(folder, rounds=given.rounds or (1 if given.quick else 3))
    report, started = Report(), time.monotonic()
    try:
        for name in chosen:
            console.print(name, style="dim")
            PROGRAMS[name](method, report, lambda text: console.print(f"  {text}", style="dim"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(report, console)
    named = [f"catalog {name}" for name in chosen]
    console.print(f"{write(report, method, named, took_s=time.monotonic() - started)}")
    return 1 if report.missed and not method.quick else 0


if __name__ == "__main__":
    sys.exit(main())
