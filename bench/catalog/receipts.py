"""Receipts at a steady rate, while the service rests and while it reads the whole catalogue.

The rate does not wait for answers of other tills: a receipt leaves at its moment, and its latency counts from
that moment. So a pause of the service is seen by every receipt that fell into it.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.catalog.shop import Line, Shop
from bench.load import body, quantile

TILLS = 8
PER_S = 40.0  # receipts of all tills together: a busy shopping centre
WARM_S = 2.0
IDLE_S = 8.0
LOOK_S = 0.5
FIRST_S = 60.0  # until every till has printed once
AGAIN_S = 0.1


@dataclass(slots=True)
class Latencies:
    """Seconds, by what the service did when the receipt left."""

    idle: list[float] = field(default_factory=list)
    during: list[float] = field(default_factory=list)

    def ratio(self, share: float) -> float:
        return _quantile(self.during, share) / _quantile(self.idle, share)

    def ms(self, share: float) -> tuple[float, float]:
        return _quantile(self.idle, share) * 1000, _quantile(self.during, share) * 1000


async def beside_a_run(shop: Shop) -> tuple[Latencies, dict[str, Any]]:
    """Post all the time: idle first, then from the start of a full run to its end. The run's record too."""
    latencies, over = Latencies(), asyncio.Event()
    into: list[list[float] | None] = [None]
    tills = [await _Till.open(shop.server.port, number) for number in range(TILLS)]
    for till in tills:
        await till.first()
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for till in tills:
            group.create_task(till.post(begin, over, lambda: into[0]))
        await asyncio.sleep(WARM_S)
        into[0] = latencies.idle
        await asyncio.sleep(IDLE_S)
        into[0] = None
        run_id = await asyncio.to_thread(shop.start)
        into[0] = latencies.during
        record = await asyncio.to_thread(shop.look, run_id)
        while record["finished_at"] is None:
            await asyncio.sleep(LOOK_S)
            record = await asyncio.to_thread(shop.look, run_id)
        into[0] = None
        over.set()
    for till in tills:
        await till.close()
    return latencies, record


class _Till:
    def __init__(self, line: Line, number: int) -> None:
        self._line = line
        self._number = number
        self._keys = (f"{os.urandom(6).hex()}-{count:08d}" for count in itertools.count(1))
        self._content = body(number)

    @classmethod
    async def open(cls, port: int, number: int) -> "_Till":
        return cls(await Line.open(port), number)

    async def first(self) -> None:
        """Print one receipt, which opens the shift."""
        async with asyncio.timeout(FIRST_S):
            while not await self._print():  # noqa: ASYNC110 - its register is not reached yet
                await asyncio.sleep(AGAIN_S)

    async def post(self, begin: float, over: asyncio.Event, into: Callable[[], list[float] | None]) -> None:
        every_s = TILLS / PER_S
        moment = begin + self._number * every_s / TILLS
        while not over.is_set():
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            taken = into()
            if not await self._print():
                raise RuntimeError("a receipt was not printed")
            if taken is not None:
                taken.append(time.perf_counter() - moment)
            moment += every_s

    async def close(self) -> None:
        await self._line.close()

    async def _print(self) -> bool:
        head = (
            "POST /v1/kkt/receipt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self._content)}\r\nIdempotency-Key: {next(self._keys)}\r\n\r\n"
        )
        status, _, answer = await self._line.ask(head.encode() + self._content)
        return status == 200 and b'"status":"printed"' in answer


def _quantile(values: list[float], share: float) -> float:
    return quantile(tuple(sorted(values)), share)
