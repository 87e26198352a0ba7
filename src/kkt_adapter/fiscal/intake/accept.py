"""Phase 1, the only door for a new receipt: store it durably, have it printed, answer.

``accept`` answers 200 only for a receipt that is on disk. The printed answer comes from the lane; when
the device is slower than the budget the answer is ``buffered`` and the lane goes on alone.

A key that was used before never stores anything: the same request gets the first answer, another one is
a conflict. That holds for simultaneous twins too, because the key's row and the receipt are one commit.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection

from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.ffd.vat import vat_differs
from kkt_adapter.fiscal.intake import buffer
from kkt_adapter.fiscal.intake.as_sent import PLAIN, AsSent
from kkt_adapter.fiscal.intake.buffer import Accepted, AcceptItem, Known
from kkt_adapter.fiscal.intake.stored_answers import Acceptance, StoredAnswers, is_first_reading
from kkt_adapter.fiscal.intake.suspicions import CODES, Suspicions
from kkt_adapter.fiscal.intake.wording import not_printed_yet
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.model import Receipt, ReceiptKind, ReceiptRequest, RegisterProfile
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.register_session import shift_expired
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.printing.reply_waiters import Answer, Waiting, answered
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.receipt_lookup import sale_of
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    BufferFull,
    IdempotencyConflict,
    KktBlocked,
    LeaseLost,
    ReceiptInvalid,
    StorageError,
    Violation,
)
from kkt_adapter.kernel.ids import ReceiptId, uuid7
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.log import about, get_logger

ROW_LOOK_S = 0.2  # how often a receipt that another process prints is looked at

Stored = asyncio.Future[Accepted | Known]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePolicy:
    """Contract 3.1, 3.4 and 5."""

    response_budget_s: float = 7.0  # then the answer is ``buffered``
    capacity: int = 10_000  # undelivered receipts; 0: no limit
    refund_requires_synced: bool = True
    refused_suspicions: frozenset[str] = frozenset()  # codes of intake/suspicions.py; others are warnings


@dataclass(slots=True)
class IntakeStats:
    """Plain counts for metrics; only grow."""

    printed: int = 0  # within the answer's budget
    buffered: int = 0
    replayed: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by error code, a closed set
    suspicions: dict[str, int] = field(default_factory=dict)  # of receipts that were taken; by code


class ReceiptIntake:
    """Takes receipts from any number of requests at once."""

    def __init__(
        self,
        *,
        database: Database,
        registers: Registers,
        waiting: Waiting,
        clock: Clock,
        policy: IntakePolicy,
        disk: DiskMark,
    ) -> None:
        self._db = database
        self._registers = registers
        self._waiting = waiting
        self._clock = clock
        self._policy = policy
        self._disk = disk
        self._log = get_logger("intake")
        self._storing: set[asyncio.Task[None]] = set()
        self._suspicions = Suspicions(database=database, refused=policy.refused_suspicions)
        self.stats = IntakeStats()
        self._stored = StoredAnswers(database=database, registers=registers, waiting=waiting)

    async def accept(self, request: ReceiptRequest, *, key: str, sent: AsSent = PLAIN) -> Acceptance:
        """Store and print one receipt, or replay what the key got before.

        Cancelling stops the waiting only: a receipt whose storing has begun is stored and printed, and
        the same key finds it.

        Raises:
            ReceiptInvalid: nothing stored, the key is not used up.
            IdempotencyConflict, IdempotencyInProgress: the key belongs to another request, or its first
                request is not finished.
            BufferFull, KktBlocked, ShiftExpired, RefundBlocked, Maintenance, StorageError, Overloaded.
        """
        try:
            acceptance = await self._accept(request, key, sent)
        except AdapterError as error:
            self.stats.refused[error.code] = self.stats.refused.get(error.code, 0) + 1
            raise
        if acceptance.replayed:
            self.stats.replayed += 1
        return await self._stored.in_english(acceptance) if sent.english else acceptance

    async def replay_first(self, *, key: str, sent: AsSent) -> Acceptance | None:
        """The answer to a request whose form is broken today, if version 0.1.0 took it under the key."""
        known = await self._db.read(lambda c: buffer.find_key(c, receipt_json.key_hash(key)))
        if known is None or not is_first_reading(known, sent):
            return None
        acceptance = await self._stored.replay(known, known.request_hash, sent)
        self.stats.replayed += 1
        return await self._stored.in_english(acceptance) if sent.english else acceptance

    async def refusal(self, request: ReceiptRequest, *, key: str, sent: AsSent) -> ReceiptInvalid:
        """All that is wrong with a request whose form is broken; stores nothing, and no key counts."""
        prior = (*sent.broken, *sent.late)
        found: tuple[Violation, ...] = ()
        try:
            unit = self._registers.find(request.pos_id)
            if unit is None:
                self._complete(request, key, *self._prospect(request), sent, prior)
            else:
                self._complete(request, key, await unit.profile(), self._day(unit), sent, prior)
        except ReceiptInvalid as error:
            found = error.violations
        except AdapterError as error:  # of the register: what is known already is told
            self._log.debug("form_only", code=error.code)
        refusal = sent.refusal((*prior, *found))
        self.stats.refused[refusal.code] = self.stats.refused.get(refusal.code, 0) + 1
        return refusal

    async def _accept(self, request: ReceiptRequest, key: str, sent: AsSent) -> Acceptance:
        key_hash, request_hash = receipt_json.key_hash(key), receipt_json.request_hash(request)
        try:
            unit, checked, sale = await self._check(request, key, sent)
        except AdapterError as refusal:
            known = await self._db.read(lambda c: buffer.find_key(c, key_hash))
            if known is None:
                if isinstance(refusal, ReceiptInvalid):
                    raise sent.refusal(refusal.violations) from refusal
                raise
            self._log.debug("refusal_replaced_by_replay", code=refusal.code)
            return await self._stored.replay(known, request_hash, sent)
        item = AcceptItem(
            receipt=checked.receipt,
            payload=receipt_json.dump(checked.receipt),
            warnings=receipt_json.dump_warnings(checked.warnings),
            key=key,
            key_hash=key_hash,
            request_hash=request_hash,
            at=self._clock.now(),
            default_capacity=self._policy.capacity,
            sale_must_be_synced=self._must_be_synced(sale),
            sale_id=None if sale is None else sale.id,
            sale_pos=None if sale is None else sale.pos_id,
            attempt=unit.lane.reserve(),
            force_reason=request.refund_force_reason,
        )
        receipt_id = checked.receipt.id
        about(receipt_id=receipt_id)
        waiter = self._waiting.open(receipt_id)
        stored: Stored = asyncio.get_running_loop().create_future()
        storing = asyncio.create_task(self._store(item, unit, checked, stored))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        try:
            outcome = await stored  # cancelled or not, what was begun is stored and printed
            if isinstance(outcome, Known):
                return await self._stored.replay(outcome, request_hash, sent)
            self._count_suspicions(checked)
            answer = await self._answer(unit, outcome, waiter)
        finally:
            self._waiting.drop(receipt_id)  # nobody waits any more, however this ended
        if answer is not None:
            self.stats.printed += 1
            return Acceptance(body=answer.encode(), replayed=False)
        self.stats.buffered += 1
        self._log.info("receipt_buffered", register_id=unit.register_id)
        return await self._not_printed(unit, outcome, checked)

    async def _check(
        self, request: ReceiptRequest, key: str, sent: AsSent
    ) -> tuple[Unit, Checked, Receipt | None]:
        """Everything that can refuse a receipt before it touches the database; the third is the refunded
        sale, if it is known here.

        A till without a register gets one in demo mode only, and only for a receipt that would be stored.
        """
        self._refuse_on_low_disk()
        if self._registers.find(request.pos_id) is None:
            await self._rehearse(request, key, sent)
        unit = await self._registers.for_till(request.pos_id)
        checked = self._complete(request, key, await unit.profile(), self._day(unit), sent, sent.late)
        checked, sale = await self._compare_with_sale(request, checked, sent)
        checked = await self._suspicions.look(checked, sale, sent)
        self._refuse_if_blocked(unit)
        return unit, checked, sale

    async def _rehearse(self, request: ReceiptRequest, key: str, sent: AsSent) -> None:
        """Raise what this receipt would be refused with, before a register is made for it. For a key that is
        known the refusal is not told: the first request's answer goes before it."""
        checked = self._complete(request, key, *self._prospect(request), sent, sent.late)
        _, sale = await self._compare_with_sale(request, checked, sent)
        key_hash, must_be_synced = receipt_json.key_hash(key), self._must_be_synced(sale)
        now = self._clock.now()

        def look(conn: Connection) -> Exception | None:
            if buffer.find_key(conn, key_hash) is not None:
                return IdempotencyConflict("this key is known", "этот ключ уже известен")
            return buffer.refusal_now(
                conn,
                default_capacity=self._policy.capacity,
                sale_must_be_synced=must_be_synced,
                forced=request.refund_force_reason is not None,
                at=now,
            )

        refusal = await self._db.read(look)
        if refusal is not None:
            raise refusal

    def _must_be_synced(self, sale: Receipt | None) -> str | None:
        return sale.id if sale is not None and self._policy.refund_requires_synced else None

    def _day(self, unit: Unit) -> date:
        """The day of the document to come: of the wall clock, or of the register's where that is ahead, as it
        is after a document that was made under a clock set forward."""
        today, status = unit.today(self._clock), unit.lane.session.status
        return today if status is None else max(today, status.clock.date())

    def _prospect(self, request: ReceiptRequest) -> tuple[RegisterProfile, date]:
        """What a register that is not made yet would be like, and today there."""
        profile, zone = self._registers.prospect(request.pos_id)
        return profile, self._clock.now().astimezone(zone).date()

    def _complete(
        self,
        request: ReceiptRequest,
        key: str,
        profile: RegisterProfile,
        today: date,
        sent: AsSent,
        prior: tuple[Violation, ...],
    ) -> Checked:
        now = self._clock.now()
        checked = complete(
            request,
            receipt_id=ReceiptId(uuid7(int(now.timestamp() * 1000))),
            idempotency_key=key,
            profile=profile,
            today=today,
            prior=prior,
        )
        if not (checked.warnings or sent.warnings):
            return checked
        return Checked(receipt=checked.receipt, warnings=sent.told(checked.warnings))

    async def _compare_with_sale(
        self, request: ReceiptRequest, checked: Checked, sent: AsSent
    ) -> tuple[Checked, Receipt | None]:
        """The receipt with what its sale makes remarkable, and that sale, if it refunds one of ours."""
        original = request.original_receipt_id
        if request.kind is not ReceiptKind.REFUND or original is None:
            return checked, None
        sale = await self._db.read(lambda c: sale_of(c, original))
        if sale is None:
            return checked, None
        warning = vat_differs(checked.receipt, frozenset(line.vat for line in sale.lines))
        if warning is not None:
            warning = replace(warning, field=sent.own_name(warning.field))
            checked = Checked(receipt=checked.receipt, warnings=(*checked.warnings, warning))
        return checked, sale

    def _count_suspicions(self, checked: Checked) -> None:
        for code in (warning.code for warning in checked.warnings if warning.code in CODES):
            self.stats.suspicions[code] = self.stats.suspicions.get(code, 0) + 1

    def _refuse_on_low_disk(self) -> None:
        if self._disk.is_low:
            raise BufferFull(
                f"Buffer full: the disk has less than {self._disk.mark_mb} MB free. Free some space.",
                f"Buffer full: на диске меньше {self._disk.mark_mb} МБ. Освободите место.",
                reason="DISK",
                retry_after=60,
            )

    def _refuse_if_blocked(self, unit: Unit) -> None:
        reason, trouble = unit.lane.blocked, unit.lane.trouble
        if reason is not None and trouble is not None:
            cause = trouble.detail
            raise KktBlocked(f"{cause.en} Nothing was stored.", f"{cause.ru} Чек не принят.", reason=reason)
        status = unit.lane.session.status
        if not unit.automatic_shift and status is not None and status.shift_state is ShiftState.EXPIRED:
            raise shift_expired()

    async def _store(self, item: AcceptItem, unit: Unit, checked: Checked, stored: Stored) -> None:
        """One commit; then the lane is told, and the request if it still waits."""
        try:
            outcome = await self._commit(item, unit, checked)
        except Exception as error:
            if not stored.done():
                stored.set_exception(error)
        except BaseException:
            stored.cancel()
            raise
        else:
            if not stored.done():
                stored.set_result(outcome)

    async def _commit(self, item: AcceptItem, unit: Unit, checked: Checked) -> Accepted | Known:
        """A lane that lost its lease in between is done without."""
        lane, reserved = unit.lane, item.attempt is not None
        try:
            outcome: Accepted | Known = await self._db.write_each(buffer.accept, item)
        except LeaseLost:
            if not reserved:
                raise
            lane.release(stored=False)
            return await self._commit(replace(item, attempt=None), unit, checked)
        except BaseException as error:
            if reserved:
                refused = isinstance(error, AdapterError) and not isinstance(error, StorageError)
                lane.release(stored=False if refused else None)
            raise
        if isinstance(outcome, Known):
            if reserved:
                lane.release(stored=False)
            return outcome
        lane.submit(
            PrintJob(
                seq=outcome.seq,
                receipt=checked.receipt,
                place=_place(outcome),
                warnings=checked.warnings,
                attempt_id=outcome.attempt_id,
            )
        )
        self._log.info("receipt_accepted", receipt_id=checked.receipt.id, register_id=unit.register_id)
        return outcome

    async def _answer(self, unit: Unit, accepted: Accepted, waiter: Answer) -> str | None:
        """The printed answer within the budget, whichever process prints."""
        if not unit.lane.holds():
            return await self._watch_row(accepted.seq, self._policy.response_budget_s)
        return await answered(waiter, within_s=self._policy.response_budget_s)

    async def _watch_row(self, seq: int, seconds: float) -> str | None:
        """Look for the answer that another process writes."""
        until = self._clock.monotonic() + seconds
        while self._clock.monotonic() < until:
            answer = await self._db.read(lambda c: buffer.answer_of(c, seq))
            if answer is not None:
                return answer
            await self._clock.sleep(ROW_LOOK_S)
        return None

    async def _not_printed(self, unit: Unit, accepted: Accepted, checked: Checked) -> Acceptance:
        """Stored, and not printed so far: the row says why, and may say by now that it is."""
        receipt_id = checked.receipt.id
        try:
            shown = await self._stored.state_of_now(receipt_id, unit)
        except AdapterError as error:  # it is on disk, whatever happens to the database now
            self._log.warning("state_not_read", code=error.code)
            reason = not_printed_yet(unit.lane.trouble)
            answer = reply.buffered(receipt_id, _place(accepted), reason=reason.ru, warnings=checked.warnings)
            return Acceptance(body=answer.encode(), replayed=False, reason=reason)
        return replace(shown, replayed=False)


def _place(accepted: Accepted) -> Place:
    return Place(stamp=accepted.stamp, queue_position=accepted.queue_position)
