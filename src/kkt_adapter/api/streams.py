"""Answers that come piece by piece and give back what they hold, also when the client goes away half-way."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class ClosingStream(StreamingResponse):
    """Closes its source at the end, whatever the end is; left alone, Python would close it some day."""

    def __init__(self, chunks: AsyncIterator[bytes], *, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(chunks, media_type=media_type, headers=headers)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await closed(self._chunks)


async def closed(chunks: AsyncIterator[bytes]) -> None:
    """Close an iterator that can be closed; twice does nothing."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
