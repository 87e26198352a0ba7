"""``dashboard``: the pages for people over many stored receipts, and what open ones cost the tills.

The database is the filled one of ``fill``. Times of pages are absolute and taken one after another, as the
promise is about the server. What open pages cost is a ratio within each round: receipts a second with
``WATCHERS`` of them in a process of their own, each holding the live stream and fetching what changed as the
page's script does, over receipts a second without.
"""

import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from statistics import quantiles

from bench.load import InvalidRun, Wanted, run
from bench.method import Method
from bench.processes import Server, product
from bench.programs.fill import CONNECTIONS, filled_folder
from bench.programs.pages import NAME, PASSWORD, add_account
from bench.report import Report, Target
from bench.shim import Shim

OVERVIEW = "/ui/"
LISTS = (
    "/ui/receipts",
    "/ui/receipts?stage=confirmed",
    "/ui/receipts?stage=dead",
    "/ui/receipts?stage=waiting",
    "/ui/receipts?kind=refund",
    "/ui/receipts?register=POS-001",
    "/ui/receipts?number=77",
    "/ui/receipts?total=123.45",
    "/ui/receipts?text=model-7-77",
    "/ui/receipts?text=nothing-like-it",
    "/ui/receipts?door=kkmserver&account=nobody",
    "/ui/receipts?kind=refund&register=POS-001&total=1&text=x",
    "/ui/receipts?since=2020-01-01&until=2020-02-01",
)
OTHERS = (
    "/ui/charts",
    "/ui/audit",
    "/ui/audit?level=error",
    "/ui/audit?after=20000",
    "/ui/shifts",
    "/ui/questions",
    "/ui/registers",
    "/ui/catalogue",
)
ASKED = 40  # requests a round and page
WATCHERS = 20  # open pages
# The partial indexes that only the pages and lists need.
INDEXES = (
    "ix_receipts_door",
    "ix_receipts_failed",
    "ix_receipts_print_failed",
    "ix_callbacks_owed",
    "ix_shifts_opened",
    "ix_pos_sessions_closed",
)


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    _pages(method, report, say)
    _indexes(method, report, say)
    _watchers(method, report, say)


def _pages(method: Method, report: Report, say: Callable[[str], None]) -> None:
    folder = filled_folder(method, say)
    add_account(folder)
    p95: dict[str, list[float]] = {path: [] for path in (OVERVIEW, *LISTS, *OTHERS)}
    worked: dict[str, list[float]] = {path: [] for path in p95}
    with product(folder, CONNECTIONS) as server:
        visitor = Visitor(server)
        for path in p95:
            visitor.get(path)  # the first look of a day reads that day's documents
        for number in range(1, method.rounds + 1):
            say(f"dashboard, round {number} of {method.rounds}: {method.stored} stored")
            for path, found in p95.items():
                before = server.processor_s()
                took = [_timed(visitor, path) for _ in range(ASKED)]
                found.append(quantiles(took, n=20)[-1] * 1000)
                worked[path].append((server.processor_s() - before) / ASKED * 1000)
    for path in p95:
        say(f"{path}: p95 {', '.join(f'{ms:.0f}' for ms in p95[path])} ms")
        report.note(f"dashboard: {path}, processor time a page", "ms", worked[path])
    for path in (*LISTS, *OTHERS):
        report.note(f"dashboard: {path}, p95 with {method.stored} stored", "ms", p95[path])
    slowest = [max(values) for values in zip(*(p95[path] for path in LISTS), strict=True)]
    for row, what, values in (
        ("32", f"{OVERVIEW}, p95 ms with {method.stored} stored", p95[OVERVIEW]),
        ("33", f"the slowest of {len(LISTS)} filtered lists, p95 ms with {method.stored} stored", slowest),
    ):
        report.add(Target(row=row, what=what, must=200, stretch=100, at_least=False), values)


