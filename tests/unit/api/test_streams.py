from collections.abc import AsyncIterator

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from kkt_adapter.api.streams import ClosingStream


class Source:
    """Hands out chunks for ever, and remembers whether it was closed."""

    closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        while not self.closed:
            yield b"chunk\n"

    async def close(self) -> None:
        self.closed = True


async def answer(source: Source, *, spec: str, leave_after: int) -> int:
    """Play server and client; the client goes away after so many chunks. Returns how many were sent."""
    sent = 0

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal sent
        if message["type"] == "http.response.body" and message["body"]:
            sent += 1
            if sent == leave_after:
                raise OSError("client is gone")

    stream = ClosingStream(source.chunks(), close=source.close, media_type="text/plain", headers={})
    with pytest.raises((ClientDisconnect, OSError)):
        await stream({"type": "http", "asgi": {"spec_version": spec}}, receive, send)
    return sent


async def test_a_client_that_goes_away_closes_the_source() -> None:
    source = Source()
    assert await answer(source, spec="2.4", leave_after=3) == 3
    assert source.closed
