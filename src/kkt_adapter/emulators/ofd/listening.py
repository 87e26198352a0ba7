"""Listening again on a port that was given up a moment ago."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

TRIES = 50
PAUSE_S = 0.1  # between two tries: a passing client may hold the port as its own for a moment


async def bind_again(bind: Callable[[], Awaitable[T]], *, had_it_before: bool) -> T:
    """The result of ``bind``; a port that was ours is tried for five seconds while it is in use.

    Raises:
        OSError: the address stayed in use, or binding failed otherwise.
    """
    for _ in range(TRIES - 1 if had_it_before else 0):
        try:
            return await bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        await asyncio.sleep(PAUSE_S)
    return await bind()
