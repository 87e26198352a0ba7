"""What is measured: one function a group of rows, each of them one round or all rounds of it."""

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from bench.catalog.receipts import TILLS, beside_a_run
from bench.catalog.shop import Line, Shop, get, shop
from bench.catalog.stand_in import Source, source
from bench.load import quantile
from bench.method import Method
from bench.report import Report, Target

from kkt_adapter.emulators.g2a import VendorCredentials

PRODUCTS = 15_420
PAGE_SIZE = 20
LATENCY_S = 0.05
EARLIER_S = 330.0  # of a serial implementation, for the record
BUDGET = 540
ASKED = 60  # requests of one kind
Say = Callable[[str], None]


def at_most(row: str, what: str, must: float) -> Target:
    return Target(row=row, what=what, must=must, at_least=False)


FIRST = at_most("C1", "first import, concurrency 8, in S", 0.20)
SAME = at_most("C2", "second run, nothing changed, in S", 0.18)
CHANGED = at_most("C3", "10 % repriced, 3 % gone, 2 % new, in S", 0.20)
WIDE = at_most("C4", "first import, concurrency 16, in S", 0.11)
FASTER = Target(row="C5", what="times faster than 330 s", must=35)
BOUND = at_most("C6", "first import without latency, in S0", 4)
BUDGETED = at_most("C7", "with the budget of 540 a minute, s", 75)
IN_A_MINUTE = at_most("C7", "most requests in any 60 s", BUDGET)
ASKED_AGAIN = at_most("C8", "one in ten is 429: requests / pages", 1.2)
EARLY = at_most("C8", "one in ten is 429: requests before Retry-After", 0)
BROKEN = at_most("C9", "one in twenty fails, in S", 0.35)
REQUESTS = at_most("C10", "requests of a faultless run beyond its pages", 2)
GROWTH = at_most("C11", "growth of resident memory, MB", 40)
GROWTH_RATIO = at_most("C11", "growth with 4 x the products / growth", 1.25)
STATUS = at_most("C12", "status during a run, p95, of its bound", 1)
PRODUCT = at_most("C12", "product during a run, p95, of its bound", 1)
RECEIPTS = at_most("C13", "receipts during an import, p95 / idle", 1.5)
RECEIPTS_SAME = at_most("C13", "receipts during an unchanged run, p95 / idle", 1.5)
LISTED = at_most("C14", "list with filter, p95, ms", 20)
UNCHANGED = at_most("C14", "304, p95, ms", 5)
EXPORT = at_most("C15", "export, s", 3)
EXPORT_GROWTH = at_most("C15", "export, growth of memory, MB", 20)


def runs(method: Method, report: Report, say: Say) -> None:
    """Full runs beside the plain client, and what they cost."""
    found: dict[Target, list[float]] = {
        target: [] for target in (FIRST, SAME, CHANGED, WIDE, FASTER, REQUESTS)
    }
    taken: dict[str, list[float]] = {"S": [], "service's share": [], "stand-in's share": []}
    for _ in range(method.rounds):
        with stand_in(method, latency_s=LATENCY_S) as stand:
            s = plain_client_s(stand.base_url)
            taken["S"].append(s)
            with fresh(stand, method) as shop:
                stand.forget_counts()
                ours, theirs = shop.processor_s(), stand.processor_s()
                first = ended_well(shop.run())
                taken["service's share"].append((shop.processor_s() - ours) / first["duration_seconds"])
                taken["stand-in's share"].append((stand.processor_s() - theirs) / first["duration_seconds"])
                found[FIRST].append(first["duration_seconds"] / s)
                found[FASTER].append(EARLIER_S / first["duration_seconds"])
                found[REQUESTS].append(stand.counters()["requests"] - first["pages_total"])
                found[SAME].append(ended_well(shop.run())["duration_seconds"] / s)
                stand.advance(sold_out=0.0)
                found[CHANGED].append(ended_well(shop.run())["duration_seconds"] / s)
            with fresh(stand, method, concurrency=16) as shop:
                found[WIDE].append(ended_well(shop.run())["duration_seconds"] / s)
        say(f"S {s:.1f} s; " + ", ".join(f"{t.row} {values[-1]:.3f}" for t, values in found.items()))
    for target, values in found.items():
        if target is not FASTER or not method.quick:
            report.add(target, values)
    report.note("plain client with one connection (S)", "s", taken["S"])
    report.note("first import: processor of the service", "cores", taken["service's share"])
    report.note("first import: processor of the stand-in", "cores", taken["stand-in's share"])


