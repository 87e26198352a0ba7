"""One delivery pass over small lanes: who is drained, when again, and that nobody waits for a slow one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import DeliveryLane, LaneHead, PassStats, Permit
from kkt_adapter.fiscal.delivery.outcome import Signal
from kkt_adapter.fiscal.delivery.sync_pass import PassPlan, SyncPass
from kkt_adapter.kernel.breaker import Breaker, BreakerState
from kkt_adapter.kernel.errors import OfdUnavailable, StorageError


@dataclass(eq=False)
class Lane:
    """Keeps documents in memory. ``gate`` holds a drain up until it is set."""

    fn_number: str
    endpoint: Endpoint
    documents: int = 0
    retry_count: int = 0
    gate: asyncio.Event | None = None
    error: Exception | None = None
    refused: bool = False  # the operator does not answer for this FN
    drains: int = 0
    sent: list[int] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def head(self, *, ignore_due: bool) -> LaneHead | None:
        return LaneHead(fd_number=1, retry_count=self.retry_count) if self.documents else None

    async def drain(self, permit: Permit, stats: PassStats, *, limit: int | None) -> None:
        self.drains += 1
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        tried = 0
        while self.documents and permit.may_go_on() and (limit is None or tried < limit):
            await asyncio.sleep(0)
            tried += 1
            if self.refused:
                self.endpoint.heard(Signal.FAILURE, label="timeout", error="no answer")
                stats.failed += 1
                return
            self.documents -= 1
            self.sent.append(self.documents)
            self.endpoint.succeeded(0.0)
            stats.synced += 1

    def due_in_s(self) -> float | None:
        return None

    def forget_wait(self) -> None: ...


@dataclass
class Operator:
    up: bool = True
    asked: int = 0

    async def probe(self) -> None:
        self.asked += 1
        if not self.up:
            raise OfdUnavailable("nobody listens", error_code="connection")


async def all_turns() -> None:
    """Whoever can go on has gone on: nothing here waits for anything but the loop and the test's gates."""
    for _ in range(200):
        await asyncio.sleep(0)


