"""Where a lane's receipts come from: the queue in memory, the rows behind it, and the refused ones."""

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.printing.job import PrintJob, job_of
from kkt_adapter.fiscal.printing.queue import QUEUE_LIMIT, PrintQueue
from kkt_adapter.fiscal.printing.unprinted import refused_due, unprinted
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database

RETRY_LIMIT_S = 10.0  # a refused receipt that seems due later than this is due: the wall clock was set back
EARLY_S = 0.1  # a waking may come this much before the stored time


class PrintSupply:
    """Belongs to one lane. ``queue`` takes what was stored just now; ``next`` reads the rest."""

    def __init__(self, register_id: str, *, database: Database, clock: Clock) -> None:
        self.queue = PrintQueue()
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

    async def _read_rows(self) -> None:
        begun = self.queue.begin_reading()
        rows = await self._db.read(lambda c: unprinted(c, self._register_id, limit=QUEUE_LIMIT))
        self.queue.fill(
            [job_of(row) for row in rows if row.print_state is PrintState.NEW],
            read_up_to=max((row.seq for row in rows), default=0),
            more=len(rows) == QUEUE_LIMIT,
            begun=begun,
        )

    async def _read_refused(self) -> None:
        """Queue the receipts whose time has come, and remember when the next one's comes."""
        looked = self._refused_due
        rows = await self._db.read(lambda c: refused_due(c, self._register_id))
        now = self._clock.now()
        waits = {row.seq: (row.print_due_at - now).total_seconds() for row in rows if row.print_due_at}
        due = {seq for seq, wait_s in waits.items() if wait_s <= EARLY_S or wait_s > RETRY_LIMIT_S}
        self.queue.add_refused(job_of(row) for row in rows if row.seq in due)
        if self._refused_due == looked:  # else somebody asked for one more look meanwhile
            self._refused_due = None
        later = [wait_s for seq, wait_s in waits.items() if seq not in due]
        if later:
            self.look_at_refused(in_s=min(later))