def bound(method: Method, report: Report, say: Say) -> None:
    """Without latency: the processor alone."""
    ratios: list[float] = []
    for _ in range(method.rounds):
        with stand_in(method) as stand:
            plain_client_s(stand.base_url)  # the stand-in writes its texts
            s0 = plain_client_s(stand.base_url)
            with fresh(stand, method) as shop:
                ratios.append(ended_well(shop.run())["duration_seconds"] / s0)
        say(f"S0 {s0:.2f} s; {ratios[-1]:.2f}")
    report.add(BOUND, ratios)


def faults(method: Method, report: Report, say: Say) -> None:
    """Refusals and broken answers; one round, as the time is mostly waiting."""
    with stand_in(method, latency_s=LATENCY_S) as stand:
        s = plain_client_s(stand.base_url)
        stand.set_faults(every_error=20)
        with fresh(stand, method) as shop:
            report.add(BROKEN, [ended_well(shop.run())["duration_seconds"] / s])
        stand.set_faults(every_error=0, every_429=10, retry_after_s=1.0)
        stand.forget_counts()
        with fresh(stand, method) as shop:
            throttled, counted = ended_well(shop.run()), stand.counters()
    report.add(ASKED_AGAIN, [counted["requests"] / throttled["pages_total"]])
    report.add(EARLY, [counted["early"]])
    report.note("one in ten is 429: the run", "s", [throttled["duration_seconds"]])


def budget(method: Method, report: Report, say: Say) -> None:
    """The default budget; always the whole catalogue."""
    with source(PRODUCTS) as stand:
        stand.set_faults(latency_s=LATENCY_S)
        with fresh(stand, method, per_minute=BUDGET) as shop:
            report.add(BUDGETED, [ended_well(shop.run())["duration_seconds"]])
            report.add(IN_A_MINUTE, [stand.counters()["most_in_a_minute"]])


def memory(method: Method, report: Report, say: Say) -> None:
    """Growth of resident memory in a first import, once and with four times the products."""
    growth: list[float] = []
    for times in (1, 4):
        with source(times * products(method)) as stand, fresh(stand, method) as shop:
            shop.forget_peak()
            before = shop.peak_mb()
            ended_well(shop.run())
            growth.append(shop.peak_mb() - before)
    report.add(GROWTH, growth[:1])
    report.add(GROWTH_RATIO, [growth[1] / growth[0]])


def reads(method: Method, report: Report, say: Say) -> None:
    """Over HTTP, warm; the last ones while a run is going on."""
    listed = "/api/v1/products?q=silent&platform=Steam&sort=price"
    found: dict[Target, list[float]] = {target: [] for target in (LISTED, UNCHANGED, EXPORT, EXPORT_GROWTH)}
    busy: dict[Target, list[float]] = {STATUS: [], PRODUCT: []}
    with stand_in(method, latency_s=LATENCY_S) as stand, fresh(stand, method) as shop:
        ended_well(shop.run())
        status = get("/api/v1/scheduler/status")
        one = get(f"/api/v1/products/{shop.call('GET', listed)[1]['items'][0]['id']}", token=shop.token)
        tag = tag_of(shop, listed)
        for _ in range(method.rounds):
            found[LISTED].append(p95_ms(shop, get(listed, token=shop.token)))
            found[UNCHANGED].append(p95_ms(shop, get(listed, token=shop.token, etag=tag), status=304))
            shop.forget_peak()
            before, began = shop.peak_mb(), time.perf_counter()
            asked(shop, get("/api/v1/products/export", token=shop.token), times=1)
            found[EXPORT].append(time.perf_counter() - began)
            found[EXPORT_GROWTH].append(shop.peak_mb() - before)
            idle = p95_ms(shop, status), p95_ms(shop, one)
            run_id = shop.start()
            during = p95_ms(shop, status), p95_ms(shop, one)
            while shop.look(run_id)["finished_at"] is None:
                time.sleep(0.25)
            busy[STATUS].append(during[0] / max(25.0, 3 * idle[0]))
            busy[PRODUCT].append(during[1] / max(25.0, 3 * idle[1]))
            say(f"idle {idle[0]:.1f} and {idle[1]:.1f} ms, during a run {during[0]:.1f} and {during[1]:.1f}")
    for target, values in (found | busy).items():
        report.add(target, values)


