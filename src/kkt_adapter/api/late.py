"""Parts of the interface that are imported and put together with the first request that needs them.

A shop's service answers receipts and health checks for months; most never show a page, and many never meet a
route of the framework. Each part is built once, in a thread, so that receipts go on meanwhile. What is late
stands in ``late_parts.py``; why, in docs/decisions/0012-parts-loaded-with-their-first-request.md.
"""

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

from kkt_adapter.kernel.errors import Overloaded

T_co = TypeVar("T_co", covariant=True)

WAIT_S: Final = 15.0  # a request waits so long for its part; on one slow core it takes about three seconds


class Late(Generic[T_co]):
    """One part. ``turn`` is shared by parts that change how libraries are loaded.

    An error while loading is the answer to the requests that wait for it, and the next request tries again.
    """

    def __init__(self, build: Callable[[], T_co], *, turn: "Lock | None" = None) -> None:
        self._build = build
        self._turn = turn or Lock()
        self._made: T_co | None = None
        self._making: asyncio.Task[T_co] | None = None

    @property
    def made(self) -> T_co | None:
        """The part, where somebody has needed it."""
        return self._made

    def now(self) -> T_co:
        """The part, built in this thread if need be."""
        with self._turn:
            if self._made is None:
                self._made = self._build()
            return self._made

    async def get(self) -> T_co:
        """The part; the event loop goes on while it is built.

        Raises:
            Overloaded: it took longer than ``WAIT_S``; it is still being built.
        """
        if self._made is not None:
            return self._made
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(asyncio.to_thread(self.now), name="late part")
        try:
            async with asyncio.timeout(WAIT_S):
                return await asyncio.shield(self._making)
        except TimeoutError:
            raise Overloaded(
                "This part of the adapter is still being loaded. Repeat in a few seconds.",
                "Эта часть адаптера ещё загружается. Повторите через несколько секунд.",
            ) from None
