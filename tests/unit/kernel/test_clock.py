"""The machine's clocks, and the one that tests move."""

import asyncio
from datetime import UTC, timedelta

from tests.support.clock import ManualClock

from kkt_adapter.kernel.clock import Clock, SystemClock


def test_system_time_is_aware_and_monotonic_time_does_not_run_back() -> None:
    system: Clock = SystemClock()

    assert system.now().tzinfo is UTC
    readings = [system.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


async def test_a_manual_clock_wakes_sleepers_at_their_own_times_in_order(clock: ManualClock) -> None:
    woken: list[tuple[str, float]] = []
    start, wall = clock.monotonic(), clock.now()

    async def sleeper(name: str, seconds: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic() - start))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("slow", 5, 1))
        group.create_task(sleeper("fast", 2, 3))
        await clock.until_sleeping(2)
        await clock.advance(10)

    assert woken == [("fast", 2), ("fast", 4), ("slow", 5), ("fast", 6)]
    assert clock.now() - wall == timedelta(seconds=10)


async def test_a_cancelled_sleeper_is_forgotten(clock: ManualClock) -> None:
    sleeper = asyncio.ensure_future(clock.sleep(5))
    await clock.until_sleeping(1)
    sleeper.cancel()
    await asyncio.sleep(0)

    assert clock.sleeping == 0
    await clock.advance(10)
    assert sleeper.cancelled()
