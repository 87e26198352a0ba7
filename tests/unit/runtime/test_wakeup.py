"""An event or a timeout, whichever comes first; many wakings are one."""

import asyncio
from math import inf

from tests.support.clock import ManualClock

from kkt_adapter.runtime.wakeup import Wakeup, happens_within


async def test_it_waits_no_longer_than_the_timeout(clock: ManualClock) -> None:
    waiting = asyncio.ensure_future(Wakeup(clock).wait(10))
    await clock.until_sleeping(1)
    await clock.advance(9.9)
    assert not waiting.done()
    await clock.advance(0.1)
    assert await waiting is False


async def test_a_wake_ends_the_wait_at_once_and_leaves_no_sleeper(clock: ManualClock) -> None:
    wakeup = Wakeup(clock)
    waiting = asyncio.ensure_future(wakeup.wait(10))
    await clock.until_sleeping(1)
    wakeup.wake()
    assert await waiting is True
    assert clock.sleeping == 0


async def test_wakes_before_the_wait_are_one_and_not_lost(clock: ManualClock) -> None:
    wakeup = Wakeup(clock)
    wakeup.wake()
    wakeup.wake()
    assert await wakeup.wait(10) is True
    again = asyncio.ensure_future(wakeup.wait(10))
    await clock.until_sleeping(1)
    assert not again.done()
    await clock.advance(10)
    assert await again is False


async def test_stop_ends_the_wait_and_is_not_a_waking(clock: ManualClock) -> None:
    stop = asyncio.Event()
    waiting = asyncio.ensure_future(Wakeup(clock).wait(inf, stop=stop))
    await asyncio.sleep(0)
    stop.set()
    assert await waiting is False


async def test_an_event_that_is_set_already_is_seen_without_sleeping(clock: ManualClock) -> None:
    event = asyncio.Event()
    event.set()
    assert await happens_within(clock, 0, event)


async def test_a_cancelled_wait_leaves_nothing_behind(clock: ManualClock) -> None:
    waiting = asyncio.ensure_future(happens_within(clock, 10, asyncio.Event()))
    await clock.until_sleeping(1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert clock.sleeping == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
