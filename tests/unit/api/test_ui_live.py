"""Open pages are told what changed; many of them less often, so that together they cost what a few cost."""

from contextlib import AsyncExitStack, aclosing

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.api.ui.live import EVERY_S, LiveFeed, Marks


@pytest.mark.parametrize(
    ("pages", "pause_s"), [(0, 2.0), (1, 2.0), (4, 2.0), (8, 4.0), (20, 10.0), (40, 10.0)]
)
async def test_many_pages_are_told_less_often(pages: int, pause_s: float) -> None:
    feed = LiveFeed(nothing_new, ManualClock())
    async with AsyncExitStack() as open_pages:
        for _ in range(pages):
            page = await open_pages.enter_async_context(aclosing(feed.events(welcome)))
            assert await anext(page) == b"event: hello\ndata: \n\n"
        assert feed.pause_s == pause_s
    assert feed.pause_s == EVERY_S, "a page that is closed counts no more"


async def nothing_new() -> Marks:
    return {"overview": "1"}


async def welcome() -> bool:
    return True
