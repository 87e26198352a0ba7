"""Speed of the catalogue against its targets: ``python -m bench.catalog.run``.

All targets are ratios to a plain client on the same machine, so that they hold elsewhere. ``--quick`` takes a
tenth of the products: good for a look, not for a judgement. ``--budget`` measures only a run with the default
budget of 540 requests a minute (about a minute), ``--memory 4`` only the memory that four times the products
cost.
"""

import argparse
import asyncio

from bench.catalog.measures import node, p95_ms, peak_mb, plain_client_s, seconds, source

from kkt_adapter.catalog.reads import ProductQuery, Sort

PRODUCTS = 15_420
LATENCY_S = 0.05


class Table:
    def __init__(self) -> None:
        self.missed = 0

    def row(self, what: str, value: float, target: float, unit: str = "") -> None:
        met = value <= target
        self.missed += not met
        print(f"{what:<58} {value:>9.3f}{unit:<3} target {target:>8.3f}{unit:<3} {'ok' if met else 'MISSED'}")


async def measure(products: int) -> int:
    table = Table()
    async with source(products) as stand_in:
        base = stand_in.base_url
        await stand_in.post("faults", {"latency_s": LATENCY_S})
        s = await plain_client_s(base)
        print(f"S, plain client, one connection: {s:.2f} s")
        async with node(base) as shop:
            await stand_in.post("reset", {})
            before = peak_mb()
            first = await shop.run()
            pages = first.pages_total
            table.row("first import, concurrency 8", first.duration_seconds / s, 0.20, " S")
            table.row("growth of resident memory", peak_mb() - before, 40, "MB")
            table.row("requests of a faultless run", (await stand_in.counters())["requests"], pages + 2)
            second = await shop.run()
            table.row("second run, nothing changed", second.duration_seconds / s, 0.18, " S")
            await stand_in.post("advance", {"sold_out": 0})
            changed = await shop.run()
            table.row(
                "second run, 10 % repriced, 3 % gone, 2 % new", changed.duration_seconds / s, 0.20, " S"
            )
            reads = shop.parts.reads
            filtered = ProductQuery(q="silent", platform=("Steam",), sort=Sort.PRICE)
            table.row(
                "list with filter, p95", await p95_ms(lambda: reads.search(filtered), times=50), 20, "ms"
            )
            named = ProductQuery(q="star", include_total=True)
            table.row(
                "list by name, with total, p95", await p95_ms(lambda: reads.search(named), times=50), 20, "ms"
            )
            table.row("state (a 304 answer), p95", await p95_ms(reads.state, times=50), 5, "ms")

            async def export() -> None:
                async for _ in (await reads.export()).chunks:
                    pass

            before = peak_mb()
            table.row("export", await seconds(export), 3, " s")
            table.row("export, memory growth", peak_mb() - before, 20, "MB")
            status, one = shop.parts.schedule.status, next(iter((await reads.search(named)).items))["id"]
            idle = await p95_ms(status, times=50), await p95_ms(lambda: reads.product(one), times=50)
            going = asyncio.create_task(shop.run())
            await asyncio.sleep(0.5)
            busy = await p95_ms(status, times=50), await p95_ms(lambda: reads.product(one), times=50)
            await going
            table.row("status during a run, p95", busy[0], max(25.0, 3 * idle[0]), "ms")
            table.row("product during a run, p95", busy[1], max(25.0, 3 * idle[1]), "ms")
        async with node(base, concurrency=16) as shop:
            table.row("first import, concurrency 16", (await shop.run()).duration_seconds / s, 0.11, " S")
        await stand_in.post("faults", {"every_429": 10, "retry_after_s": 1.0})
        await stand_in.post("reset", {})
        async with node(base) as shop:
            throttled = await shop.run()
            counted = await stand_in.counters()
            print(f"one in ten is 429: {throttled.status} after {throttled.duration_seconds:.1f} s")
            table.row("  requests to pages", counted["requests"] / pages, 1.2)
            table.row("  requests before the end of Retry-After", counted["early"], 0)
        await stand_in.post("faults", {"every_429": 0, "every_error": 20})
        async with node(base) as shop:
            broken = await shop.run()
            print(f"one in twenty fails: {broken.status}")
            table.row("  duration", broken.duration_seconds / s, 0.35, " S")
        await stand_in.post("faults", {"every_error": 0, "latency_s": 0.0})
        s0 = await plain_client_s(base)
        print(f"S0, plain client without latency: {s0:.2f} s")
        async with node(base) as shop:
            table.row("no latency", (await shop.run()).duration_seconds / s0, 4, " S0")
    return table.missed


async def measure_budget() -> int:
    table = Table()
    async with source(PRODUCTS) as stand_in:
        await stand_in.post("faults", {"latency_s": LATENCY_S})
        async with node(stand_in.base_url, requests_per_minute=540) as shop:
            run = await shop.run()
            counted = await stand_in.counters()
            print(f"with the default budget: {run.status}")
            table.row("  duration", run.duration_seconds, 75, " s")
            table.row("  most requests in any minute", counted["most_in_a_minute"], 540)
    return table.missed


async def measure_memory(products: int) -> float:
    """Growth of resident memory during one run, MB; once in a process, as a peak never goes down."""
    async with source(products) as stand_in, node(stand_in.base_url) as shop:
        before = peak_mb()
        await shop.run()
        return peak_mb() - before


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--budget", action="store_true")
    arguments.add_argument("--memory", type=int, metavar="TIMES", help="so many times the products")
    chosen = arguments.parse_args()
    if chosen.memory:
        print(f"growth: {asyncio.run(measure_memory(PRODUCTS * chosen.memory)):.1f} MB")
        raise SystemExit
    if chosen.budget:
        raise SystemExit(bool(asyncio.run(measure_budget())))
    raise SystemExit(bool(asyncio.run(measure(PRODUCTS // 10 if chosen.quick else PRODUCTS))))
