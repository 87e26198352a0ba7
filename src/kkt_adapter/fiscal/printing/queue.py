"""What a lane will print next: a queue in memory, the rows behind it, and the refused receipts.

The queue is a copy of rows that is made again whenever it may be wrong.

Guarded here: a receipt stands in the queue at most once, in the order of ``seq``, whatever the storing of
new receipts and the reading of stored ones do at the same time. While rows are being read nothing is
appended; what is stored meanwhile makes the queue read once more. A receipt that is announced after the
reading that found it is known by its number.
"""

from collections import deque
from collections.abc import Collection, Iterable

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.printing.job import PrintJob, job_of
from kkt_adapter.fiscal.printing.lane_rows import LaneRows, any_unprinted
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database

QUEUE_LIMIT = 500  # receipts kept in memory; beyond that the lane reads them from the database
RETRY_LIMIT_S = 10.0  # a refused receipt that seems due later than this is due: the wall clock was set back
EARLY_S = 0.1  # a waking may come this much before the stored time


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


class PrintSupply:
    """Belongs to one lane. ``queue`` takes what was stored just now; ``next`` reads the rest."""

    def __init__(self, register_id: str, *, database: Database, rows: LaneRows, clock: Clock) -> None:
        self.queue = PrintQueue()
        self._rows = rows
        self._register_id = register_id
        self._db = database
        self._clock = clock
        self._refused_due: float | None = None  # monotonic: look at the refused receipts then

    @property
    def waits(self) -> bool:
        """Is there something to print, or to read?"""
        return bool(self.queue) or self.queue.behind

    def refused_in_s(self) -> float | None:
        """Until the next refused receipt's turn; None when there is none."""
        return None if self._refused_due is None else max(0.0, self._refused_due - self._clock.monotonic())

    def begin_anew(self) -> None:
        """Forget everything and go by the rows."""
        self.queue.clear()
        self.look_at_refused()

    def look_at_refused(self, *, in_s: float = 0.0) -> None:
        """A refused receipt is, or will be, due."""
        due = self._clock.monotonic() + in_s
        self._refused_due = due if self._refused_due is None else min(due, self._refused_due)

    async def next(self) -> PrintJob | None:
        """The next receipt to print. Raises StorageError; nothing is forgotten then."""
        if self._refused_due is not None and self._refused_due <= self._clock.monotonic():
            await self._read_refused()
        if not self.queue and self.queue.behind:
            await self._read_rows()
        return self.queue.take()

    async def look_for_others(self) -> bool:
        """For a lane that knows of nothing to print: did another process store a receipt for it?"""
        return await self._db.read(lambda c: any_unprinted(c, self._register_id))

    async def _read_rows(self) -> None:
        begun = self.queue.begin_reading()
        rows = await self._rows.unprinted((self._register_id, QUEUE_LIMIT))
        self.queue.fill(
            [job_of(row) for row in rows if row.print_state is PrintState.NEW],
            read_up_to=max((row.seq for row in rows), default=0),
            more=len(rows) == QUEUE_LIMIT,
            begun=begun,
        )

    async def _read_refused(self) -> None:
        """Queue the receipts whose time has come, and remember when the next one's comes."""
        looked = self._refused_due
        rows = await self._rows.refused_due(self._register_id)
        now = self._clock.now()
        waits = {row.seq: (row.print_due_at - now).total_seconds() for row in rows if row.print_due_at}
        due = {seq for seq, wait_s in waits.items() if wait_s <= EARLY_S or wait_s > RETRY_LIMIT_S}
        self.queue.add_refused(job_of(row) for row in rows if row.seq in due)
        if self._refused_due == looked:  # else somebody asked for one more look meanwhile
            self._refused_due = None
        later = [wait_s for seq, wait_s in waits.items() if seq not in due]
        if later:
            self.look_at_refused(in_s=min(later))
