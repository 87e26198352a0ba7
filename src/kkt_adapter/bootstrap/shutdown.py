"""What must be closed in the end, in the order of making."""

import asyncio
from collections.abc import Callable

Closers = list[Callable[[], object]]


async def close_all(closers: Closers) -> None:
    """What was made last is closed first."""
    for close in reversed(closers):
        result = close()
        if asyncio.iscoroutine(result):
            await result
