"""When the next request may leave: pauses that the source asked for, our own budget, how many at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock

MINUTE_S = 60.25  # a request may reach the source a moment later than it left us
CLEAN_TO_GROW = 50  # good answers in a row that add one request at a time
SILENT_FIRST_S = 1.0  # pause after a refusal that names none; doubles to ...
SILENT_CAP_S = 30.0


class RequestBudget:
    """At most ``per_minute`` requests in any sliding minute; bursts are allowed. 0 is no budget."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left_at: deque[float] = deque(maxlen=max(1, per_minute))

    def wait_s(self, now: float) -> float:
        """Seconds until a request fits; 0 when one does now."""
        if self._per_minute == 0 or len(self._left_at) < self._per_minute:
            return 0.0
        return max(0.0, self._left_at[0] + MINUTE_S - now)

    def spend(self, now: float) -> None:
        if self._per_minute:
            self._left_at.append(now)


class ConcurrencyLimit:
    """How many requests may be under way: halved by each refusal, one more after enough good answers."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.allowed = most
        self._clean = 0

    def refused(self) -> None:
        self.allowed = max(1, self.allowed // 2)
        self._clean = 0

    def answered(self) -> None:
        self._clean += 1
        if self._clean >= CLEAN_TO_GROW and self.allowed < self.most:
            self.allowed += 1
            self._clean = 0


class Pacer:
    """Lets requests leave. One for a source in a process, as the source sees all our requests together."""

    def __init__(self, clock: Clock, *, concurrency: int, per_minute: int) -> None:
        self._clock = clock
        self._budget = RequestBudget(per_minute)
        self._limit = ConcurrencyLimit(concurrency)
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._refusals = 0  # in a row, without a named pause

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return self._limit.allowed

    def pause_left_s(self) -> float:
        return max(0.0, self._paused_until - self._clock.monotonic())

    @asynccontextmanager
    async def leave(self) -> AsyncIterator[None]:
        """Wait for the turn of one request; it is under way inside the block."""
        await self._enter()
        try:
            await self._until_allowed()
            yield
        finally:
            self._under_way -= 1
            self._wake()

    async def another(self) -> None:
        """Wait for one more request inside a turn: a token, or the same page with a new one."""
        await self._until_allowed()

    def refused(self, retry_after_s: float | None) -> float:
        """The source asked for fewer requests; returns the pause in seconds, which holds for everybody."""
        self._limit.refused()
        if retry_after_s is None:
            self._refusals += 1
            retry_after_s = backoff(self._refusals, first_s=SILENT_FIRST_S, cap_s=SILENT_CAP_S)
        self._paused_until = max(self._paused_until, self._clock.monotonic() + retry_after_s)
        return retry_after_s

    def answered(self) -> None:
        """A good answer came."""
        self._refusals = 0
        self._limit.answered()
        self._wake()

    async def _enter(self) -> None:
        while self._under_way >= self._limit.allowed:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # our turn came at the same moment: hand it on
                raise
        self._under_way += 1

    async def _until_allowed(self) -> None:
        while True:
            now = self._clock.monotonic()
            wait_s = max(self._paused_until - now, self._budget.wait_s(now))
            if wait_s <= 0:
                self._budget.spend(now)
                return
            await self._clock.sleep(wait_s)

    def _wake(self) -> None:
        """Wake as many waiters as may go. A waiter checks again, so one too many does no harm."""
        free = self._limit.allowed - self._under_way
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
