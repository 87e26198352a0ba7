"""What changed, told to every open page at most every two seconds: server-sent events.

A page is told names only (``receipts``, ``overview``); it then fetches its own part anew, with its own
rights. However many pages are open, the services are asked once in two seconds, and not at all while none is.
Many pages are told less often, so that all of them together fetch no more than a few do: sales come first.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError

EVERY_S = 2.0
AT_FULL_PACE = 4  # pages open at once that are told every two seconds; twice as many: every four ..
SLOWEST = 5  # .. and never less often than every ten
PING_S = 15.0  # a comment keeps proxies from closing a quiet stream

Marks = Mapping[str, str]
"""Name of a mark, and a text that is another when something changed."""


class LiveFeed:
    """``look`` reads the marks of now. ``close`` ends every stream: the service stops."""

    def __init__(
        self, look: Callable[[], Awaitable[Marks]], clock: Clock, *, every_s: float = EVERY_S
    ) -> None:
        self._look = look
        self._clock = clock
        self._every_s = every_s
        self._turn = asyncio.Lock()
        self._seen: Marks = {}
        self._seen_at: float | None = None
        self._closing = asyncio.Event()
        self._open = 0

    @property
    def pause_s(self) -> float:
        """Between two looks of one page."""
        return self._every_s * min(max(self._open / AT_FULL_PACE, 1.0), SLOWEST)

    def close(self) -> None:
        self._closing.set()

    async def events(self, still_welcome: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes, None]:
        """Until the service stops or the visitor's sign-in ends, which is the last thing that is told."""
        self._open += 1
        try:
            known = await self._marks()
            yield b"event: hello\ndata: \n\n"
            quiet_s = 0.0
            while not await self._closed_within(pause_s := self.pause_s):
                if not await still_welcome():
                    yield b"event: signed-out\ndata: \n\n"
                    return
                now = await self._marks()
                changed = [name for name in now if now[name] != known.get(name)]
                known = now
                quiet_s = 0.0 if changed else quiet_s + pause_s
                for name in changed:
                    yield f"event: {name}\ndata: \n\n".encode()
                if quiet_s >= PING_S:
                    quiet_s = 0.0
                    yield b": still here\n\n"
        finally:
            self._open -= 1

    async def _marks(self) -> Marks:
        """Of now, or as somebody saw them a moment ago; while the database cannot say, as they were."""
        async with self._turn:
            now = self._clock.monotonic()
            if self._seen_at is None or now - self._seen_at >= self._every_s * 0.9:
                try:
                    self._seen = await self._look()
                except AdapterError:
                    self._seen = {**self._seen, "overview": "unknown"}
                self._seen_at = now
            return self._seen

    async def _closed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return False
        return True
