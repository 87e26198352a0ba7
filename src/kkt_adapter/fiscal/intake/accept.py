"""Phase 1, the only door for a new receipt: store it durably, have it printed, answer.

``accept`` answers 200 only for a receipt that is on disk. The printed answer comes from the lane; when
the device is slower than the budget the answer is ``buffered`` and the lane goes on alone.

A key that was used before never stores anything: the same request gets the first answer, another one is
a conflict. That holds for simultaneous twins too, because the key's row and the receipt are one commit.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

from kkt_adapter.fiscal.ffd.validation.receipt import Checked
from kkt_adapter.fiscal.intake import buffer, known_keys
from kkt_adapter.fiscal.intake.as_sent import PLAIN, AsSent
from kkt_adapter.fiscal.intake.checks import Candidates, ReceiptChecks
from kkt_adapter.fiscal.intake.choice import Option
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.intake.known_keys import Known
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.intake.policy import IntakePolicy
from kkt_adapter.fiscal.intake.stored_answers import Acceptance, StoredAnswers, is_first_reading
from kkt_adapter.fiscal.intake.suspicions import CODES, CheckAgain
from kkt_adapter.fiscal.intake.wording import not_printed_yet
from kkt_adapter.fiscal.model import Receipt, ReceiptRequest
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.fiscal.printing.availability import obstacle
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.printing.reply_waiters import Answer, ReplyPatience, Waiting, Within
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, LeaseLost, ReceiptInvalid, StorageError
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.log import about, get_logger

ROW_LOOK_S = 0.2  # how often a receipt that another process prints is looked at


@dataclass(slots=True)
class IntakeStats:
    """Plain counts for metrics; only grow."""

    printed: int = 0  # within the answer's budget
    buffered: int = 0
    replayed: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by error code, a closed set
    suspicions: dict[str, int] = field(default_factory=dict)  # of receipts that were taken; by code


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A receipt that is on disk, and who waits for it."""

    unit: Unit
    accepted: Accepted
    checked: Checked
    waiter: Answer


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A shop's receipt is on disk. ``answer``: the printed answer of /v1, where it came in time."""

    receipt_id: str
    register_id: str
    answer: str | None
    checked: Checked


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
        self._log = get_logger("intake").bind()
        self._apart: set[asyncio.Task[None]] = set()
        self._checks = ReceiptChecks(
            database=database, registers=registers, clock=clock, policy=policy, disk=disk
        )
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
        known = await self._db.read(lambda c: known_keys.find_key(c, receipt_json.key_hash(key)))
        if known is None or not is_first_reading(known, sent):
            return None
        acceptance = await self._stored.replay(known, known.request_hash, sent)
        self.stats.replayed += 1
        return await self._stored.in_english(acceptance) if sent.english else acceptance

    async def refusal(self, request: ReceiptRequest, *, key: str, sent: AsSent) -> ReceiptInvalid:
        """All that is wrong with a request whose form is broken; stores nothing, and no key counts."""
        prior = (*sent.broken, *sent.late)
        found = await self._checks.faults(request, key, sent, prior)
        refusal = sent.refusal((*prior, *found))
        self.stats.refused[refusal.code] = self.stats.refused.get(refusal.code, 0) + 1
        return refusal

    async def known(self, origin: Origin) -> Known | None:
        """What a shop's key was used for, in its scope now or under a name that the scope had before."""
        return await self._db.read(lambda c: known_keys.find_keys(c, origin.key_hashes))

    async def store(
        self,
        request: ReceiptRequest,
        *,
        origin: Origin,
        sent: AsSent = PLAIN,
        patience: ReplyPatience | None = None,
    ) -> Taken | Known:
        """Store one receipt of a shop, however long that takes, and wait for its document as long as
        ``patience`` lasts; None: not at all.

        Cancelling stops the waiting only. Raises what ``accept`` raises, but no conflict of keys: for those
        it gives what the key was used for. PressRepeated: ``origin.guard`` found an equal press.
        UsedForAction: the key is one of ``origin.actions``.
        """
        try:
            begun = await self._begin(request, origin.key, sent, origin)
            if isinstance(begun, Known):
                return begun
            try:
                answer = None if patience is None else await self._answer(begun, patience)
            finally:
                self._waiting.drop(begun.checked.receipt.id)
        except AdapterError as error:
            self.stats.refused[error.code] = self.stats.refused.get(error.code, 0) + 1
            raise
        self._count_answer(answer)
        return Taken(
            receipt_id=begun.checked.receipt.id,
            register_id=begun.unit.register_id,
            answer=answer,
            checked=begun.checked,
        )

    async def _accept(self, request: ReceiptRequest, key: str, sent: AsSent) -> Acceptance:
        begun = await self._begin(request, key, sent, None)
        if isinstance(begun, Known):
            return await self._stored.replay(begun, receipt_json.request_hash(request), sent)
        try:
            answer = await self._answer(begun, Within(self._clock, self._policy.response_budget_s))
        finally:
            self._waiting.drop(begun.checked.receipt.id)  # nobody waits any more, however this ended
        self._count_answer(answer)
        if answer is not None:
            return Acceptance(body=answer.encode(), replayed=False)
        self._log.info("receipt_buffered", register_id=begun.unit.register_id)
        return await self._not_printed(begun.unit, begun.accepted, begun.checked)

    async def _begin(
        self, request: ReceiptRequest, key: str, sent: AsSent, origin: Origin | None
    ) -> Begun | Known:
        """Check and store. Cancelled or not, what was begun is stored and printed."""
        try:
            candidates, sale, looked = await self._checks.candidates(request, key, sent)
        except AdapterError as refusal:
            key_hashes = (receipt_json.key_hash(key),) if origin is None else origin.key_hashes
            known = await self._db.read(lambda c: known_keys.find_keys(c, key_hashes))
            if known is None:
                if isinstance(refusal, ReceiptInvalid):
                    raise sent.refusal(refusal.violations) from refusal
                raise
            self._log.debug("refusal_replaced_by_replay", code=refusal.code)
            return known
        item = self._item(request, key, candidates, sale, looked=looked, origin=origin)
        guard = None if origin is None else origin.guard
        about(receipt_id=item.receipt.id)
        if guard is not None:
            guard.caller.takes(item.receipt.id)
        waiter = self._waiting.open(item.receipt.id)
        try:
            outcome = await self._commit(item, candidates)
        except CheckAgain:
            self._waiting.drop(item.receipt.id)
            return await self._begin(request, key, sent, origin)
        except asyncio.CancelledError:
            self._waiting.drop(item.receipt.id)
            self._finish_apart(item, candidates)
            raise
        except BaseException:
            self._waiting.drop(item.receipt.id)
            raise
        if isinstance(outcome, Known):
            self._waiting.drop(item.receipt.id)
            return outcome
        chosen = candidates[outcome.choice]
        self._count_suspicions(chosen.checked)
        if guard is not None:
            guard.caller.callers.forgotten(item.told)
        return Begun(unit=chosen.unit, accepted=outcome, checked=chosen.checked, waiter=waiter)

    def _item(
        self,
        request: ReceiptRequest,
        key: str,
        candidates: Candidates,
        sale: Receipt | None,
        *,
        looked: int,
        origin: Origin | None,
    ) -> AcceptItem:
        """What the writer needs of it. Reserves the lane, or those of a group."""
        first = candidates[0].checked
        options = _options(candidates) if self._registers.groups.find(request.pos_id) else ()
        guard = None if origin is None else origin.guard
        return AcceptItem(
            receipt=first.receipt,
            payload="" if options else receipt_json.dump(first.receipt),
            warnings=receipt_json.dump_warnings(first.warnings),
            key=key,
            key_hash=receipt_json.key_hash(key) if origin is None else origin.key_hashes[0],
            request_hash=receipt_json.request_hash(request) if origin is None else origin.content,
            at=self._clock.now(),
            default_capacity=self._policy.capacity,
            sale_must_be_synced=self._checks.must_be_synced(sale),
            sale_id=None if sale is None else sale.id,
            sale_pos=None if sale is None else sale.pos_id,
            looked=looked,
            attempt=None if options else candidates[0].unit.lane.reserve(),
            options=options,
            force_reason=request.refund_force_reason,
            origin=origin,
            told=frozenset() if guard is None else guard.caller.callers.told(),
        )

    def _count_answer(self, answer: str | None) -> None:
        if answer is None:
            self.stats.buffered += 1
        else:
            self.stats.printed += 1

    def _count_suspicions(self, checked: Checked) -> None:
        for code in (warning.code for warning in checked.warnings if warning.code in CODES):
            self.stats.suspicions[code] = self.stats.suspicions.get(code, 0) + 1

    def _finish_apart(self, item: AcceptItem, candidates: Candidates) -> None:
        """Whoever asked is gone while it is being stored: the lanes go by the rows once it is there."""

        async def look_when_stored() -> None:
            with suppress(AdapterError):  # writes are decided in the order of their coming
                await self._db.write(lambda conn: None)
            if (reserved := _reserved_lane(item, candidates)) is not None:
                reserved.release(stored=None)
            for candidate in candidates:
                candidate.unit.lane.others_stored()

        task = asyncio.create_task(look_when_stored())
        self._apart.add(task)
        task.add_done_callback(self._apart.discard)

    async def _commit(self, item: AcceptItem, candidates: Candidates) -> Accepted | Known:
        """A lane that lost its lease in between is done without."""
        reserved = _reserved_lane(item, candidates)
        try:
            outcome: Accepted | Known = await self._db.write_each(buffer.accept, item)
        except LeaseLost:
            if reserved is None:
                raise
            reserved.release(stored=False)
            options = tuple([replace(option, attempt=None) for option in item.options])
            return await self._commit(replace(item, attempt=None, options=options), candidates)
        except asyncio.CancelledError:
            raise  # it goes on; see ``_finish_apart``
        except BaseException as error:
            if reserved is not None:
                refused = isinstance(error, (AdapterError, CheckAgain)) and not isinstance(
                    error, StorageError
                )
                reserved.release(stored=False if refused else None)
            raise
        if isinstance(outcome, Known):
            if reserved is not None:
                reserved.release(stored=False)
            return outcome
        unit, checked = candidates[outcome.choice].unit, candidates[outcome.choice].checked
        if reserved is not None and reserved is not unit.lane:
            reserved.release(stored=False)
        unit.lane.submit(
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

    async def _answer(self, begun: Begun, patience: ReplyPatience) -> str | None:
        """The printed answer while patience lasts, whichever process prints."""
        if not begun.unit.lane.holds():
            return await self._watch_row(begun.accepted.seq, patience)
        return await patience.answered(begun.waiter)

    async def _watch_row(self, seq: int, patience: ReplyPatience) -> str | None:
        """Look for the answer that another process writes."""
        while patience.left_s > 0:
            answer = await self._db.read(lambda c: known_keys.answer_of(c, seq))
            if answer is not None:
                return answer
            await self._clock.sleep(ROW_LOOK_S)
        return None

    async def _not_printed(self, unit: Unit, accepted: Accepted, checked: Checked) -> Acceptance:
        """Stored, and not printed so far: the row says why, and may say by now that it is."""
        receipt_id = checked.receipt.id
        try:
            shown = await self._stored.state_of_now(receipt_id)
        except AdapterError as error:  # it is on disk, whatever happens to the database now
            self._log.warning("state_not_read", code=error.code)
            reason = not_printed_yet(unit.lane.trouble, unit.lane.hold)
            answer = reply.buffered(receipt_id, _place(accepted), reason=reason.ru, warnings=checked.warnings)
            return Acceptance(body=answer.encode(), replayed=False, reason=reason)
        return replace(shown, replayed=False)


def _place(accepted: Accepted) -> Place:
    return Place(stamp=accepted.stamp, queue_position=accepted.queue_position)


def _options(candidates: Candidates) -> tuple[Option, ...]:
    """What the commit chooses from. The first register that is idle waits for this receipt."""
    options, attempt = [], None
    for candidate in candidates:
        lane, ready = candidate.unit.lane, obstacle(candidate.unit) is None
        mine = lane.reserve() if attempt is None and ready else None
        attempt = attempt or mine
        status = lane.session.status
        options.append(
            Option(
                receipt=candidate.checked.receipt,
                warnings=receipt_json.dump_warnings(candidate.checked.warnings),
                ready=ready,
                attempt=mine,
                clock=None if status is None else status.clock,
            )
        )
    return tuple(options)


def _reserved_lane(item: AcceptItem, candidates: Candidates) -> PrintLane | None:
    """The lane that waits for this receipt and touches nothing meanwhile."""
    if item.attempt is not None:
        return candidates[0].unit.lane
    for option, candidate in zip(item.options, candidates, strict=False):
        if option.attempt is not None:
            return candidate.unit.lane
    return None
