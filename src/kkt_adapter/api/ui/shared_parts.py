"""Live parts that look the same to every visitor of one role and language: rendered once for all of them.

However many pages are open, a change costs one read of the database and one rendering of each part that shows
it; every other page gets the same bytes. A part is kept until a mark changes (``live.py``), and for one turn
of the open pages at most, because it shows ages. Nothing of a single visitor is in it, a form token least of
all: ``Visit.token`` refuses to make one here.
"""

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from starlette.responses import Response

from kkt_adapter.api.ui.live import LiveFeed
from kkt_adapter.kernel.clock import Clock

KEPT = 64  # parts; the least recently used is dropped first
GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendered:
    version: int  # of the marks when the rendering began
    at: float
    body: bytes
    packed: bytes
    media_type: str | None


@dataclass(slots=True)
class _Part:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    rendered: _Rendered | None = None


class SharedParts:
    """``renderings``: how often a part was rendered since the start."""

    def __init__(self, feed: LiveFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._parts: OrderedDict[Hashable, _Part] = OrderedDict()
        self.renderings = 0

    async def answer(
        self, look: Hashable, render: Callable[[], Awaitable[Response]], *, packed: bool
    ) -> Response:
        """``look``: everything that the part depends on beside what changes; ``packed``: the visitor's
        browser takes gzip. Raises what ``render`` raises; only a good answer is kept."""
        part = self._parts.setdefault(look, _Part())
        self._parts.move_to_end(look)
        if len(self._parts) > KEPT:
            self._parts.popitem(last=False)
        async with part.turn:
            if not self._is_fresh(part.rendered):
                version, at = self._feed.version, self._clock.monotonic()
                self.renderings += 1
                made = await render()
                if made.status_code != 200:
                    return made
                body = bytes(made.body)
                part.rendered = _Rendered(
                    version=version,
                    at=at,
                    body=body,
                    packed=gzip.compress(body, GZIP_LEVEL, mtime=0),
                    media_type=made.media_type,
                )
        assert part.rendered is not None
        return _response(part.rendered, packed=packed)

    def _is_fresh(self, rendered: _Rendered | None) -> bool:
        if rendered is None or rendered.version != self._feed.version:
            return False
        return self._clock.monotonic() - rendered.at < self._feed.pause_s


def _response(rendered: _Rendered, *, packed: bool) -> Response:
    headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if packed else {})
    return Response(
        rendered.packed if packed else rendered.body, media_type=rendered.media_type, headers=headers
    )
