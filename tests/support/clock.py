"""A clock that stands still until a test moves it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday morning; any fixed moment does
PATIENCE_S = 60.0  # real seconds before a test that waits for the code under test gives up


class ManualClock:
    """Implements `Clock`. Sleepers wake only through `advance`, in the order of their due times."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1_000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        await future

    def set_wall(self, moment: datetime) -> None:
        """Set the wall clock alone, as a person or NTP would; it may go back."""
        self._now = moment

    @property
    def sleeping(self) -> int:
        """How many tasks sleep now."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, waking each sleeper at its own time and letting it run on."""
        end = self._monotonic + seconds
        await self._let_others_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            if future.done():
                continue
            self._move_to(due)
            future.set_result(None)
            await self._let_others_run()
        self._move_to(end)
        await self._let_others_run()

    async def until_sleeping(self, count: int = 1, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait (in real time) until at least ``count`` tasks sleep: the code under test has come to rest.
        ``unless``: or until it has ended otherwise, and sleeps no more."""
        async with asyncio.timeout(PATIENCE_S):
            while self.sleeping < count and not unless():  # noqa: ASYNC110 - ends that send no signal
                await asyncio.sleep(0.001)

    def _move_to(self, monotonic: float) -> None:
        self._now += timedelta(seconds=max(0.0, monotonic - self._monotonic))
        self._monotonic = max(self._monotonic, monotonic)

    @staticmethod
    async def _let_others_run() -> None:
        for _ in range(10):  # a woken task needs a few turns of the loop to come to its next await
            await asyncio.sleep(0)
