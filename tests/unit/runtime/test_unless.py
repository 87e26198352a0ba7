"""Work that is given up when something else happens first."""

import asyncio

import pytest

from kkt_adapter.runtime.wakeup import unless


class Work:
    """Waits to be let go, and remembers how it ended."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.ended: str | None = None

    async def run(self) -> int:
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "done"
        return 7


async def test_the_value_comes_back_when_nothing_else_happens() -> None:
    work = Work()
    work.go.set()
    assert await unless(work.run(), asyncio.Event(), asyncio.Event()) == 7


async def test_an_event_ends_the_work_before_it_comes_back() -> None:
    work, stop = Work(), asyncio.Event()
    waiting = asyncio.create_task(unless(work.run(), asyncio.Event(), stop))
    await work.began.wait()
    stop.set()
    assert await waiting is None
    assert work.ended == "cancelled"


async def test_an_error_of_the_work_comes_through() -> None:
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await unless(fails(), asyncio.Event())


async def test_a_cancellation_from_outside_reaches_the_work() -> None:
    work = Work()
    waiting = asyncio.create_task(unless(work.run(), asyncio.Event()))
    await work.began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.ended == "cancelled"