class Shop:
    """Everything a pass needs, with a clock that stands still."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.operator = Operator()
        self.endpoint = self.an_endpoint("relay:a")
        self.endpoints = [self.endpoint]
        self.lanes: list[Lane] = []
        self.stop = asyncio.Event()

    def an_endpoint(self, name: str) -> Endpoint:
        return Endpoint(
            name,
            transport="relay",
            breaker=Breaker(failures_to_open=2, open_s=60.0),
            probe=self.operator.probe,
            clock=self.clock,
            on_change=lambda endpoint, state: None,
        )

    def lane(self, fn_number: str, **fields: object) -> Lane:
        lane = Lane(fn_number, **({"endpoint": self.endpoint} | fields))  # type: ignore[arg-type]
        self.lanes.append(lane)
        return lane

    def a_pass(
        self, *, in_flight: int = 64, limit_s: float = 60.0, wanted: frozenset[str] | None = None
    ) -> SyncPass:
        async def lanes() -> Sequence[DeliveryLane]:
            return self.lanes

        return SyncPass(
            lanes=lanes,
            endpoints=self.endpoints,
            clock=self.clock,
            flight=asyncio.Semaphore(in_flight),
            stop=self.stop,
            limit_s=limit_s,
            force=False,
            wanted=wanted,
        )


@pytest.fixture
def shop(clock: ManualClock) -> Shop:
    return Shop(clock)


async def test_every_lane_is_drained_once(shop: Shop) -> None:
    lanes = [shop.lane(f"fn{i}", documents=i) for i in range(4)]
    one = shop.a_pass()
    await one.run()
    assert [lane.drains for lane in lanes] == [1] * 4
    assert (one.stats.synced, one.stats.failed) == (6, 0)
    assert not one.waited_for_breaker


async def test_others_are_drained_again_and_again_while_one_is_slow(shop: Shop) -> None:
    slow = shop.lane("slow", documents=1, gate=asyncio.Event())
    quick = shop.lane("quick", documents=1)
    one = shop.a_pass()
    running = asyncio.create_task(one.run())
    await slow.begun.wait()
    for drains in range(1, 5):
        async with asyncio.timeout(60):
            while quick.documents or quick.drains < drains:  # noqa: ASYNC110
                await asyncio.sleep(0)
        quick.documents += 1
        one.feed("quick")
    assert slow.gate is not None
    slow.gate.set()
    await running
    assert (quick.documents, slow.documents) == (0, 0)


async def test_another_end_point_is_served_while_one_hangs(shop: Shop) -> None:
    other = shop.an_endpoint("relay:b")
    shop.endpoints.append(other)
    slow = shop.lane("slow", documents=1, gate=asyncio.Event())
    quick = shop.lane("quick", endpoint=other)
    one = shop.a_pass()
    running = asyncio.create_task(one.run())
    await slow.begun.wait()
    await all_turns()
    assert quick.drains == 1
    quick.documents = 1
    one.feed("quick")
    await all_turns()
    assert quick.documents == 0
    assert slow.gate is not None
    slow.gate.set()
    await running


async def test_news_for_a_lane_that_is_just_ending_is_not_lost(shop: Shop) -> None:
    """It has found nothing more, and has not returned yet, when its next document is made."""
    lane = shop.lane("fn", gate=asyncio.Event())
    one = shop.a_pass()
    running = asyncio.create_task(one.run())
    await lane.begun.wait()
    one.feed("fn")
    assert lane.gate is not None
    lane.gate.set()
    await running
    assert lane.drains == 2


async def test_an_fn_that_shows_up_during_the_pass_is_learned(shop: Shop) -> None:
    slow = shop.lane("slow", gate=asyncio.Event())
    one = shop.a_pass()
    running = asyncio.create_task(one.run())
    await slow.begun.wait()
    new = shop.lane("new", documents=2)
    one.feed("new")
    one.feed("never heard of")
    await all_turns()
    assert new.documents == 0
    assert slow.gate is not None
    slow.gate.set()
    await running


async def test_news_about_nobody_in_particular_looks_at_everybody(shop: Shop) -> None:
    slow = shop.lane("slow", gate=asyncio.Event())
    others = [shop.lane(f"fn{i}") for i in range(3)]
    one = shop.a_pass()
    running = asyncio.create_task(one.run())
    await slow.begun.wait()
    await all_turns()
    one.feed(None)
    await all_turns()
    assert [lane.drains for lane in others] == [2, 2, 2]
    assert slow.gate is not None
    slow.gate.set()
    await running


@pytest.mark.parametrize("error", [StorageError("disk full"), ZeroDivisionError()])
async def test_one_lanes_trouble_is_its_own(shop: Shop, error: Exception) -> None:
    shop.lane("broken", documents=1, error=error)
    fine = shop.lane("fine", documents=3)
    one = shop.a_pass()
    await one.run()
    assert fine.documents == 0
    assert (one.stats.synced, one.stats.failed, len(one.stats.errors)) == (3, 1, 1)


async def test_an_open_breaker_lets_nothing_through(shop: Shop) -> None:
    lane = shop.lane("fn", documents=1)
    shop.endpoint.breaker.failure(shop.clock.monotonic())
    shop.endpoint.breaker.failure(shop.clock.monotonic())
    one = shop.a_pass()
    await one.run()
    assert (lane.drains, one.waited_for_breaker) == (0, True)


async def test_the_breaker_that_opens_in_the_middle_stops_the_other_lanes(shop: Shop) -> None:
    lanes = [shop.lane(f"fn{i}", documents=100, refused=True) for i in range(10)]
    one = shop.a_pass(in_flight=1)
    await one.run()
    assert shop.endpoint.state is BreakerState.OPEN
    assert one.stats.failed == 2, "the failures that opened it, and no more"
    assert sum(lane.documents for lane in lanes) == 1_000


async def half_open(shop: Shop) -> None:
    for _ in range(2):
        shop.endpoint.heard(Signal.FAILURE, label="timeout", error="no answer")
    await shop.clock.advance(60.0)


async def test_a_half_open_breaker_probes_the_head_with_the_fewest_failures_one_by_one(shop: Shop) -> None:
    tired = shop.lane("tired", documents=5, retry_count=5)
    fresh = shop.lane("fresh", documents=1, retry_count=0)
    await half_open(shop)
    one = shop.a_pass()
    await one.run()
    assert fresh.sent == [0]
    assert tired.sent == [4, 3, 2, 1, 0], "the second probe, and then the rest"
    assert shop.endpoint.state is BreakerState.CLOSED
    assert shop.operator.asked == 0


async def test_with_one_document_the_second_probe_is_the_health_call(shop: Shop) -> None:
    lane = shop.lane("fn", documents=1)
    await half_open(shop)
    await shop.a_pass().run()
    assert (lane.documents, shop.operator.asked) == (0, 1)
    assert shop.endpoint.state is BreakerState.CLOSED


async def test_with_nothing_to_send_both_probes_are_health_calls(shop: Shop) -> None:
    shop.lane("fn")
    await half_open(shop)
    await shop.a_pass().run()
    assert shop.operator.asked == 2
    assert shop.endpoint.state is BreakerState.CLOSED


async def test_a_failed_probe_opens_the_breaker_and_nothing_else_is_sent(shop: Shop) -> None:
    lanes = [shop.lane(f"fn{i}", documents=1, refused=True) for i in range(3)]
    await half_open(shop)
    one = shop.a_pass()
    await one.run()
    assert shop.endpoint.state is BreakerState.OPEN
    assert sum(lane.drains for lane in lanes) == 1
    shop.operator.up = False


async def test_no_document_is_begun_after_the_pass_has_had_its_time(shop: Shop) -> None:
    lane = shop.lane("fn", documents=5)
    await shop.a_pass(limit_s=0.0).run()
    assert (lane.drains, lane.documents) == (0, 5)


async def test_no_document_is_begun_after_the_stop(shop: Shop) -> None:
    lane = shop.lane("fn", documents=5)
    shop.stop.set()
    await shop.a_pass().run()
    assert lane.documents == 5


async def test_only_so_many_lanes_are_in_flight(shop: Shop) -> None:
    gate = asyncio.Event()
    lanes = [shop.lane(f"fn{i}", gate=gate) for i in range(10)]
    one = shop.a_pass(in_flight=3)
    running = asyncio.create_task(one.run())
    await all_turns()
    assert sum(lane.drains for lane in lanes) == 3
    gate.set()
    await running
    assert sum(lane.drains for lane in lanes) == 10


async def test_a_cancelled_pass_leaves_nothing_running(shop: Shop) -> None:
    lane = shop.lane("fn", gate=asyncio.Event())
    running = asyncio.create_task(shop.a_pass().run())
    await lane.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_pass_that_was_woken_looks_at_those_with_news_only(shop: Shop) -> None:
    lanes = [shop.lane(f"fn{i}", documents=1) for i in range(5)]
    one = shop.a_pass(wanted=frozenset({"fn2", "gone"}))
    await one.run()
    assert [lane.drains for lane in lanes] == [0, 0, 1, 0, 0]
    assert one.left_over == frozenset()


async def test_after_a_half_open_breaker_has_closed_every_lane_is_drained(shop: Shop) -> None:
    lanes = [shop.lane(f"fn{i}", documents=3) for i in range(5)]
    await half_open(shop)
    await shop.a_pass(wanted=frozenset()).run()
    assert sum(lane.documents for lane in lanes) == 0


async def test_what_the_time_did_not_suffice_for_is_left_over(shop: Shop) -> None:
    shop.lane("fn", documents=5)
    one = shop.a_pass(limit_s=0.0)
    await one.run()
    assert one.left_over == {"fn"}


async def test_what_waits_behind_an_open_breaker_is_not_left_over(shop: Shop) -> None:
    """Else the next pass would begin at once, and the one after it."""
    shop.lane("fn", documents=5)
    for _ in range(2):
        shop.endpoint.heard(Signal.FAILURE, label="timeout", error="no answer")
    one = shop.a_pass()
    one.feed("fn")
    await one.run()
    assert one.left_over == frozenset()


def test_a_plan_is_for_those_with_news_or_for_all() -> None:
    plan = PassPlan()
    assert plan.take() is None, "the first pass looks at everything"
    assert plan.take() == frozenset()
    plan.add("a")
    plan.add("b")
    plan.add("a")
    assert plan.take() == frozenset({"a", "b"})
    plan.add("a")
    plan.add(None)
    assert plan.take() is None
    assert plan.take() == frozenset()