def receipts(method: Method, report: Report, say: Say) -> None:
    """Receipts at a steady rate, idle and during runs."""
    ratios: dict[Target, list[float]] = {RECEIPTS: [], RECEIPTS_SAME: []}
    idle: list[float] = []
    during: list[float] = []
    took: list[float] = []
    for _ in range(method.rounds):
        with stand_in(method, latency_s=LATENCY_S) as stand, fresh(stand, method, tills=TILLS) as shop:
            for target, into in ratios.items():
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    latencies, record = runner.run(beside_a_run(shop))
                ended_well(record)
                into.append(latencies.ratio(0.95))
                half, most = latencies.ms(0.50), latencies.ms(0.95)
                if target is RECEIPTS:
                    idle.append(most[0])
                    during.append(most[1])
                    took.append(record["duration_seconds"])
                say(
                    f"{record['duration_seconds']:.1f} s; p50 {half[0]:.1f} -> {half[1]:.1f} ms, "
                    f"p95 {most[0]:.1f} -> {most[1]:.1f} ms, ratio {into[-1]:.2f}"
                )
    for target, values in ratios.items():
        report.add(target, values)
    report.note("receipts, idle, p95", "ms", idle)
    report.note("receipts during a first import, p95", "ms", during)
    report.note("first import beside receipts", "s", took)


def plain_client_s(base_url: str) -> float:
    """S: one connection fetches and parses all pages and stores nothing; seconds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_plain_client_s(base_url))


async def _plain_client_s(base_url: str) -> float:
    headers = {"Authorization": VendorCredentials().pair_header}
    started = time.perf_counter()
    async with aiohttp.ClientSession(headers=headers) as session:
        page, pages = 1, 1
        while page <= pages:
            address = f"{base_url}/v1/products?page={page}&includeOutOfStock=true"
            async with session.get(address) as answer:
                value = json.loads(await answer.read())
            pages = -(-value["total"] // PAGE_SIZE)
            page += 1
    return time.perf_counter() - started


def products(method: Method) -> int:
    return PRODUCTS // 10 if method.quick else PRODUCTS


@contextmanager
def stand_in(method: Method, *, latency_s: float = 0.0) -> Iterator[Source]:
    with source(products(method)) as stand:
        stand.set_faults(latency_s=latency_s)
        yield stand


@contextmanager
def fresh(
    stand: Source, method: Method, *, tills: int = 1, concurrency: int = 8, per_minute: int = 0
) -> Iterator[Shop]:
    """The service on an empty database."""
    with (
        tempfile.TemporaryDirectory(dir=method.folder) as folder,
        shop(
            stand, Path(folder) / "shop", tills=tills, concurrency=concurrency, per_minute=per_minute
        ) as opened,
    ):
        yield opened


def ended_well(record: dict[str, Any]) -> dict[str, Any]:
    """Raises RuntimeError unless the run has ``succeeded``."""
    if record["status"] != "succeeded":
        raise RuntimeError(f"the run ended as {record['status']}: {record['reason']} {record['error']}")
    return record


def p95_ms(shop: Shop, request: bytes, *, status: int = 200) -> float:
    return quantile(tuple(sorted(asked(shop, request, times=ASKED, status=status))), 0.95) * 1000


def tag_of(shop: Shop, path: str) -> str:
    head = asyncio.run(_ask(shop.server.port, get(path, token=shop.token), 1))[1].decode()
    return next(line[6:] for line in head.split("\r\n") if line.startswith("etag: ")).replace("w/", "W/")


def asked(shop: Shop, request: bytes, *, times: int, status: int = 200) -> list[float]:
    """Seconds of each answer, after a few that warm up when there are many."""
    taken, head = asyncio.run(_ask(shop.server.port, request, times + (5 if times > 1 else 0)))
    if int(head[9:12]) != status:
        raise RuntimeError(f"not {status}: {head.decode()}")
    return taken[5:] if times > 1 else taken


async def _ask(port: int, request: bytes, times: int) -> tuple[list[float], bytes]:
    line, taken, head = await Line.open(port), list[float](), b""
    for _ in range(times):
        began = time.perf_counter()
        _, head, _ = await line.ask(request)
        taken.append(time.perf_counter() - began)
    await line.close()
    return taken, head
