"""The side of a print lane that the rest of the process sees: reserving, commands, decisions, and how it is.

What it keeps in memory belongs to the lane's task (``lane.py``); all of it runs on one event loop.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import structlog

from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.printing.drawer import Drawer
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane_commands import Command, LaneCommands, not_held
from kkt_adapter.fiscal.printing.lane_timer import LaneWake
from kkt_adapter.fiscal.printing.printer import (
    PrintListener,
    ReceiptPrinter,
)
from kkt_adapter.fiscal.printing.queue import PrintSupply
from kkt_adapter.fiscal.printing.recovery.matching import OrphanMatching
from kkt_adapter.fiscal.printing.recovery.resolve import Recovery
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.printing.siblings import Siblings
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.fiscal.store.holds import HoldMode, RegisterHold
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    FnDamaged,
    KktBlocked,
    KktUnavailable,
)
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.lease import Lease, Term

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """Durations in seconds (printing.md#time-outs-and-repetitions)."""

    not_ready_cap_s: float = 60.0
    look_again_s: float = 10.0  # how often an idle lane looks at its device and its rows


class LaneFront:
    """``reserve``, ``submit`` and ``release`` belong to the intake, on the same loop."""

    def __init__(
        self,
        session: RegisterSession,
        *,
        database: Database,
        clock: Clock,
        lease: Lease,
        waiting: Waiting,
        listener: PrintListener,
        policy: LanePolicy,
        siblings: Siblings | None = None,
        owner_ended: Callable[[str], bool] = lambda owner: False,
    ) -> None:
        self.register_id = session.register_id
        self.name = f"lane:{session.register_id}"
        self.session = session
        self.recovery = Recovery(
            session,
            database=database,
            clock=clock,
            waiting=waiting,
            listener=listener,
            owner_ended=owner_ended,
        )
        self._orphans = OrphanMatching(
            session, database=database, clock=clock, outcomes=self.recovery.outcomes
        )
        self._trouble: AdapterError | None = None
        self.in_flight = False  # a receipt is at the device, or its document is being written down
        self._db = database
        self._clock = clock
        self._lease = lease
        self._policy = policy
        self._siblings = siblings or Siblings()
        self._log = structlog.get_logger("lane").bind(register_id=session.register_id)
        self._printer = ReceiptPrinter(
            session, database=database, clock=clock, waiting=waiting, listener=listener
        )
        self.drawer = Drawer(session, database=database, clock=clock, owner_ended=owner_ended)
        self._supply = PrintSupply(session.register_id, database=database, rows=session.rows, clock=clock)
        self._queue = self._supply.queue
        self._commands = LaneCommands()
        self._broken = True  # an attempt may be open: recover before anything else
        self._at_rest = False  # the lane's task waits for work and touches nothing
        self._others = False  # rows say that something waits: another process may have stored it
        self._reserved = False  # a receipt that this lane will print is being stored
        self._wake = LaneWake()
        self._term: Term | None = None
        self._lane: LaneTerm | None = None  # the same term, as rows name it
        self._not_ready = 0  # failed steps in a row
        self._aside: RegisterHold | None = None
        self._look_now = False  # what blocks the device may be over

    def reserve(self) -> NewAttempt | None:
        """The attempt to store together with a receipt that this lane would print at once, or None.

        After a reservation the lane waits for ``submit`` or ``release``.
        """
        term, lane, baseline = self._term, self._lane, self.session.baseline
        if (
            not self._at_rest
            or self._reserved
            or self._work_waits()
            or self._orphans  # a new receipt may have its document already
            or self._aside is not None
            or term is None
            or lane is None
            or baseline is None
            or not self.session.trusts_shift()
            or not term.still_trusted(self._clock.monotonic())
        ):
            return None
        self._reserved = True
        return NewAttempt(lane=lane, baseline=baseline, tells=self.session.driver.tells)

    def submit(self, job: PrintJob) -> None:
        """A stored receipt, in the order of storing."""
        if job.attempt_id is not None:
            self._reserved = False
            self._queue.add_first(job)
        else:
            self._queue.add(job)
        self._wake.set()

    def release(self, *, stored: bool | None) -> None:
        """The reserved receipt was not stored (False), or nobody can say (None): look at the rows."""
        self._reserved = False
        if stored is None:
            self._broken = True
        self._wake.set()

    @property
    def hold(self) -> RegisterHold | None:
        """A person has set this register aside."""
        return self._aside

    @hold.setter
    def hold(self, hold: RegisterHold | None) -> None:
        self._aside = hold
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Receipts that wait in this process's memory for the register, the one at the device included."""
        return len(self._queue) + self.in_flight + self._reserved

    @property
    def fn_is_read(self) -> bool:
        """The FN was read back in this term: documents that no receipt owns are written down."""
        return self._orphans.is_read and not self._broken and self.session.reading_back is None

    def rows_moved(self, seqs: Collection[int]) -> None:
        """These receipts belong to another lane now, or to this one: go by the rows."""
        self._queue.drop(seqs)
        self._wake.set()

    @property
    def trouble(self) -> AdapterError | None:
        """Why nothing is printed at the moment."""
        return self._trouble or self.session.reading_back

    @trouble.setter
    def trouble(self, why: AdapterError | None) -> None:
        self._trouble = why

    def holds(self) -> bool:
        """Does this process drive the register now, beyond doubt?"""
        return self._term is not None and self._term.still_trusted(self._clock.monotonic())

    def retry_refused(self) -> None:
        """Somebody made a refused receipt due again."""
        self._supply.look_at_refused()
        self._wake.set()

    def cash_waits(self) -> None:
        """A cash movement was stored for this register, or decided by a person."""
        self.drawer.wake()
        self._wake.set()

    def others_stored(self) -> None:
        """A receipt waits for this register, by the rows; perhaps one that another process stored."""
        self._others = True
        self._wake.set()

    @property
    def blocked(self) -> str | None:
        """Why the device cannot fiscalise at all, as of the last look."""
        trouble = self.trouble
        return str(trouble.facts["reason"]) if isinstance(trouble, (KktBlocked, FnDamaged)) else None

    def look_now(self) -> None:
        """What keeps the register from printing may be over, or begin: ask it now, without a pause."""
        self._look_now = True
        self.session.looked_at = float("-inf")
        self._wake.set()

    def rows_lost(self) -> None:
        """The database went back under this process: read the FN back before anything else is printed."""
        self._broken = True
        self._wake.set()

    def documents_delivered(self) -> None:
        """The FN has taken a confirmation: if it blocked for undelivered documents, that may be over."""
        if self.blocked is not None:
            self.look_now()

    async def perform(self, command: Command[T], *, deadline_s: float) -> T:
        """Run ``command`` between two receipts, ahead of the ones that wait.

        Raises:
            KktUnavailable: the lane did not come to it within ``deadline_s``. A command that has begun
                goes on; one that has not is dropped.
            AdapterError: why the lane stands still.
        """
        if not self.holds():
            raise (self.trouble or not_held()).with_traceback(None)
        future = self._commands.add(command)
        self._wake.set()
        try:
            async with asyncio.timeout(deadline_s):
                return await future
        except TimeoutError:
            raise KktUnavailable(
                "the register did not answer in time: look at its status, then try again",
                "ККТ не ответила вовремя: проверьте её состояние и повторите",
            ) from None

    async def decide(
        self, receipt_id: str, *, adopt: int | None, version: str | None, by: str, reason: str
    ) -> None:
        """A person ends this lane's open question; see ``Recovery.decide``."""
        await self.recovery.decide(
            receipt_id, self._held(), adopt=adopt, version=version, by=by, reason=reason
        )
        self._decided()

    async def decide_report(
        self, *, adopt: int | None, version: str | None, by: str, reason: str
    ) -> AttemptKind:
        """The same for a shift opening or a Z report; see ``Recovery.decide_report``."""
        what = await self.recovery.decide_report(
            self._held(), adopt=adopt, version=version, by=by, reason=reason
        )
        self._decided()
        return what

    def _held(self) -> LaneTerm:
        if self._lane is None:
            raise not_held()
        return self._lane

    def _decided(self) -> None:
        self._broken = True
        self._orphans.forget()
        self.trouble = None
        self._wake.set()

    def _work_waits(self) -> bool:
        supplied = self._supply.waits and not self._stands_aside()
        return bool(self._broken or supplied or self._commands)

    def _stands_aside(self) -> bool:
        """Held: nothing is begun. What has begun is finished."""
        return self._aside is not None and self._aside.mode is HoldMode.HOLD and not self._queue.has_begun
