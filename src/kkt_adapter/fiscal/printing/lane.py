"""The print lane: one register's single file, at most one print per receipt.

The order of the steps is what counts. An attempt row with the FN's baseline is committed before the
first byte leaves; the document is written down before the next one is begun; and when an answer is lost,
nothing is sent until the FN itself has said what it holds (``recovery/resolve.py``). A lane that cannot know
stops, alone, and a person decides.

The lane's truth is the database; what it keeps in memory (queue, baseline, shift) is a copy that is made
again whenever something went wrong. Receipts are printed in the order of ``seq``, which is handed out
together with the HLC stamp.
"""

import asyncio

from kkt_adapter.fiscal.printing import moves, records
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane_commands import failed, stopping
from kkt_adapter.fiscal.printing.lane_front import LaneFront
from kkt_adapter.fiscal.printing.printer import (
    DeviceRefused,
    Lost,
    PutBack,
    WrittenDown,
)
from kkt_adapter.fiscal.printing.recovery.matching import Match
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.errors import (
    AdapterError,
    Conflict,
    KktUnavailable,
    LeaseLost,
    OutcomeUndecided,
)
from kkt_adapter.runtime.leases.lease import Term


class PrintLane(LaneFront):
    """A ``Service``: the task that drives the register. ``LaneFront`` is what others call."""

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
            if not self._queue.has_begun and not self._stands_aside():
                await self.drawer.work(lane, hurry=bool(self._commands))
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
        """Wait for work, at most until the next look or the next refused receipt's turn.

        ``OthersReceipts`` tells of rows that other processes may have stored. The lane is at rest while it
        reads them, so that a receipt that comes may be printed at once.
        """
        seconds = self._policy.look_again_s
        if not self._stands_aside():
            refused_in_s = self._supply.refused_in_s()
            seconds = min(seconds, self.drawer.due_in_s, seconds if refused_in_s is None else refused_in_s)
        self._at_rest = True
        try:
            if not (stop.is_set() or self._work_waits()):
                if self._others:
                    self._others = False
                    others = await self._supply.look_for_others()
                    if others and not self._reserved:  # the reserved one's row would be found, too
                        self._queue.doubt()
                else:
                    await self._wake.wait(seconds)
        finally:
            self._at_rest = False

    async def _until_stored(self, term: Term, stop: asyncio.Event) -> None:
        """Touch nothing until the intake has said what became of the reserved receipt."""
        while self._reserved and not (stop.is_set() or term.lost.is_set()):
            await self._wake.wait(1.0)

    async def _recover(self, lane: LaneTerm) -> None:
        self._broken = False  # whoever doubts the rows meanwhile sets it again
        try:
            self._orphans.forget()  # the database may have gone back under this very term
            await self.recovery.settle(lane)
            await self._orphans.read_back(lane)
            self._supply.begin_anew()
        except BaseException:
            self._broken = True
            raise

    async def _print(self, job: PrintJob, lane: LaneTerm, term: Term) -> None:
        if await self._is_made(job, lane):
            return
        attempt_id = job.attempt_id
        try:
            if attempt_id is None:
                if await self._went_to_sibling(job):
                    return
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
        baseline, now = await self.session.ready(lane), self._clock.now()
        attempt = NewAttempt(lane=lane, baseline=baseline, tells=self.session.driver.tells)
        return await self._db.write(
            lambda c: records.begin_print(c, attempt, register_id=self.register_id, at=now, seq=job.seq)
        )

    async def _went_to_sibling(self, job: PrintJob) -> bool:
        """Has another register of its group the document, from before the database was restored?"""
        receipt, siblings = job.receipt, self._siblings.of_group.get(job.receipt.pos_id)
        if not siblings:
            return False
        holder = await self._db.read(lambda c: moves.holder(c, receipt, job.seq, siblings))
        if holder is None:
            return False
        now = self._clock.now()
        await self._db.write(lambda c: moves.give_to_holder(c, receipt, job.seq, to=holder, at=now))
        self._siblings.rows_moved(holder)
        return True

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
            case DeviceRefused(retry_in_s=seconds):
                if seconds is not None:
                    self._supply.look_at_refused(in_s=seconds)
            case Lost() | PutBack():
                self._doubt_device()

    def _doubt_device(self) -> None:
        """Nothing more goes to the device before it has been asked."""
        self._broken = True
        self.session.forget()

    def _following(self) -> PrintJob | None:
        """The next receipt, if its attempt may share the commit of this one's document. One of a group may
        not: its other registers are looked at first."""
        if self._commands or self._orphans or self._stands_aside() or not self.session.trusts_shift():
            return None
        job = self._queue.take_fresh()
        if job is None or not self._siblings.of_group.get(job.receipt.pos_id):
            return job
        self._queue.add_first(job)
        return None
