"""What changed, told to every open page at most every two seconds: server-sent events.

A page is told names only (``receipts``, ``overview``); it then fetches its own part anew, with its own
rights. However many pages are open, the services are asked once in a turn, and not at all while none is. All
pages share the turns, so a part that one of them has fetched is ready for the others (``shared_parts.py``);
within a turn they are told one after another, not all at once. Very many pages are told less often: sales
come first.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError

EVERY_S = 2.0
AT_FULL_PACE = 10  # pages open at once that are told every two seconds; twice as many: every four ..
SLOWEST = 5  # .. and never less often than every ten
SPREAD = 16  # places within the first half of a turn, at which pages are told
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
        self._seen_in: tuple[float, int] | None = None  # length and number of the turn
        self._closing = asyncio.Event()
        self._open = 0
        self._places = 0
        self.version = 0  # another one whenever a mark changed

    @property
    def pause_s(self) -> float:
        """Length of a turn: between two looks of one page."""
        return self._every_s * min(max(self._open / AT_FULL_PACE, 1.0), SLOWEST)

    def close(self) -> None:
        self._closing.set()

    async def events(self, still_welcome: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes, None]:
        """Until the service stops or the visitor's sign-in ends, which is the last thing that is told."""
        self._open += 1
        self._places += 1
        place = self._places % SPREAD / SPREAD / 2
        try:
            known = await self._marks()
            yield b"event: hello\ndata: \n\n"
            quiet_s = 0.0
            while not await self._closed_within(pause_s := self._until_told(place)):
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

    def _until_told(self, place: float) -> float:
        """Seconds to that place of the next turn; a turn that has just passed it counts as told."""
        turn_s, now = self.pause_s, self._clock.monotonic()
        passed = (now / turn_s - place) % 1.0
        left = 1.0 - passed
        return turn_s * (left if left > 0.1 else left + 1.0)

    async def _marks(self) -> Marks:
        """As they were seen in this turn; while the database cannot say, as they were."""
        async with self._turn:
            turn_s = self.pause_s
            turn = (turn_s, int(self._clock.monotonic() / turn_s))
            if turn != self._seen_in:
                before = self._seen
                try:
                    self._seen = await self._look()
                except AdapterError:
                    self._seen = {**self._seen, "overview": "unknown"}
                self._seen_in = turn
                self.version += self._seen != before
            return self._seen

    async def _closed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return False
        return True
