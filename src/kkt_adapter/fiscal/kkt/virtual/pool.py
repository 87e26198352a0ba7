"""The threads that do the virtual FNs' file work, so that no event loop ever waits for a disk.

One pool serves all virtual registers of a process. A register gets a lane, and a lane belongs to one thread
for good: its jobs run one after the other in the order they were handed in, which is what lets a later
question see everything an earlier, abandoned command may still have done.

What a turn of the event loop brings goes to a thread as one batch, and comes back as one: both sides then
work by themselves for a while instead of taking Python's global lock from each other with every job. A batch
is answered in parts once it has lasted ``HOLD_S``, so that a slow disk delays nobody who is already served.

FNs that do not flush to the disk (benches only) wait for nothing: a command takes less time than handing it
to a thread and back, and is done where it is asked for. They stand for hardware, which takes none of our
processor at all.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from kkt_adapter.kernel.errors import KktUnavailable

T = TypeVar("T")

HOLD_S = 0.002  # how long a finished job may wait for the others of its batch
JOIN_S = 5.0  # how long ``close`` waits for one thread; a thread stuck in the kernel is left behind


class _Job:
    __slots__ = ("answered", "args", "error", "future", "value", "work")

    def __init__(
        self, future: "asyncio.Future[None]", work: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self.future = future
        self.work = work
        self.args = args
        self.answered = False  # stays False when the deadline came first
        self.value: Any = None
        self.error: Exception | None = None


class _Worker:
    """One thread, and what waits for it. Everything but ``_serve`` happens on the event loop."""

    def __init__(self, name: str) -> None:
        self.unanswered = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathered: list[_Job] = []
        self._batches: SimpleQueue[tuple[asyncio.AbstractEventLoop, list[_Job]] | None] = SimpleQueue()
        self._at_end: list[Callable[[], None]] = []
        self.thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self.thread.start()

    def take(self, job: _Job, loop: asyncio.AbstractEventLoop) -> None:
        self.unanswered += 1
        if loop is not self._loop:  # the first job of all, or of a later event loop
            self._hand_over()
            self._loop = loop
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append(job)

    def at_end(self, work: Callable[[], None]) -> None:
        self._at_end.append(work)

    def stop(self) -> None:
        """The thread ends once everything handed in is done."""
        self._hand_over()
        self._batches.put(None)

    def _hand_over(self) -> None:
        if self._gathered and self._loop is not None:
            jobs, self._gathered = self._gathered, []
            self._batches.put((self._loop, jobs))

    def _serve(self) -> None:
        while (batch := self._batches.get()) is not None:
            loop, jobs = batch
            done: list[_Job] = []
            answer_at = time.monotonic() + HOLD_S
            for job in jobs:
                _do(job)
                done.append(job)
                if time.monotonic() > answer_at:
                    self._answer(loop, done)
                    done = []
                    answer_at = time.monotonic() + HOLD_S
            if done:
                self._answer(loop, done)
            del batch, jobs, job, done  # a thread that waits keeps no receipt alive
        for work in self._at_end:
            work()

    def _answer(self, loop: asyncio.AbstractEventLoop, jobs: list[_Job]) -> None:
        try:
            loop.call_soon_threadsafe(self._settle, jobs)
        except RuntimeError:
            pass  # that event loop is closed: nobody waits any more

    def _settle(self, jobs: list[_Job]) -> None:
        self.unanswered -= len(jobs)
        for job in jobs:
            if not job.future.done():  # neither cancelled nor expired meanwhile
                job.answered = True
                job.future.set_result(None)


class FnPool:
    """``threads`` workers, started when the first lanes are dealt out; up to four let the disk flush several
    files at once. 0: none, each command is done at once and in place, for FNs that do not flush.

    ``backlog`` is the most jobs one thread may have before it; more are refused with KktUnavailable.
    """

    def __init__(self, *, threads: int = 2, backlog: int = 10_000) -> None:
        if threads < 0 or backlog < 1:
            raise ValueError("a pool needs no less than no thread, and room for one job")
        self._size = threads
        self._backlog = backlog
        self._workers: list[_Worker] = []
        self._at_end: list[Callable[[], None]] = []  # of lanes without a thread
        self._dealt_out = 0
        self._closed = False

    def lane(self) -> "FnLane":
        """A lane for one register; lanes are dealt out to the threads in turn."""
        self.refuse_when_closed()
        if not self._size:
            return FnLane(self, None, backlog=self._backlog)
        turn = self._dealt_out % self._size
        self._dealt_out += 1
        if turn == len(self._workers):
            self._workers.append(_Worker(f"virtual-fn-{turn}"))
        return FnLane(self, self._workers[turn], backlog=self._backlog)

    async def close(self) -> None:
        """Let the threads finish what waits and close what is open, then end them. May be called twice."""
        self._closed = True
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()
        for worker in workers:
            await asyncio.to_thread(worker.thread.join, JOIN_S)
        in_place, self._at_end = self._at_end, []
        for work in in_place:
            work()

    def at_end(self, work: Callable[[], None]) -> None:
        """Have ``work`` done when the pool is closed: what a lane without a thread leaves."""
        self._at_end.append(work)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def refuse_when_closed(self) -> None:
        """Raises KktUnavailable."""
        if self._closed:
            raise KktUnavailable(
                "The virtual registers are shutting down.", "Виртуальные кассы останавливаются."
            )


class FnLane:
    """Where one register hands in its work."""

    def __init__(self, pool: FnPool, worker: _Worker | None, *, backlog: int) -> None:
        self.pool = pool
        self._worker = worker
        self._backlog = backlog

    def at_end(self, work: Callable[[], None]) -> None:
        """Have ``work``, which must not raise, done on the lane's thread when the pool is closed."""
        (self._worker or self.pool).at_end(work)

    async def run(self, work: Callable[..., T], *args: Any, deadline_s: float) -> T:
        """Do ``work(*args)`` on the lane's thread and return its value or raise its exception.

        Cancelling, or running into the deadline, drops the answer only: the work is done all the same, and
        before anything that is handed in later.

        Raises:
            TimeoutError: no answer within ``deadline_s``.
            KktUnavailable: the pool is closed, or too many jobs wait; this one was not taken.
        """
        self.pool.refuse_when_closed()
        if self._worker is None:
            return work(*args)
        if self._worker.unanswered >= self._backlog:
            raise KktUnavailable(
                "Too many commands wait for the virtual registers.",
                "Слишком много команд ожидает виртуальные кассы.",
            )
        loop = asyncio.get_running_loop()
        job = _Job(loop.create_future(), work, args)
        self._worker.take(job, loop)
        timer = loop.call_later(deadline_s, _wake, job.future)
        try:
            await job.future
        finally:
            timer.cancel()
        if not job.answered:
            raise TimeoutError
        if job.error is not None:
            raise job.error
        value: T = job.value
        return value


def _do(job: _Job) -> None:
    try:
        job.value = job.work(*job.args)
    except Exception as error:  # the thread's outer edge: the caller gets it
        job.error = error


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():  # not cancelled, and neither answered nor expired before
        future.set_result(None)
