"""Open pages are told what changed; many of them less often, so that together they cost what a few cost."""

import asyncio
import gzip
from contextlib import AsyncExitStack, aclosing

import pytest
from starlette.responses import Response
from tests.support.clock import ManualClock

from kkt_adapter.api.ui.live import EVERY_S, LiveFeed, Marks
from kkt_adapter.api.ui.shared_parts import KEPT, SharedParts


@pytest.mark.parametrize(
    ("pages", "pause_s"), [(0, 2.0), (1, 2.0), (10, 2.0), (20, 4.0), (50, 10.0), (90, 10.0)]
)
async def test_many_pages_are_told_less_often(pages: int, pause_s: float) -> None:
    feed = LiveFeed(nothing_new, ManualClock())
    async with AsyncExitStack() as open_pages:
        for _ in range(pages):
            page = await open_pages.enter_async_context(aclosing(feed.events(welcome)))
            assert await anext(page) == b"event: hello\ndata: \n\n"
        assert feed.pause_s == pause_s
    assert feed.pause_s == EVERY_S, "a page that is closed counts no more"


class Shop:
    """Marks and a part that shows what was sold."""

    def __init__(self) -> None:
        self.sold = 0
        self.status = 200
        self.clock = ManualClock()
        self.feed = LiveFeed(self.marks, self.clock)
        self.parts = SharedParts(self.feed, self.clock)

    async def marks(self) -> Marks:
        return {"receipts": str(self.sold)}

    async def render(self) -> Response:
        await asyncio.sleep(0)
        return Response(f"sold {self.sold}", status_code=self.status, media_type="text/html")

    async def seen(self, *looks: str) -> list[str]:
        """What visitors see who ask at the same moment, each for his own look."""
        found = await asyncio.gather(
            *(self.parts.answer(look, self.render, packed=bool(n % 2)) for n, look in enumerate(looks))
        )
        return [
            (gzip.decompress(one.body) if "content-encoding" in one.headers else bytes(one.body)).decode()
            for one in found
        ]

    async def told(self) -> list[bytes]:
        """What a page that opens now is told, up to the greeting."""
        async with aclosing(self.feed.events(welcome)) as page:
            return [await anext(page)]


async def test_a_part_is_rendered_once_for_everybody_until_something_changes() -> None:
    shop = Shop()
    await shop.told()
    assert await shop.seen("viewer", "viewer", "viewer", "admin") == ["sold 0"] * 4
    assert shop.parts.renderings == 2
    shop.sold = 1
    assert await shop.seen("viewer") == ["sold 0"], "nobody was told yet"
    await shop.clock.advance(EVERY_S)
    await shop.told()
    assert await shop.seen("viewer", "viewer") == ["sold 1"] * 2
    assert shop.parts.renderings == 3


async def test_a_part_is_rendered_anew_when_a_turn_is_over_for_it_shows_ages() -> None:
    shop = Shop()
    await shop.seen("viewer")
    await shop.clock.advance(EVERY_S - 0.1)
    await shop.seen("viewer")
    assert shop.parts.renderings == 1
    await shop.clock.advance(0.1)
    await shop.seen("viewer")
    assert shop.parts.renderings == 2


async def test_a_failed_part_is_not_kept_and_few_are_kept_at_all() -> None:
    shop = Shop()
    shop.status = 503
    assert (await shop.parts.answer("a", shop.render, packed=True)).status_code == 503
    shop.status = 200
    assert await shop.seen("a") == ["sold 0"]
    for n in range(KEPT):
        await shop.seen(f"other {n}")
    made = shop.parts.renderings
    await shop.seen(f"other {KEPT - 1}")
    assert shop.parts.renderings == made
    await shop.seen("a")
    assert shop.parts.renderings == made + 1


@pytest.mark.parametrize(("place", "now", "left"), [
    (0.0, 1000.0, 2.0),  # a turn begins every two seconds
    (0.0, 1001.5, 0.5),
    (0.25, 1000.0, 0.5),  # half a second after the others
    (0.25, 1000.5, 2.0),  # just told
    (0.25, 1000.4, 2.1),  # so little before its place that it was told for this turn already
])  # fmt: skip
def test_pages_are_told_at_their_places_of_a_turn(place: float, now: float, left: float) -> None:
    clock = ManualClock()
    clock._monotonic = now
    assert LiveFeed(nothing_new, clock)._until_told(place) == pytest.approx(left)


async def nothing_new() -> Marks:
    return {"overview": "1"}


async def welcome() -> bool:
    return True
