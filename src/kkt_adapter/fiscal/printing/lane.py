"""The print lane: one register's single file, at most one print per receipt.

The order of things is the whole point. An attempt row with the FN's baseline is committed before the
first byte leaves; the document is written down before the next one is begun; and when an answer is lost,
nothing is sent until the FN itself has said what it holds (``recovery/resolve.py``). A lane that cannot know
stops, alone, and a person decides.

The lane's truth is the database; what it keeps in memory (queue, baseline, shift) is a copy that is made
again whenever something went wrong. Receipts are printed in the order of ``seq``, which is handed out
together with the HLC stamp.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import structlog

from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane_commands import Command, LaneCommands, failed, not_held, stopping
from kkt_adapter.fiscal.printing.lane_timer import LaneWake
from kkt_adapter.fiscal.printing.printer import (
    Lost,
    PrintListener,
    PutBack,
    ReceiptPrinter,
    Refused,
    WrittenDown,
)
from kkt_adapter.fiscal.printing.recovery.matching import Match, OrphanMatching
from kkt_adapter.fiscal.printing.recovery.resolve import Recovery
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.printing.supply import PrintSupply
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.fiscal.store.holds import Hold, HoldMode
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    Conflict,
    FnDamaged,
    KktBlocked,
    KktUnavailable,
    LeaseLost,
    OutcomeUndecided,
)
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.lease import Lease, Term

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """Durations in seconds (printing.md#time-outs-and-repetitions)."""

    not_ready_cap_s: float = 60.0
    look_again_s: float = 10.0  # how often an idle lane looks at its device and its rows
    shared_poll_s: float = 0.5  # how often an idle lane looks for receipts that other processes stored


class PrintLane:
    """A ``Service``. ``reserve``, ``submit`` and ``release`` belong to the intake, on the same loop."""

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
        shared: Callable[[], bool] = lambda: False,
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
        self._shared = shared  # does another process store receipts for this register?
        self._log = structlog.get_logger("lane").bind(register_id=session.register_id)
        self._printer = ReceiptPrinter(
            session, database=database, clock=clock, waiting=waiting, listener=listener
        )
        self._supply = PrintSupply(session.register_id, database=database, clock=clock)
        self._queue = self._supply.queue
        self._commands = LaneCommands()
        self._broken = True  # an attempt may be open: recover before anything else
        self._at_rest = False  # the lane's task waits for work and touches nothing
        self._reserved = False  # a receipt that this lane will print is being stored
        self._wake = LaneWake()
        self._term: Term | None = None
        self._lane: LaneTerm | None = None  # the same term, as rows name it
        self._not_ready = 0  # failed steps in a row
        self._aside: Hold | None = None
        self._look_now = False  # what blocks the device may be over

    # ---- for the receipt session -----------------------------------------------------------------------

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
        return NewAttempt(lane=lane, baseline=baseline)

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
    def hold(self) -> Hold | None:
        """A person has set this register aside."""
        return self._aside

    @hold.setter
    def hold(self, hold: Hold | None) -> None:
        self._aside = hold
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Receipts that wait in this process's memory for the register, the one at the device included."""
        return len(self._queue) + self.in_flight + self._reserved

    @property
    def knows_its_fn(self) -> bool:
        """Has the FN been read back in this term, and is every document of it some receipt's? Then a receipt
        without an attempt has no document here."""
        return self._orphans.is_read and not self._orphans

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

    def pace_changed(self) -> None:
        """Another process came or went: an idle lane looks for rows more often, or less, from now on."""
        self._wake.set()

    @property
    def blocked(self) -> str | None:
        """Why the device cannot fiscalise at all, as of the last look."""
        trouble = self.trouble
        return str(trouble.facts["reason"]) if isinstance(trouble, (KktBlocked, FnDamaged)) else None

    def look_now(self) -> None:
        """What keeps the register from printing may be over: ask it now, not after the pause."""
        self._look_now = True
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

    # ---- the service --------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Drive the register until ``stop`` is set, under the lane's lease."""
        waker = asyncio.create_task(self._wake_at(stop))
        try:
            while not stop.is_set():
                await self._hold(stop)
        finally:
            waker.cancel()
            self._wake.stop()
            self._commands.fail(stopping())

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _hold(self, stop: asyncio.Event) -> None:
        """One term of the lease."""
        try:
            async with self._lease.term(wait_s=1.0) as term:
                self._term, self._broken = term, True
                self._orphans.forget()
                self._lane = lane = LaneTerm(lease=term.name, owner=term.owner, number=term.number)
                try:
                    while not stop.is_set() and not term.lost.is_set():
                        await self._step(term, lane, stop)
                finally:
                    self._term = self._lane = None
                    await self._give_device_back()
        except LeaseLost as error:
            seen = error.facts.get("seen_term")
            self._log.warning("lane_lease_lost", seen_term=seen)
            if isinstance(seen, int):
                # The register knows a higher one: the database was restored from a copy.
                self._lease.rise_above(seen)
            self._broken = True
        except Conflict:
            return  # held elsewhere: look again
        except AdapterError as error:  # the database cannot be used: the lane outlives that
            await self._wait_for_device(error, stop)

    async def _give_device_back(self) -> None:
        """Before the lease goes: whoever takes it next must find the device free."""
        try:
            await self.session.close()
        except AdapterError as error:
            self._log.warning("register_not_closed", error=error.detail.en)

    async def _step(self, term: Term, lane: LaneTerm, stop: asyncio.Event) -> None:
        """One thing done, or one wait. Errors become a wait, so a lane never ends by itself."""
        self._look_now = False
        try:
            await self.session.open()
            if self._reserved:
                await self._until_stored(term, stop)
                return
            if self._broken or self.session.report_open:
                await self._recover(lane)
            # Before the look, as a blocked register can still close a shift; after a receipt that has begun.
            if not self._queue.has_begun and await self._commands.run(lane):
                self._broken = True
                return
            await self._work(lane, term, stop)
        except LeaseLost:
            raise
        except OutcomeUndecided as error:
            self.trouble = error
            await self._stand_still(self._policy.look_again_s, stop)
        except AdapterError as error:
            await self._wait_for_device(error, stop)
        except Exception:
            self._log.exception("lane_step_failed")
            self._broken = True
            await self._wait_for_device(failed(), stop)

    async def _work(self, lane: LaneTerm, term: Term, stop: asyncio.Event) -> None:
        """Print the next receipt, look, or rest."""
        if self.trouble is not None:
            await self.session.look()
        job = None if self._stands_aside() else await self._supply.next()
        if job is not None:
            await self._print(job, lane, term)
            self._not_in_trouble()
            return
        self._not_in_trouble()
        if self._clock.monotonic() - self.session.looked_at >= self._policy.look_again_s:
            await self.session.look()
            self._queue.doubt()
        else:
            await self._rest(stop)

    def _not_in_trouble(self) -> None:
        if self.trouble is not None:
            self._log.info("register_ready")
        self.trouble = None
        self._not_ready = 0

    async def _wait_for_device(self, error: AdapterError, stop: asyncio.Event) -> None:
        """1, 2, 4 .. 60 s, then on by itself (printing.md#time-outs-and-repetitions)."""
        self._not_ready += 1
        if self.trouble is None or self.trouble.code != error.code:
            self._log.warning("register_not_ready", code=error.code, error=error.detail.en)
        self.trouble = error
        self.session.forget()
        await self._stand_still(backoff(self._not_ready, cap_s=self._policy.not_ready_cap_s), stop)

    async def _stand_still(self, seconds: float, stop: asyncio.Event) -> None:
        """Wait whatever receipts come; a command, a decision or the stop ends it early."""
        until = self._clock.monotonic() + seconds
        trouble = self.trouble
        if trouble is not None:
            self._commands.fail(trouble)
        while not (stop.is_set() or self._commands or self._look_now) and self.trouble is trouble:
            left = until - self._clock.monotonic()
            if left <= 0:
                return
            await self._wake.wait(left)

    async def _rest(self, stop: asyncio.Event) -> None:
        """Wait for work, at most until the next look or the next refused receipt's turn."""
        shared = self._shared()
        seconds = self._policy.shared_poll_s if shared else self._policy.look_again_s
        refused_in_s = None if self._stands_aside() else self._supply.refused_in_s()
        seconds = seconds if refused_in_s is None else min(seconds, refused_in_s)
        self._at_rest = True
        try:
            if not (stop.is_set() or self._work_waits()):
                await self._wake.wait(seconds)
        finally:
            self._at_rest = False
        if shared and not self._reserved:
            self._queue.doubt()

    def _work_waits(self) -> bool:
        supplied = self._supply.waits and not self._stands_aside()
        return bool(self._broken or supplied or self._commands)

    def _stands_aside(self) -> bool:
        """Held: nothing is begun. What has begun is finished."""
        return self._aside is not None and self._aside.mode is HoldMode.HOLD and not self._queue.has_begun

    async def _until_stored(self, term: Term, stop: asyncio.Event) -> None:
        """Touch nothing until the intake has said what became of the reserved receipt."""
        while self._reserved and not (stop.is_set() or term.lost.is_set()):
            await self._wake.wait(1.0)

    # ---- receipts -----------------------------------------------------------------------------------

    async def _recover(self, lane: LaneTerm) -> None:
        await self.recovery.settle(lane)
        await self._orphans.read_back(lane)
        self._supply.begin_anew()
        self._broken = False

    async def _print(self, job: PrintJob, lane: LaneTerm, term: Term) -> None:
        if await self._is_made(job, lane):
            return
        attempt_id = job.attempt_id
        try:
            if attempt_id is None:
                attempt_id = await self._begin(job, lane)
                if attempt_id is None:
                    return  # it was moved to another register
            term.ensure_trusted(self._clock.monotonic())
        except KktUnavailable:
            self._queue.add_first(job)
            raise
        except BaseException:
            self._broken = True  # the attempt may be on disk: it gets its result before anything else
            raise
        await self._hand_over(job, attempt_id, lane)

    async def _is_made(self, job: PrintJob, lane: LaneTerm) -> bool:
        """Has the FN this receipt's document already, or may have, from before the database was restored?"""
        try:
            match = await self._orphans.match(job, lane)
        except BaseException:
            self._broken = True
            raise
        if match is Match.SUSPECTED:
            self._broken = True
        return match is not Match.NONE

    async def _begin(self, job: PrintJob, lane: LaneTerm) -> int | None:
        """The attempt on disk, with an open shift and the FN's position in it; None: the receipt was moved to
        another register meanwhile."""
        attempt, now = NewAttempt(lane=lane, baseline=await self.session.ready(lane)), self._clock.now()
        return await self._db.write(
            lambda c: records.begin_print(c, attempt, register_id=self.register_id, at=now, seq=job.seq)
        )

    async def _hand_over(self, job: PrintJob, attempt_id: int, lane: LaneTerm) -> None:
        self.in_flight = True
        try:
            result = await self._printer.print(job, attempt_id, lane, take_following=self._following)
        except BaseException:
            self._doubt_device()
            raise
        finally:
            self.in_flight = False
        match result:
            case WrittenDown(following=following):
                if following is not None:
                    self._queue.add_first(following)
            case Refused(retry_in_s=seconds):
                if seconds is not None:
                    self._supply.look_at_refused(in_s=seconds)
            case Lost() | PutBack():
                self._doubt_device()

    def _doubt_device(self) -> None:
        """Nothing more goes to the device before it has been asked."""
        self._broken = True
        self.session.forget()

    def _following(self) -> PrintJob | None:
        """The next receipt, if its attempt may share the commit of this one's document."""
        if self._commands or self._orphans or self._stands_aside() or not self.session.trusts_shift():
            return None
        return self._queue.take_fresh()
