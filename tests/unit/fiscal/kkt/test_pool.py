"""The threads behind the virtual registers."""

import asyncio
import threading

import pytest

from kkt_adapter.fiscal.kkt.virtual import FnPool
from kkt_adapter.kernel.errors import KktUnavailable

DEADLINE_S = 60.0


class Gate:
    """Work that waits until the test lets it go on, and says when it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()

    def pass_through(self) -> str:
        self.begun.set()
        assert self.open.wait(DEADLINE_S)
        return "through"

    async def until_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, DEADLINE_S)


async def test_work_is_done_on_another_thread_and_answered() -> None:
    pool = FnPool(threads=1)
    lane = pool.lane()

    thread, value = await asyncio.gather(
        lane.run(threading.get_ident, deadline_s=DEADLINE_S), lane.run(pow, 2, 10, deadline_s=DEADLINE_S)
    )

    assert thread != threading.get_ident()
    assert value == 1024
    await pool.close()


async def test_an_error_reaches_its_caller_and_nobody_else() -> None:
    pool = FnPool(threads=1)
    lane = pool.lane()

    failed, done = await asyncio.gather(
        lane.run(int, "x", deadline_s=DEADLINE_S),
        lane.run(int, "7", deadline_s=DEADLINE_S),
        return_exceptions=True,
    )

    assert isinstance(failed, ValueError)
    assert done == 7
    await pool.close()


async def test_a_lane_keeps_the_order_of_its_calls() -> None:
    pool = FnPool(threads=4)
    lanes = [pool.lane() for _ in range(6)]
    seen: list[tuple[int, int]] = []

    async with asyncio.TaskGroup() as group:
        for step in range(50):
            for number, lane in enumerate(lanes):
                group.create_task(lane.run(seen.append, (number, step), deadline_s=DEADLINE_S))

    for number in range(len(lanes)):
        assert [step for n, step in seen if n == number] == list(range(50))
    await pool.close()


async def test_a_lane_stays_on_its_thread() -> None:
    pool = FnPool(threads=2)
    lanes = [pool.lane() for _ in range(4)]

    threads = [
        {await lane.run(threading.get_ident, deadline_s=DEADLINE_S) for _ in range(3)} for lane in lanes
    ]

    assert [len(used) for used in threads] == [1, 1, 1, 1]
    assert threads[0] == threads[2] != threads[1] == threads[3]
    await pool.close()


async def test_a_slow_lane_of_one_thread_does_not_delay_the_other_thread() -> None:
    pool, gate = FnPool(threads=2), Gate()
    slow, quick = pool.lane(), pool.lane()

    waiting = asyncio.create_task(slow.run(gate.pass_through, deadline_s=DEADLINE_S))
    await gate.until_begun()

    assert await quick.run(int, "7", deadline_s=DEADLINE_S) == 7
    gate.open.set()
    assert await waiting == "through"
    await pool.close()


async def test_the_deadline_drops_the_answer_but_not_the_work() -> None:
    pool, gate = FnPool(threads=1), Gate()
    lane = pool.lane()
    done: list[str] = []

    with pytest.raises(TimeoutError):
        await lane.run(lambda: done.append(gate.pass_through()), deadline_s=0.02)
    later = asyncio.create_task(lane.run(lambda: list(done), deadline_s=DEADLINE_S))
    gate.open.set()

    assert await later == ["through"]
    await pool.close()


async def test_cancelling_drops_the_answer_but_not_the_work() -> None:
    pool, gate = FnPool(threads=1), Gate()
    lane = pool.lane()
    done: list[str] = []

    task = asyncio.create_task(lane.run(lambda: done.append(gate.pass_through()), deadline_s=DEADLINE_S))
    await gate.until_begun()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()

    assert await lane.run(lambda: list(done), deadline_s=DEADLINE_S) == ["through"]
    await pool.close()


async def test_more_jobs_than_the_backlog_are_refused() -> None:
    pool, gate = FnPool(threads=1, backlog=2), Gate()
    lane = pool.lane()
    first = asyncio.create_task(lane.run(gate.pass_through, deadline_s=DEADLINE_S))
    second = asyncio.create_task(lane.run(int, "7", deadline_s=DEADLINE_S))
    await gate.until_begun()

    with pytest.raises(KktUnavailable):
        await lane.run(int, "8", deadline_s=DEADLINE_S)

    gate.open.set()
    assert (await first, await second) == ("through", 7)
    assert await lane.run(int, "9", deadline_s=DEADLINE_S) == 9
    await pool.close()


async def test_closing_does_what_waits_and_what_is_left_for_the_end() -> None:
    pool = FnPool(threads=2)
    lane = pool.lane()
    seen: list[str] = []
    lane.at_end(lambda: seen.append("end"))
    task = asyncio.create_task(lane.run(seen.append, "job", deadline_s=DEADLINE_S))
    await asyncio.sleep(0)

    await pool.close()
    await pool.close()

    await task
    assert seen == ["job", "end"]
    with pytest.raises(KktUnavailable):
        await lane.run(int, "7", deadline_s=DEADLINE_S)
    with pytest.raises(KktUnavailable):
        pool.lane()


def test_a_pool_serves_one_event_loop_after_another() -> None:
    pool = FnPool(threads=1)
    lane = pool.lane()

    async def ask() -> int:
        return await lane.run(int, "7", deadline_s=DEADLINE_S)

    async def hand_in_and_leave() -> None:
        asyncio.get_running_loop().call_soon(task.append, asyncio.ensure_future(ask()))

    task: list[asyncio.Future[int]] = []
    assert asyncio.run(ask()) == 7
    asyncio.run(hand_in_and_leave())
    assert asyncio.run(ask()) == 7
    asyncio.run(pool.close())


@pytest.mark.parametrize("sizes", [{"threads": -1}, {"backlog": 0}])
def test_a_pool_without_room_is_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="room for one job"):
        FnPool(**sizes)


async def test_without_threads_a_command_is_done_in_place() -> None:
    pool, ended = FnPool(threads=0), []
    lane = pool.lane()
    lane.at_end(lambda: ended.append(threading.current_thread()))
    assert await lane.run(threading.current_thread, deadline_s=DEADLINE_S) is threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await lane.run(divmod, 1, 0, deadline_s=DEADLINE_S)
    await pool.close()
    await pool.close()
    assert ended == [threading.current_thread()]
    with pytest.raises(KktUnavailable):
        await lane.run(threading.current_thread, deadline_s=DEADLINE_S)
