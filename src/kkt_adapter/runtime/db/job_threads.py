"""A bounded queue of reads, and the threads that take them."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from kkt_adapter.kernel.errors import Overloaded, StorageError
from kkt_adapter.runtime.db.jobs import DatabaseJob, answer


class Worker(Protocol):
    """One thread's hands; all its methods are called in that thread."""

    def run(self, job: DatabaseJob) -> None:
        """Run the job's ``work`` and set its outcome; raises nothing."""
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


class JobThreads:
    """Jobs begin in the order of arrival, on several threads at once."""

    def __init__(self, *, name: str, threads: int, queue_limit: int, worker: Callable[[], Worker]) -> None:
        self._queue_limit = queue_limit
        self._worker = worker
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[DatabaseJob] = deque()
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
        return len(self._waiting)

    def submit(self, job: DatabaseJob) -> None:
        """Queue a job; does not block.

        Raises:
            Overloaded: the queue is full.
            StorageError: closed.
        """
        with self._changed:
            if self._closing:
                raise closed()
            if len(self._waiting) >= self._queue_limit:
                raise overloaded(len(self._waiting))
            self._waiting.append(job)
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
        while (job := self._take()) is not None:
            worker.run(job)
            answer([job])
            del job  # a thread that waits keeps nothing alive
        worker.close()

    def _take(self) -> DatabaseJob | None:
        with self._changed:
            while not self._waiting:
                if self._closing:
                    return None
                self._changed.wait()
            return self._waiting.popleft()


def overloaded(waiting: int) -> Overloaded:
    return Overloaded(
        f"{waiting} operations already wait for the database; try again in a second.",
        f"Базу данных уже ожидают {waiting} операций; повторите через секунду.",
    )


def closed() -> StorageError:
    return StorageError(
        "The database is closed: the service is stopping.", "База данных закрыта: служба останавливается."
    )
