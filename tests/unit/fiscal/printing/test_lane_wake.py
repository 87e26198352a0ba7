"""How a print lane waits."""

import asyncio

from kkt_adapter.fiscal.printing.lane_timer import LaneWake

LONG_S = 600.0
PATIENCE_S = 60.0  # before a test gives up


async def test_news_ends_the_wait_and_is_used_up_by_it() -> None:
    wake = LaneWake()
    for _ in range(2):
        waiting = asyncio.create_task(wake.wait(LONG_S))
        await asyncio.sleep(0)
        assert not waiting.done()
        wake.set()
        await asyncio.wait_for(waiting, PATIENCE_S)
    wake.stop()


async def test_without_news_the_time_ends_it() -> None:
    wake = LaneWake()
    await asyncio.wait_for(wake.wait(0.01), PATIENCE_S)


async def test_an_earlier_clock_is_kept_and_a_later_one_is_set_anew() -> None:
    """A long wait that news has ended leaves its clock: a shorter wait must not go by it."""
    wake = LaneWake()
    first = asyncio.create_task(wake.wait(LONG_S))
    await asyncio.sleep(0)
    wake.set()
    await first
    await asyncio.wait_for(wake.wait(0.01), PATIENCE_S)

    second = asyncio.create_task(wake.wait(0.01))
    await asyncio.sleep(0)
    wake.set()
    await second
    await asyncio.wait_for(wake.wait(LONG_S), PATIENCE_S)  # may end early, by the clock of the wait before


async def test_a_stopped_clock_rings_no_more() -> None:
    wake = LaneWake()
    waiting = asyncio.create_task(wake.wait(0.2))
    await asyncio.sleep(0)
    wake.stop()
    await asyncio.sleep(0.25)
    assert not waiting.done()
    wake.set()
    await asyncio.wait_for(waiting, PATIENCE_S)
