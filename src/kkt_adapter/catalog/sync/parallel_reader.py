"""Many pages at once: fetch in parallel, store as they arrive, keep nothing.

At most ``width`` errands are between their request and their commit, so that this is also the most that a
crash can make us fetch twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from kkt_adapter.catalog.model import ProductPage
from kkt_adapter.catalog.sync.fetch import PageGivenUp
from kkt_adapter.catalog.sync.halt import Halt

Key = TypeVar("Key")

FAILURES_IN_A_ROW = 10  # pages given up without a success between them: the source is down


class SourceDown(Exception):
    """Too many pages in a row were given up; ``failures`` are all that were, the newest last."""

    def __init__(self, failures: Sequence[PageGivenUp]) -> None:
        super().__init__(str(failures[-1]))
        self.failures = tuple(failures)


class Reader(Generic[Key]):
    """Runs errands: ``fetch(key)`` gives a page or raises, ``store(pairs)`` commits a few at a time,
    ``at_once()`` of them at most."""

    def __init__(
        self,
        fetch: Callable[[Key], Awaitable[ProductPage]],
        store: Callable[[Sequence[tuple[Key, ProductPage]]], Awaitable[None]],
        *,
        width: int,
        halt: Halt,
        at_once: Callable[[], int] = lambda: 1,
        failures_in_a_row: int = FAILURES_IN_A_ROW,
    ) -> None:
        self._fetch = fetch
        self._store = store
        self._width = width
        self._halt = halt
        self._at_once = at_once
        self._most_failures = failures_in_a_row
        self._failures = 0
        self._aside: list[tuple[Key, PageGivenUp]] = []
        self._error: BaseException | None = None
        self._workers: list[asyncio.Task[None]] = []

    async def read(self, keys: Iterable[Key]) -> list[tuple[Key, PageGivenUp]]:
        """Fetch and store all ``keys``; returns those given up.

        Whatever ends it early, pages that were read are stored first; requests in flight are dropped.
        Cancelling drops pages that were read too: what is committed is committed.

        Raises:
            Halted: the halt was set.
            SourceDown: too many failures in a row.
            SourceThrottled, SourceAuthFailed, SourceRefused: from ``fetch``, at once.
            LeaseLost, StorageError and others: from ``store``.
        """
        self._halt.check()
        remaining = iter(keys)
        arrived: asyncio.Queue[tuple[Key, ProductPage, asyncio.Future[None]] | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            storing = group.create_task(self._store_all(arrived))
            self._workers = [group.create_task(self._work(remaining, arrived)) for _ in range(self._width)]
            watching = group.create_task(self._watch())
            await asyncio.wait(self._workers)
            arrived.put_nowait(None)
            await asyncio.wait([storing])
            watching.cancel()
        if self._error is not None:
            raise self._error
        self._halt.check()
        return self._aside

    async def _work(
        self,
        remaining: Iterator[Key],
        arrived: asyncio.Queue[tuple[Key, ProductPage, asyncio.Future[None]] | None],
    ) -> None:
        for key in remaining:
            if self._error is not None:
                return
            try:
                page = await self._fetch(key)
            except PageGivenUp as failure:
                self._give_up(key, failure)
                continue
            except Exception as error:  # fatal for the whole reading: told to the caller by `read`
                self._end(error)
                return
            self._failures = 0
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            arrived.put_nowait((key, page, stored))
            del page  # it belongs to the queue now, and goes when it is stored
            await stored

    def _give_up(self, key: Key, failure: PageGivenUp) -> None:
        self._aside.append((key, failure))
        self._failures += 1
        if self._failures >= self._most_failures:
            self._end(SourceDown([failure for _, failure in self._aside]))

    async def _store_all(
        self, arrived: asyncio.Queue[tuple[Key, ProductPage, asyncio.Future[None]] | None]
    ) -> None:
        more = True
        while more:
            entry = await arrived.get()
            if entry is None:
                return
            batch = [entry]
            most = self._at_once()
            while len(batch) < most and not arrived.empty():
                entry = arrived.get_nowait()
                if entry is None:
                    more = False
                    break
                batch.append(entry)
            try:
                await self._store([(key, page) for key, page, _ in batch])
            except Exception as error:  # told to the caller by `read`
                self._end(error)
                return
            for _, _, stored in batch:
                if not stored.done():
                    stored.set_result(None)
            del batch, entry

    async def _watch(self) -> None:
        await self._halt.event.wait()
        self._drop_workers()

    def _end(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._drop_workers()

    def _drop_workers(self) -> None:
        current = asyncio.current_task()
        for worker in self._workers:
            if worker is not current:
                worker.cancel()
