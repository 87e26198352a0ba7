"""A bounded queue of database jobs, and the threads that take them."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from kkt_adapter.kernel.errors import Overloaded, StorageError
from kkt_adapter.runtime.db.jobs import Apply, DatabaseJob, answer


class Worker(Protocol):
    """One thread's hands; all its methods are called in that thread."""

    def run(self, unit: list[DatabaseJob]) -> None:
        """Run the jobs and set the outcome of each; raises nothing.

        ``unit`` is one job with ``work``, or one or more items for the same ``apply``.
        """
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


class JobThreads:
    """Jobs run in the order of arrival, on several threads at once. Items for one ``apply`` that wait
    together go together, in order, and there is never more than one call of the same ``apply`` at a time.
    """

    def __init__(
        self, *, name: str, threads: int, queue_limit: int, batch_limit: int, worker: Callable[[], Worker]
    ) -> None:
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._worker = worker
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[DatabaseJob | Apply] = deque()  # an apply stands for all its items in _items
        self._items: dict[Apply, deque[DatabaseJob]] = {}  # has a key while the apply waits or runs
        self._count = 0
        self._running = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name} {number}", daemon=True)
            for number in range(1, threads + 1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that no thread has taken yet."""
        return self._count

    def submit(self, job: DatabaseJob) -> None:
        """Queue a job; does not block.

        Raises:
            Overloaded: the queue is full.
            StorageError: closed.
        """
        with self._changed:
            if self._closing:
                raise closed()
            if self._count >= self._queue_limit:
                raise overloaded(self._count)
            self._count += 1
            if job.apply is None:
                self._waiting.append(job)
            elif (items := self._items.get(job.apply)) is not None:
                items.append(job)  # its apply is queued already, or will be when the running call ends
                return
            else:
                self._items[job.apply] = deque([job])
                self._waiting.append(job.apply)
            self._changed.notify()

    def finish(self) -> None:
        """Take no more jobs; the threads end when the queue is empty."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait (blocking) until the threads have ended."""
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        worker = self._worker()
        while unit := self._take():
            worker.run(unit)
            answer(unit)
            self._done(unit[0].apply)
            del unit
        worker.close()

    def _take(self) -> list[DatabaseJob]:
        with self._changed:
            while not self._waiting:
                if self._closing and not self._running:
                    return []
                self._changed.wait()
            first = self._waiting.popleft()
            if isinstance(first, DatabaseJob):
                unit = [first]
            else:
                items = self._items[first]
                unit = [items.popleft() for _ in range(min(len(items), self._batch_limit))]
            self._count -= len(unit)
            self._running += 1
            return unit

    def _done(self, apply: Apply | None) -> None:
        with self._changed:
            self._running -= 1
            if apply is not None:
                if self._items[apply]:
                    self._waiting.append(apply)
                    self._changed.notify()
                else:
                    del self._items[apply]
            if self._closing:
                self._changed.notify_all()


def overloaded(waiting: int) -> Overloaded:
    return Overloaded(
        f"{waiting} operations already wait for the database; try again in a second.",
        f"Базу данных уже ожидают {waiting} операций; повторите через секунду.",
    )


def closed() -> StorageError:
    return StorageError(
        "The database is closed: the service is stopping.", "База данных закрыта: служба останавливается."
    )
