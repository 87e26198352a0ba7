"""What a lane will print next, in memory: a copy of rows that is made again whenever it may be wrong.

Guarded here: a receipt stands in the queue at most once, in the order of ``seq``, whatever the storing of
new receipts and the reading of stored ones do at the same time. While rows are being read nothing is
appended; what is stored meanwhile makes the queue read once more. A receipt that is announced after the
reading that found it is known by its number.
"""

from collections import deque
from collections.abc import Collection, Iterable

from kkt_adapter.fiscal.printing.job import PrintJob

QUEUE_LIMIT = 500  # receipts kept in memory; beyond that the lane reads them from the database


class PrintQueue:
    """Not thread-safe: event loop only."""

    def __init__(self) -> None:
        self._jobs: deque[PrintJob] = deque()
        self._behind = True  # the database may hold receipts that the queue does not
        self._changes = 0  # grows whenever rows changed that the queue did not take up
        self._read_up_to = 0  # every receipt up to this seq was seen by a reading

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def behind(self) -> bool:
        """Rows must be read before the queue may be called empty."""
        return self._behind

    @property
    def has_begun(self) -> bool:
        """Is the first one's attempt on disk? Then nothing else may make a document before it: its baseline
        would be wrong, and after a crash nobody could prove its absence."""
        return bool(self._jobs) and self._jobs[0].attempt_id is not None

    def add(self, job: PrintJob) -> None:
        """A receipt that was stored just now, in the order of storing."""
        if job.seq <= self._read_up_to:
            return  # a reading was faster than the announcement
        if self._behind or len(self._jobs) >= QUEUE_LIMIT:
            self.doubt()
        else:
            self._jobs.append(job)

    def add_first(self, job: PrintJob) -> None:
        """A receipt whose attempt is on disk already, or one that goes back to its place."""
        self._jobs.appendleft(job)

    def add_refused(self, jobs: Iterable[PrintJob]) -> None:
        """Receipts that are tried again go before the others, the oldest first; not before one that has
        begun."""
        waiting = {job.seq for job in self._jobs}
        begun = self._jobs.popleft() if self.has_begun else None
        self._jobs.extendleft(job for job in reversed(list(jobs)) if job.seq not in waiting)
        if begun is not None:
            self._jobs.appendleft(begun)

    def doubt(self) -> None:
        """Rows may have changed: read them before the queue is called empty."""
        self._behind = True
        self._changes += 1

    def drop(self, seqs: Collection[int]) -> None:
        """Rows were moved from or to this lane: those are forgotten, and the rows read once more."""
        self._jobs = deque(job for job in self._jobs if job.seq not in seqs or job.attempt_id is not None)
        self.doubt()

    def clear(self) -> None:
        """Forget everything and read the rows."""
        self._jobs.clear()
        self.doubt()

    def take(self) -> PrintJob | None:
        return self._jobs.popleft() if self._jobs else None

    def take_fresh(self) -> PrintJob | None:
        """The next receipt if it was never tried and has not begun; else it keeps its place."""
        if not self._jobs or self._jobs[0].tries or self.has_begun:
            return None
        return self._jobs.popleft()

    def begin_reading(self) -> int:
        """Call before rows are read, and hand what it gives to ``fill``."""
        return self._changes

    def fill(self, jobs: Iterable[PrintJob], *, read_up_to: int, more: bool, begun: int) -> None:
        """The rows that were read, into an empty queue. ``more``: the database holds others behind them."""
        self._jobs.extend(jobs)
        self._read_up_to = max(self._read_up_to, read_up_to)
        self._behind = more or self._changes != begun
