"""One delivery pass: probes, and lanes side by side, with new documents fed in while it lasts.

A pass ends when nothing runs any more. Until then nobody waits for a slow one: a lane that has ended is
begun again as soon as its FN has news, whatever the other lanes and end points do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import DeliveryLane, PassStats
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError


class _PassPermit:
    """Lanes ask before each document."""

    def __init__(
        self, endpoint: Endpoint, *, clock: Clock, until: float, stop: asyncio.Event, ignore_due: bool
    ) -> None:
        self.ignore_due = ignore_due
        self._endpoint = endpoint
        self._clock = clock
        self._until = until
        self._stop = stop

    @property
    def out_of_time(self) -> bool:
        return self._clock.monotonic() >= self._until

    def may_go_on(self) -> bool:
        return (
            not self._stop.is_set() and self._endpoint.state is BreakerState.CLOSED and not self.out_of_time
        )


class _ProbePermit:
    """One document, due or not."""

    ignore_due = True

    def may_go_on(self) -> bool:
        return True


class PassPlan:
    """What the next pass is for: the FNs that have news, or all of them."""

    def __init__(self) -> None:
        self._all = True
        self._fns: set[str] = set()

    def add(self, fn_number: str | None) -> None:
        """This FN, or everything (None)."""
        if fn_number is None:
            self._all = True
        else:
            self._fns.add(fn_number)

    def take(self) -> frozenset[str] | None:
        """The FNs to look at, None for all; the plan is empty then."""
        planned = None if self._all else frozenset(self._fns)
        self._all = False
        self._fns.clear()
        return planned


class SyncPass:
    """Made for one pass. ``feed`` may be called at any time, by anybody on the event loop."""

    def __init__(
        self,
        *,
        lanes: Callable[[], Awaitable[Sequence[DeliveryLane]]],
        endpoints: Sequence[Endpoint],
        clock: Clock,
        flight: asyncio.Semaphore,
        stop: asyncio.Event,
        limit_s: float,
        force: bool,
        wanted: frozenset[str] | None = None,
    ) -> None:
        """``limit_s``: no document is begun after that; ``force``: due times do not count; ``wanted``: the
        FNs to begin with, None for all."""
        until = clock.monotonic() + limit_s
        self.stats = PassStats()
        self.waited_for_breaker = False
        self._read_lanes = lanes
        self._flight = flight
        self._stop = stop
        self._endpoints = {
            e.name: (e, _PassPermit(e, clock=clock, until=until, stop=stop, ignore_due=force))
            for e in endpoints
        }
        self._lanes: dict[str, DeliveryLane] = {}  # by FN
        self._planned = wanted
        self._wanted: set[str] = set(wanted or ())  # FNs whose lanes are to be drained once (more)
        self._cut_short: set[str] = set()  # FNs that may have more, but the pass's time was over
        self._running: dict[asyncio.Task[None], str | None] = {}  # FN; None: a probe
        self._news = asyncio.Event()
        self._log = structlog.get_logger("delivery")

    def feed(self, fn_number: str | None) -> None:
        """This FN, or any (None), has something new to send."""
        self._wanted.update(self._lanes if fn_number is None else (fn_number,))
        self._news.set()

    @property
    def left_over(self) -> frozenset[str]:
        """FNs with news that this pass did not come to, or ran out of time for.

        Those behind an open breaker are not among them: they are looked at when it lets a probe through.
        """
        return frozenset(
            fn_number
            for fn_number in self._wanted | self._cut_short
            if fn_number not in self._lanes or self._lanes[fn_number].endpoint.state is BreakerState.CLOSED
        )

    def endpoint_of(self) -> dict[str, Endpoint]:
        """Where each FN's documents go."""
        return {fn_number: lane.endpoint for fn_number, lane in self._lanes.items()}

    async def run(self) -> None:
        """Until nothing runs and nothing may be begun; on cancel everything that runs is cancelled.

        Raises:
            StorageError: the lanes cannot be read; nothing was begun.
        """
        await self._learn_lanes()
        if self._planned is None:
            self._wanted.update(self._lanes)
        self._probe_half_open()
        try:
            while True:
                await self._begin_wanted()
                if not self._running:
                    return
                await self._until_something_ends_or_comes()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _learn_lanes(self) -> None:
        for lane in await self._read_lanes():
            self._lanes[lane.fn_number] = lane

    def _probe_half_open(self) -> None:
        for endpoint, _ in self._endpoints.values():
            if not endpoint.lets_through():
                self.waited_for_breaker = True
            elif endpoint.state is BreakerState.HALF_OPEN:
                mine = [lane for lane in self._lanes.values() if lane.endpoint is endpoint]
                self._wanted.update(lane.fn_number for lane in mine)
                self._start(self._probe(endpoint, mine), None)

    async def _begin_wanted(self) -> None:
        self._news.clear()
        if not self._wanted.issubset(self._lanes):
            await self._learn_lanes()
            self._wanted.intersection_update(self._lanes)  # the others come with the next planned pass
        running = set(self._running.values())
        for fn_number in [fn for fn in self._wanted if fn not in running]:
            lane = self._lanes[fn_number]
            known = self._endpoints.get(lane.endpoint.name)
            if known is not None and known[1].may_go_on():
                self._wanted.discard(fn_number)
                self._start(self._drain(lane, known[1]), fn_number)

    def _start(self, work: Awaitable[None], fn_number: str | None) -> None:
        self._running[asyncio.ensure_future(self._guarded(work, fn_number))] = fn_number

    async def _until_something_ends_or_comes(self) -> None:
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait([*self._running, news], return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        self._running = {task: fn for task, fn in self._running.items() if not task.done()}

    async def _guarded(self, work: Awaitable[None], fn_number: str | None) -> None:
        """One lane's trouble is its own."""
        try:
            await work
        except AdapterError as error:
            self._log.warning("lane_stopped", fn_number=fn_number, code=error.code, error=error.detail.en)
            self._note(f"{error.code}: {error.detail.en}")
        except Exception as error:
            self._log.exception("lane_failed", fn_number=fn_number)
            self._note(type(error).__name__)

    def _note(self, error: str) -> None:
        self.stats.failed += 1
        if len(self.stats.errors) < 5:
            self.stats.errors.append(error)

    async def _drain(self, lane: DeliveryLane, permit: _PassPermit) -> None:
        async with self._flight:
            await lane.drain(permit, self.stats, limit=None)
        if permit.out_of_time:
            self._cut_short.add(lane.fn_number)

    async def _probe(self, endpoint: Endpoint, lanes: Iterable[DeliveryLane]) -> None:
        """One document at a time, the FN head with the fewest failures first, due or not."""
        lanes = list(lanes)
        while endpoint.state is BreakerState.HALF_OPEN and not self._stop.is_set():
            heads = [
                (head.retry_count, i)
                for i, lane in enumerate(lanes)
                if (head := await lane.head(ignore_due=True)) is not None
            ]
            if heads:
                before = (self.stats.synced + self.stats.failed, endpoint.breaker.success_count)
                await lanes[min(heads)[1]].drain(_ProbePermit(), self.stats, limit=1)
                if (self.stats.synced + self.stats.failed, endpoint.breaker.success_count) != before:
                    continue
            if not await endpoint.probe():
                return