def _indexes(method: Method, report: Report, say: Callable[[str], None]) -> None:
    """Ingest with all indexes over ingest without those of the pages."""
    wanted = Wanted(connections=CONNECTIONS, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(1, method.rounds + 1):
        for indexed in (False, True):
            say(f"dashboard, round {number} of {method.rounds}: indexes {'there' if indexed else 'dropped'}")
            folder = method.folder / "dashboard-ingest"
            shutil.rmtree(folder, ignore_errors=True)
            with product(folder, CONNECTIONS):
                pass  # makes the database
            if not indexed:
                _drop_indexes(folder / "buffer.db")
            with product(folder, CONNECTIONS) as server:
                rates[indexed].append(run(server.port, wanted).per_s)
    report.add(
        Target(row="34", what="ingest c=32 with the pages' partial indexes / without", must=0.95),
        (with_them / without for without, with_them in zip(rates[False], rates[True], strict=True)),
    )


def _drop_indexes(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for name in INDEXES:
        connection.execute(f"DROP INDEX {name}")
    connection.close()


def _watchers(method: Method, report: Report, say: Callable[[str], None]) -> None:
    """Some receipts a second are far from the limit of the machine, so a slower answer would show."""
    folder = method.folder / "dashboard-watched"
    shutil.rmtree(folder, ignore_errors=True)
    with product(folder, CONNECTIONS):
        pass
    add_account(folder)
    wanted = Wanted(connections=CONNECTIONS, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
    rates: dict[bool, list[float]] = {False: [], True: []}
    p50: dict[bool, list[float]] = {False: [], True: []}
    for number in range(1, method.rounds + 1):
        for watched in (False, True):
            say(f"dashboard, round {number} of {method.rounds}: {WATCHERS if watched else 0} pages open")
            with product(folder, CONNECTIONS) as server, _watching(server, WATCHERS if watched else 0):
                outcome = run(server.port, wanted)
                if not outcome.answers:
                    raise InvalidRun("no receipt was accepted within the window")
                rates[watched].append(outcome.per_s)
                p50[watched].append(outcome.latency(0.5) * 1000)
    report.note("dashboard: acceptance p50, no page open", "ms", p50[False])
    report.note(f"dashboard: acceptance p50, {WATCHERS} pages open", "ms", p50[True])
    report.add(
        Target(row="35", what=f"ingest c=32 with {WATCHERS} pages open / with none", must=0.9, stretch=0.95),
        (watched / alone for alone, watched in zip(rates[False], rates[True], strict=True)),
    )


@contextmanager
def _watching(server: Server, pages: int) -> Iterator[None]:
    """That many open pages in another process, once all of them are live."""
    if not pages:
        yield
        return
    cookie = Visitor(server).cookie()
    command = [sys.executable, "-m", "bench.watchers", str(server.port), cookie, str(pages)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "live":
            raise InvalidRun("the pages did not become live")
        yield
        if process.poll() is not None:
            raise InvalidRun("the pages closed during the run")
    finally:
        process.terminate()
        process.wait()


class Visitor:
    """A browser that has signed in: cookies and pages, one after another."""

    def __init__(self, server: Server) -> None:
        self._base = f"http://127.0.0.1:{server.port}"
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        token = re.search(rb'name="_token" value="([^"]+)"', self.get("/ui/sign-in"))
        if token is None:
            raise InvalidRun("the sign-in has no form")
        form = {"_token": token[1].decode(), "username": NAME, "password": PASSWORD}
        self.get("/ui/sign-in", urllib.parse.urlencode(form).encode())

    def get(self, path: str, form: bytes | None = None) -> bytes:
        with self._opener.open(f"{self._base}{path}", form, timeout=120) as answer:
            body: bytes = answer.read()
            if form is not None and "/ui/sign-in" in answer.url:
                raise InvalidRun("the sign-in was refused")
            return body

    def cookie(self) -> str:
        return "; ".join(f"{one.name}={one.value}" for one in self._jar)


def _timed(visitor: Visitor, path: str) -> float:
    began = time.perf_counter()
    visitor.get(path)
    return time.perf_counter() - began
