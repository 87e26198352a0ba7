"""The print lane: one register's single file, at most one print per receipt.

The order of things is the whole point. An attempt row with the FN's baseline is committed before the
first byte leaves; the document is written down before the next one is begun; and when an answer is lost,
nothing is sent until the FN itself has said what it holds (``recovery.py``). A lane that cannot know
stops, alone, and a person decides.

The lane's truth is the database; what it keeps in memory (queue, baseline, shift) is a copy that is made
again whenever something went wrong. Receipts are printed in the order of ``seq``, which is handed out
together with the HLC stamp.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import structlog

from kkt_adapter.fiscal import printbook
from kkt_adapter.fiscal.attempts import LaneTerm, NewAttempt
from kkt_adapter.fiscal.job import Job, job_of, printed_item
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import FiscalDocument
from kkt_adapter.fiscal.recovery import Recovery
from kkt_adapter.fiscal.shifts import RegisterDesk
from kkt_adapter.fiscal.waiting import Waiting
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    Conflict,
    KktBlocked,
    KktOutcomeUnknown,
    KktProtocolError,
    KktRefused,
    KktUnavailable,
    LeaseLost,
    OutcomeUndecided,
    ShiftExpired,
)
from kkt_adapter.runtime.database import Database
from kkt_adapter.runtime.lease import Lease, Term

T = TypeVar("T")

AUTOMATIC_TRIES = 3  # after a refusal: 1, 2 and 4 s later (contract 4.2)
QUEUE_LIMIT = 500  # receipts kept in memory; beyond that the lane reads them from the database
COMMAND_LIMIT = 32  # reports that may wait for the lane


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """Durations in seconds (contract 4.2)."""

    not_ready_cap_s: float = 60.0
    look_again_s: float = 10.0  # how often an idle lane looks at its device
    shared_poll_s: float = 0.5  # how often an idle lane looks for receipts that other processes stored


class PrintListener(Protocol):
    """Told about facts after they are durable; must neither block nor raise."""

    def document_made(self, register_id: str, document: FiscalDocument, *, took_s: float) -> None: ...

    def print_failed(self, register_id: str, reason: str) -> None: ...


class PrintLane:
    """A ``Service``. ``reserve``, ``submit`` and ``release`` belong to the receipt desk, on the same loop."""

    def __init__(
        self,
        desk: RegisterDesk,
        *,
        database: Database,
        clock: Clock,
        lease: Lease,
        waiting: Waiting,
        listener: PrintListener,
        policy: LanePolicy,
        shared: Callable[[], bool] = lambda: False,
    ) -> None:
        self.register_id = desk.register_id
        self.name = f"lane:{desk.register_id}"
        self.desk = desk
        self.recovery = Recovery(desk, database=database, clock=clock, waiting=waiting)
        self.trouble: AdapterError | None = None  # why nothing is printed at the moment
        self._db = database
        self._clock = clock
        self._lease = lease
        self._waiting = waiting
        self._listener = listener
        self._policy = policy
        self._shared = shared  # does another process store receipts for this register?
        self._log = structlog.get_logger("lane").bind(register_id=desk.register_id)
        self._queue: deque[Job] = deque()
        self._read_up_to = 0  # receipts up to this seq came, or will come, from the database
        self._behind = True  # the database may hold receipts that the queue does not
        self._broken = True  # an attempt may be open: recover before anything else
        self._at_rest = False  # the lane's task waits for work and touches nothing
        self._reserved = False  # a receipt that this lane will print is being stored
        self._commands: deque[tuple[Callable[[LaneTerm], Awaitable[Any]], asyncio.Future[Any]]] = deque()
        self._refused: list[tuple[float, int]] = []  # (monotonic due, seq)
        self._wake = asyncio.Event()
        self._term: Term | None = None
        self._not_ready = 0  # failed steps in a row

    # ---- for the receipt desk -----------------------------------------------------------------------

    def reserve(self) -> NewAttempt | None:
        """The attempt to store together with a receipt that this lane would print at once, or None.

        After a reservation the lane waits for ``submit`` or ``release``.
        """
        term, baseline = self._term, self.desk.baseline
        if (
            not self._at_rest
            or self._reserved
            or self._broken
            or self._behind
            or self._queue
            or self._commands
            or term is None
            or baseline is None
            or not self.desk.trusts_shift()
            or not term.still_trusted(self._clock.monotonic())
        ):
            return None
        self._reserved = True
        return NewAttempt(lane=_lane(term), baseline=baseline)

    def submit(self, job: Job) -> None:
        """A stored receipt, in the order of storing."""
        if job.attempt_id is not None:
            self._reserved = False
            self._queue.appendleft(job)
        elif job.seq > self._read_up_to:
            if self._behind or len(self._queue) >= QUEUE_LIMIT:
                self._behind = True
            else:
                self._queue.append(job)
        self._wake.set()

    def release(self, *, stored: bool | None) -> None:
        """The reserved receipt was not stored (False), or nobody can say (None): look at the rows."""
        self._reserved = False
        if stored is None:
            self._broken = True
        self._wake.set()

    def nudge(self) -> None:
        """Rows of this register were changed from outside the lane: read them again."""
        self._behind = True
        self._read_up_to = 0
        self._wake.set()

    def holds(self) -> bool:
        """Does this process drive the register now, beyond doubt?"""
        return self._term is not None and self._term.still_trusted(self._clock.monotonic())

    def retry_refused(self) -> None:
        """Somebody made a refused receipt due again."""
        self._refused.append((self._clock.monotonic(), 0))
        self._wake.set()

    @property
    def blocked(self) -> str | None:
        """Why the device cannot fiscalise at all, as of the last look."""
        return str(self.trouble.facts["reason"]) if isinstance(self.trouble, KktBlocked) else None

    async def perform(self, command: Callable[[LaneTerm], Awaitable[T]], *, deadline_s: float) -> T:
        """Run ``command`` between two receipts, ahead of the ones that wait.

        Raises:
            KktUnavailable: the lane did not come to it within ``deadline_s``. A command that has begun
                goes on; one that has not is dropped.
        """
        if len(self._commands) >= COMMAND_LIMIT:
            raise KktUnavailable(
                "too many commands wait for this register", "к этой ККТ слишком много команд"
            )
        if not self.holds():
            raise self.trouble or not_held()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._commands.append((command, future))
        self._wake.set()
        try:
            async with asyncio.timeout(deadline_s):
                return await future
        except TimeoutError:
            raise self.trouble or KktUnavailable(
                "the register did not answer in time: look at its status, then try again",
                "ККТ не ответила вовремя: проверьте её состояние и повторите",
            ) from None

    async def decide(self, receipt_id: str, *, adopt: int | None, by: str, reason: str) -> None:
        """A person ends this lane's open question; see ``Recovery.decide``."""
        if self._term is None:
            raise not_held()
        await self.recovery.decide(receipt_id, _lane(self._term), adopt=adopt, by=by, reason=reason)
        self._broken = True
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
            while self._commands:
                _, future = self._commands.popleft()
                if not future.done():
                    future.set_exception(KktUnavailable("the service is stopping", "служба останавливается"))

    async def _give_device_back(self) -> None:
        """Before the lease goes: whoever takes it next must find the device free."""
        self.desk.forget()
        try:
            await self.desk.close()
        except AdapterError as error:
            self._log.warning("register_not_closed", error=error.detail.en)

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _hold(self, stop: asyncio.Event) -> None:
        """One term of the lease."""
        try:
            async with self._lease.term(wait_s=1.0) as term:
                self._term, self._broken = term, True
                try:
                    while not stop.is_set() and not term.lost.is_set():
                        await self._step(term, stop)
                finally:
                    self._term = None
                    await self._give_device_back()
        except LeaseLost:
            self._log.warning("lane_lease_lost")
            self._broken = True
        except Conflict:
            return  # held elsewhere: look again

    async def _step(self, term: Term, stop: asyncio.Event) -> None:
        """One thing done, or one wait. Errors become a wait, so a lane never ends by itself."""
        lane = _lane(term)
        try:
            await self.desk.open()
            if self.trouble is not None:
                await self.desk.look()
            if self._reserved:
                await self._rest(stop)
                return
            if self._broken or self.desk.report_open:
                await self._recover(lane)
            await self._run_commands(lane)
            job = await self._next_job()
            if job is not None:
                await self._print(job, lane, term)
            elif self._clock.monotonic() - self.desk.looked_at >= self._policy.look_again_s:
                await self.desk.look()
            else:
                await self._rest(stop)
            self._not_in_trouble()
        except LeaseLost:
            raise
        except OutcomeUndecided as error:
            self.trouble = error
            await self._stand_still(self._policy.look_again_s, stop)
        except AdapterError as error:
            await self._wait_for_device(error, stop)
        except Exception as error:
            self._log.exception("lane_step_failed")
            self._broken = True
            await self._wait_for_device(KktUnavailable(str(error), "внутренняя ошибка, см. журнал"), stop)

    def _not_in_trouble(self) -> None:
        if self.trouble is not None:
            self._log.info("register_ready")
        self.trouble = None
        self._not_ready = 0

    async def _wait_for_device(self, error: AdapterError, stop: asyncio.Event) -> None:
        """1, 2, 4 .. 60 s, then on by itself (contract 4.2)."""
        self._not_ready += 1
        if self.trouble is None or self.trouble.code != error.code:
            self._log.warning("register_not_ready", code=error.code, error=error.detail.en)
        self.trouble = error
        self.desk.forget()
        await self._stand_still(backoff(self._not_ready, cap_s=self._policy.not_ready_cap_s), stop)

    async def _stand_still(self, seconds: float, stop: asyncio.Event) -> None:
        """Wait whatever receipts come; a command, a decision or the stop ends it early."""
        until = self._clock.monotonic() + seconds
        trouble = self.trouble
        while not stop.is_set() and not self._commands and self.trouble is trouble:
            left = until - self._clock.monotonic()
            if left <= 0:
                return
            await self._wait(left)

    async def _rest(self, stop: asyncio.Event) -> None:
        """Wait for work, at most until the next look or the next refused receipt's turn."""
        shared = self._shared()
        seconds = self._policy.shared_poll_s if shared else self._policy.look_again_s
        if self._refused:
            seconds = max(0.0, min(due for due, _ in self._refused) - self._clock.monotonic())
        self._at_rest = True
        try:
            if not (stop.is_set() or self._queue or self._commands):
                await self._wait(seconds)
        finally:
            self._at_rest = False
        if shared and not self._reserved:
            self._behind = True

    async def _wait(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    # ---- receipts -----------------------------------------------------------------------------------

    async def _recover(self, lane: LaneTerm) -> None:
        await self.recovery.settle(lane)
        self._queue.clear()
        self._behind, self._read_up_to = True, 0
        refused = await self._db.read(lambda c: printbook.refused_due(c, self.register_id))
        self._refused = [(self._clock.monotonic(), row.seq) for row in refused]
        self._broken = False

    async def _next_job(self) -> Job | None:
        now = self._clock.monotonic()
        if any(due <= now for due, _ in self._refused):
            self._refused = [(due, seq) for due, seq in self._refused if due > now]
            at = self._clock.now() + timedelta(seconds=0.1)
            rows = await self._db.read(lambda c: printbook.refused_due(c, self.register_id, at=at))
            self._queue.extendleft(job_of(row) for row in reversed(rows))
        if not self._queue and self._behind:
            self._behind = False
            rows = await self._db.read(lambda c: printbook.unprinted(c, self.register_id, limit=QUEUE_LIMIT))
            self._queue.extend(job_of(row) for row in rows if row.print_state is PrintState.NEW)
            self._read_up_to = max((row.seq for row in rows), default=self._read_up_to)
            self._behind = self._behind or len(rows) == QUEUE_LIMIT
        return self._queue.popleft() if self._queue else None

    async def _print(self, job: Job, lane: LaneTerm, term: Term) -> None:
        attempt_id = job.attempt_id
        try:
            if attempt_id is None:
                attempt = NewAttempt(lane=lane, baseline=await self.desk.ready(lane))
                now = self._clock.now()
                attempt_id = await self._db.write(
                    lambda c: printbook.begin_attempt(
                        c, attempt, what="print", register_id=self.register_id, at=now, receipt_seq=job.seq
                    )
                )
            term.ensure_trusted(self._clock.monotonic())
        except KktUnavailable:
            self._queue.appendleft(job)
            raise
        except BaseException:
            self._broken = True  # the attempt may be on disk: it gets its result before anything else
            raise
        await self._fiscalize(job, attempt_id, lane, term)

    async def _fiscalize(self, job: Job, attempt_id: int, lane: LaneTerm, term: Term) -> None:
        started = self._clock.monotonic()
        try:
            document = await self.desk.driver.fiscalize(job.receipt, term=term.number)
        except (KktUnavailable, KktBlocked, ShiftExpired) as error:
            await self._put_back(job, attempt_id, lane, error)
            if not isinstance(error, ShiftExpired):
                raise
        except KktRefused as error:
            await self._refuse(job, attempt_id, lane, error)
        except (KktOutcomeUnknown, KktProtocolError) as error:
            self._lose(job, error)
        except BaseException as error:
            self._lose(job, error)
            raise
        else:
            await self._write_down(job, attempt_id, document, lane)
            took_s = self._clock.monotonic() - started
            self._listener.document_made(self.register_id, document, took_s=took_s)

    def _lose(self, job: Job, error: BaseException) -> None:
        """The answer is lost: nothing more goes to the device before it has been asked."""
        self._broken = True
        self.desk.forget()
        self._listener.print_failed(self.register_id, "outcome_unknown")
        self._log.warning("print_outcome_unknown", receipt_id=job.receipt.id, error=str(error))

    async def _put_back(self, job: Job, attempt_id: int, lane: LaneTerm, error: AdapterError) -> None:
        """Nothing was fiscalised: the receipt keeps its place at the head of the lane."""
        self.desk.forget()
        self._broken = True
        now, text = self._clock.now(), str(error)
        await self._db.write(
            lambda c: printbook.print_not_ready(
                c, job.seq, attempt_id=attempt_id, lane=lane, at=now, error=text
            )
        )
        self._listener.print_failed(self.register_id, "not_ready")

    async def _write_down(self, job: Job, attempt_id: int, document: FiscalDocument, lane: LaneTerm) -> None:
        following = self._following()
        item = printed_item(
            job,
            document,
            await self.desk.open(),
            attempt_id=attempt_id,
            lane=lane,
            at=self._clock.now(),
            following=following,
        )
        try:
            done = await self._db.write_each(printbook.printed, item)
        except BaseException:
            self._broken = True
            self.desk.forget()
            raise
        self.desk.baseline = item.baseline
        if following is not None:
            self._queue.appendleft(following.with_attempt(done.next_attempt_id))
        self._waiting.settle(job.receipt.id, item.answer)

    def _following(self) -> Job | None:
        """The next receipt, if its attempt may share the commit of this one's document."""
        if self._commands or not self._queue or self._queue[0].tries or not self.desk.trusts_shift():
            return None
        return self._queue.popleft()

    async def _refuse(self, job: Job, attempt_id: int, lane: LaneTerm, error: KktRefused) -> None:
        now, tries = self._clock.now(), job.tries + 1
        wait_s = backoff(tries) if tries <= AUTOMATIC_TRIES else None
        due_at = None if wait_s is None else now + timedelta(seconds=wait_s)
        text = f"{error.device_code}: {error.detail.ru}"
        await self._db.write(
            lambda c: printbook.print_refused(
                c,
                job.seq,
                receipt_id=job.receipt.id,
                attempt_id=attempt_id,
                lane=lane,
                at=now,
                error=text,
                due_at=due_at,
            )
        )
        if wait_s is not None:
            self._refused.append((self._clock.monotonic() + wait_s, job.seq))
        self._listener.print_failed(self.register_id, "refused")
        self._waiting.settle(job.receipt.id, None)

    # ---- commands -----------------------------------------------------------------------------------

    async def _run_commands(self, lane: LaneTerm) -> None:
        while self._commands:
            command, future = self._commands.popleft()
            if future.done():
                continue
            try:
                result = await command(lane)
            except AdapterError as error:
                if not future.done():
                    future.set_exception(error)
            except BaseException:
                future.cancel()
                raise
            else:
                if not future.done():
                    future.set_result(result)


def not_held() -> KktUnavailable:
    return KktUnavailable(
        "This register is driven by another process, or is just being opened. Ask there, or try again.",
        "Этой ККТ управляет другой процесс, или она только открывается. Обратитесь к нему или повторите.",
    )


def _lane(term: Term) -> LaneTerm:
    return LaneTerm(lease=term.name, owner=term.owner, number=term.number)
