"""``big``: a book of 10,000,000 receipts where 60 GB are free, else of 3,000,000; or of ``--receipts``.

Everything is measured beside the same with a book of 3,200 receipts, in one run: ingest, what
people look at, the start, a step of the daily forgetting; and how long a checked backup takes.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import Connection

from bench.load import InvalidRun, Wanted, run
from bench.method import Method
from bench.processes import product
from bench.programs.fill import CONNECTIONS, MODELS, filled_folder
from bench.programs.pages import add_account, ask, sign_in
from bench.report import Report, Target
from bench.shim import Shim
from kkt_adapter.fiscal.housekeeping.retention import KINDS, Limits, RetentionBatch, RetentionKind
from kkt_adapter.runtime.db.open import open_database

MANY, ENOUGH_FREE = 10_000_000, 60e9  # bytes
FEWER = 3_000_000
DISK_OF_ONE = 6_000  # bytes of a receipt with its rows and indexes, the copy for the backup included
SMALL = MODELS * 100  # receipts of the book beside it
PAGES = ("/api/v1/status", "/v1/kkt/buffer/status", "/v1/kkt/receipts?limit=50")
ASKED = 50
STEPS = 25  # of the forgetting


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    free = shutil.disk_usage(method.folder).free
    method = replace(method, stored=size(wanted=method.big, free=free))
    say(f"big: {method.stored} receipts, {free / 1e9:.0f} GB are free")
    if free < method.stored * DISK_OF_ONE:
        raise InvalidRun(f"{method.stored} receipts need {method.stored * DISK_OF_ONE / 1e9:.0f} GB, "
                         f"{free / 1e9:.0f} are free; say fewer with --receipts")  # fmt: skip
    big = filled_folder(replace(method, folder=method.folder / "big"), say)
    small = filled_folder(replace(method, stored=SMALL, folder=method.folder / "small"), say)
    books = {"small": small, "big": big}
    for folder in books.values():
        add_account(folder)
    rates: dict[str, list[float]] = {name: [] for name in books}
    starts: dict[str, list[float]] = {name: [] for name in books}
    pages: dict[tuple[str, str], list[float]] = {}
    for number in range(1, method.rounds + 1):
        for name, folder in books.items():
            say(f"big, round {number} of {method.rounds}: {name}")
            with product(folder, CONNECTIONS) as server:
                server.get("/v1/health")
                starts[name].append(time.monotonic() - server.started)
                wanted = Wanted(
                    connections=CONNECTIONS, warm_up_s=method.warm_up_s, measured_s=method.measured_s
                )
                rates[name].append(run(server.port, wanted).per_s)
                headers = {"Authorization": f"Bearer {sign_in(server)}"}
                for page in PAGES:
                    ask(server, page, headers)
                    took = [ask(server, page, headers) for _ in range(ASKED)]
                    pages.setdefault((page, name), []).append(quantiles(took, n=20)[-1] * 1000)
    _report(method, report, rates, starts, pages)
    _forget(method, report, books, say)
    _back_up(method, report, big, say)


def size(*, wanted: int | None, free: float) -> int:
    """Receipts of the big book. ``free``: bytes of the disk."""
    if wanted is not None:
        return wanted
    return MANY if free >= ENOUGH_FREE else FEWER


def _report(
    method: Method,
    report: Report,
    rates: dict[str, list[float]],
    starts: dict[str, list[float]],
    pages: dict[tuple[str, str], list[float]],
) -> None:
    for name in rates:
        report.note(f"big: ingest, {name} book", "receipts/s", rates[name])
        report.note(f"big: start to healthy, {name} book", "s", starts[name])
    for (page, name), found in pages.items():
        report.note(f"big: {page}, {name} book, p95", "ms", found)
    report.add(
        Target(row="43", what=f"ingest with {method.stored} stored / {SMALL}", must=0.80, stretch=0.90),
        _ratios(rates["big"], rates["small"]),
    )
    report.add(
        Target(row="44", what="start, big / small book", must=2, stretch=1.3, at_least=False),
        _ratios(starts["big"], starts["small"]),
    )
    for page in PAGES:
        report.add(
            Target(row="45", what=f"{page} p95, big / small book", must=2, stretch=1.2, at_least=False),
            _ratios(pages[page, "big"], pages[page, "small"]),
        )


def _ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    if not all(below):
        raise InvalidRun("a round without one receipt: nothing can be compared")
    return [a / b for a, b in zip(above, below, strict=True)]


def _forget(method: Method, report: Report, books: dict[str, Path], say: Callable[[str], None]) -> None:
    """Steps of the forgetting of receipts, as if all of them were old."""
    took = {}
    for name, folder in books.items():
        say(f"big: {STEPS} steps of the forgetting, {name} book")
        took[name] = asyncio.run(forgetting(folder / "buffer.db", steps=STEPS))
        report.note(f"big: a step of the forgetting, {name} book", "ms", [one * 1000 for one in took[name]])
    report.add(
        Target(row="46", what="a step of the forgetting, big / small book", must=1.5, at_least=False),
        [median(took["big"]) / median(took["small"])],
    )


async def forgetting(path: Path, *, steps: int) -> list[float]:
    """Seconds of each step."""
    kind, took, after = KINDS["receipts"], [], 0
    later = datetime.now(UTC) + timedelta(days=4000)
    limits = Limits.at(later, receipts_live=timedelta(1), told=None, may_forget=lambda live: True)
    database = open_database(path)
    try:
        for _ in range(steps):
            began = time.perf_counter()
            look = await database.read(partial(_look, kind, limits, after))
            gone = await database.write(partial(_forget_rows, kind, look)) if look.old else 0
            took.append(time.perf_counter() - began)
            if not gone or look.next is None:
                raise InvalidRun("the forgetting found nothing old")
            after = look.next
        return took
    finally:
        await database.close()


def _look(kind: RetentionKind, limits: Limits, after: int, conn: Connection) -> RetentionBatch:
    return kind.look(conn, limits, after)


def _forget_rows(kind: RetentionKind, look: RetentionBatch, conn: Connection) -> int:
    return kind.forget(conn, look.old)


def _back_up(method: Method, report: Report, folder: Path, say: Callable[[str], None]) -> None:
    say("big: backup")
    target = method.folder / "backup.db"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "kkt_adapter", "db", "backup", "--data-dir", str(folder), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InvalidRun(f"no backup: {done.stdout}{done.stderr}")
    took_s = time.monotonic() - began
    report.note("big: backup, checked", "s", [took_s])
    report.note("big: backup", "MB/s", [target.stat().st_size / 1e6 / took_s])
    target.unlink()
