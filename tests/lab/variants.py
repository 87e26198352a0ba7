"""Broken variants: the product with one of its safeguards taken out, to prove that the lab would notice.

They exist only in the processes that ``variant_nodes`` forks; the product contains none of them. Each says
under which faults it must fail, so that a short run is enough.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, insert, select

from kkt_adapter.bootstrap import identity as start_identity
from kkt_adapter.cli.service import serve
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.housekeeping import daily, retention
from kkt_adapter.fiscal.intake import known_keys, rows
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.intake.stored_answers import Acceptance
from kkt_adapter.fiscal.kkt.shtrih.session import Session
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
from kkt_adapter.fiscal.kkt.virtual import VirtualRegister
from kkt_adapter.fiscal.kkt.virtual.filelock import FnFileLock
from kkt_adapter.fiscal.kkt.virtual.memory import FnMemory
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.ofd.gateway import HttpReply
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.fiscal.printing import records, reply
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.printer import ReceiptPrinter
from kkt_adapter.fiscal.printing.recovery.fn_readback import FnReadback
from kkt_adapter.fiscal.printing.recovery.resolve import Recovery
from kkt_adapter.fiscal.printing.recovery.rules import Absent
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.fiscal.store.orphan_documents import OrphanDocuments
from kkt_adapter.fiscal.store.tables import idempotency
from kkt_adapter.kernel.clock_trust import Believed
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable, OfdUnavailable
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.lab.reconcile import FindingKind
from kkt_adapter.runtime.db import identity as database_identity
from kkt_adapter.runtime.db import sqlite_writer
from kkt_adapter.runtime.log_lines import LogLines

KILLED_AT = "process killed at a named point"
FROZEN_AT = "process frozen at a named point"
DEVICE_LOST = "device answer lost after fiscalising"
SHTRIH_LOST = "Shtrih-M: answer to the closing lost"
DISK_FULL = "disk full"
OPERATOR_DOWN = "operator down"
QUESTION = "person decides a question"
CLOCK_JUMP = "clock jump"
DATABASE_LOST = "database lost"
DATABASE_REPLACED = "database replaced by an older copy"
LOG_STALLED = "log that nobody reads"
HUNG_UP = "process told that its terminal hung up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """``build`` takes the safeguard out of this process."""

    what: str
    build: Callable[[], None]
    caught_as: FindingKind
    faults: frozenset[str]  # kinds under which it fails
    points: Sequence[str] = ()  # named points under which it fails; empty: any
    nodes: int = 1
    devices: tuple[str, ...] = ()  # brands of registers that it needs
    count: int = 4  # of faults


# ---- the attempt row after the print --------------------------------------------------------------------


def _print_before_intent() -> None:
    _forget_the_fn()
    write_down, put_back, refuse = (
        ReceiptPrinter._write_down,
        ReceiptPrinter._put_back,
        ReceiptPrinter._refuse,
    )

    async def no_attempt(self: PrintLane, job: PrintJob, lane: LaneTerm) -> int:
        await self.session.ready(lane)
        return 0

    async def late(self: ReceiptPrinter, job: PrintJob, lane: LaneTerm) -> int:
        status = await self._session.driver.status()
        attempt = NewAttempt(lane=lane, baseline=status.baseline)
        return await self._db.write(
            lambda c: records.begin_attempt(
                c,
                attempt,
                what=AttemptKind.PRINT,
                register_id=self._session.register_id,
                at=self._clock.now(),
                receipt_seq=job.seq,
            )
        )

    async def late_write_down(
        self: ReceiptPrinter, job: PrintJob, _: int, document: Any, lane: LaneTerm, following: Any
    ) -> Any:
        return await write_down(self, job, await late(self, job, lane), document, lane, following)

    async def late_put_back(self: ReceiptPrinter, job: PrintJob, _: int, lane: LaneTerm, error: Any) -> None:
        await put_back(self, job, await late(self, job, lane), lane, error)

    async def late_refuse(self: ReceiptPrinter, job: PrintJob, _: int, lane: LaneTerm, error: Any) -> Any:
        return await refuse(self, job, await late(self, job, lane), lane, error)

    _replace(PrintLane, "reserve", lambda self: None)
    _replace(PrintLane, "_following", lambda self: None)
    _replace(PrintLane, "_begin", no_attempt)
    _replace(ReceiptPrinter, "_write_down", late_write_down)
    _replace(ReceiptPrinter, "_put_back", late_put_back)
    _replace(ReceiptPrinter, "_refuse", late_refuse)


# ---- recovery that prints again without asking the FN ---------------------------------------------------


def _blind_recovery() -> None:
    _forget_the_fn()
    judge = Recovery._judge

    async def absent(self: Recovery, attempt: Any, row: Any) -> Any:
        evidence, _ = await judge(self, attempt, row)
        return evidence, Absent()

    _replace(Recovery, "_judge", absent)


# ---- a lost answer taken for "nothing was sent" ---------------------------------------------------------


def _lost_means_unsent() -> None:
    _forget_the_fn()
    fiscalize = VirtualRegister.fiscalize

    async def hopeful(self: VirtualRegister, receipt: Any, **how: Any) -> Any:
        try:
            return await fiscalize(self, receipt, **how)
        except KktOutcomeUnknown as error:
            raise KktUnavailable(error.detail.en, error.detail.ru) from error

    _replace(VirtualRegister, "fiscalize", hopeful)


# ---- the key of a request outside of its receipt's transaction ------------------------------------------


class _Nothing:
    def put(self, connection: Connection, rows: Sequence[Any]) -> None:
        pass


def _key_apart() -> None:
    _forget_the_fn()
    commit = ReceiptIntake._commit

    async def key_afterwards(self: ReceiptIntake, item: AcceptItem, candidates: Any) -> Any:
        outcome = await commit(self, item, candidates)
        if isinstance(outcome, Accepted):
            await self._db.write(lambda c: _insert_key(c, item, outcome.seq))
        return outcome

    _replace(rows, "INSERT_KEYS", _Nothing())
    _replace(ReceiptIntake, "_commit", key_afterwards)


def _insert_key(connection: Connection, item: AcceptItem, seq: int) -> None:
    known = select(idempotency.c.seq).where(idempotency.c.key_hash == item.key_hash)
    if connection.execute(known).first() is not None:
        return
    connection.execute(
        insert(idempotency).values(
            seq=seq,
            key_hash=item.key_hash,
            key=item.key,
            request_hash=item.request_hash,
            receipt_id=item.receipt.id,
            created_at=item.at,
        )
    )


# ---- an answer before the commit ------------------------------------------------------------------------


def _answer_before_commit() -> None:
    commit = ReceiptIntake._commit

    async def hasty(self: ReceiptIntake, item: AcceptItem, candidates: Any) -> Any:
        known = await self._db.read(lambda c: known_keys.find_key(c, item.key_hash))
        if known is not None:
            return known

        if item.attempt is not None:
            candidates[0].unit.lane.release(stored=False)

        async def later() -> None:
            await self._clock.sleep(3.0)
            await commit(self, replace(item, attempt=None), candidates)

        asyncio.create_task(later()).add_done_callback(lambda done: done.cancelled() or done.exception())
        return Accepted(seq=0, stamp=HybridTimestamp(0, 0), queue_position=1, attempt_id=None)

    async def at_once(
        self: ReceiptIntake, unit: Any, outcome: Accepted, waiter: Any, within_s: float
    ) -> None:
        return None

    async def buffered(self: ReceiptIntake, unit: Any, outcome: Accepted, checked: Any) -> Acceptance:
        place = Place(stamp=outcome.stamp, queue_position=outcome.queue_position)
        text = reply.buffered(checked.receipt.id, place, reason="", warnings=())
        return Acceptance(body=text.encode(), replayed=False)

    _replace(ReceiptIntake, "_commit", hasty)
    _replace(ReceiptIntake, "_answer", at_once)
    _replace(ReceiptIntake, "_not_printed", buffered)


# ---- a failed commit answered as a success --------------------------------------------------------------


def _failed_commit_is_fine() -> None:
    transaction: Any = sqlite_writer._Transaction
    commit = transaction.commit

    def careless(self: Any) -> None:
        try:
            commit(self)
        except Exception:
            pass

    _replace(transaction, "commit", careless)


# ---- a register that lets everybody in ------------------------------------------------------------------


def _register_without_fence() -> None:
    _forget_the_fn()
    ready = FnMemory.ready

    def anew(self: FnMemory) -> Any:
        self._forget()  # somebody else may have used the file
        return ready(self)

    _replace(FnFileLock, "take", lambda self: None)
    _replace(FnMemory, "fence", lambda self, term: self.ready())
    _replace(FnMemory, "ready", anew)


# ---- a broken line to a device taken for "nothing was sent" ---------------------------------------------


def _silence_means_unsent() -> None:
    _forget_the_fn()
    answered = Session._answered

    async def hopeful(self: Session, command: bytes, body: bytes) -> Any:
        try:
            return await answered(self, command, body)
        except LinkDown as error:
            raise LinkDown(error.why, sent=False) from error

    _replace(Session, "_answered", hopeful)


# ---- "sent" taken for "delivered" -----------------------------------------------------------------------


def _sent_is_delivered() -> None:
    deliver = HttpOfd.deliver

    async def hopeful(self: HttpOfd, receipt_id: str, body: dict[str, Any]) -> HttpReply:
        try:
            return await deliver(self, receipt_id, body)
        except OfdUnavailable:
            return HttpReply(ofd_id=None, timestamp=None)

    _replace(HttpOfd, "deliver", hopeful)


# ---- a decision that is overruled -----------------------------------------------------------------------


def _decision_overruled() -> None:
    """Print again, says the person; and the newest document that looks like the receipt is taken for it."""
    decide = Recovery.decide

    async def overruled(self: Recovery, receipt_id: str, lane: LaneTerm, **given: Any) -> None:
        question = self.question
        if given["adopt"] is None and question is not None and question.found:
            given["adopt"] = question.found[-1].fd_number
        await decide(self, receipt_id, lane, **given)

    _replace(Recovery, "decide", overruled)


# ---- what the wall clock says is believed ---------------------------------------------------------------


def _clock_believed() -> None:
    """Delivered receipts and their keys go as soon as some clock says that they are old enough; looked at all
    the time, and old after two days, so that a short run is enough."""
    limits = retention.Limits.at

    def short(now: Any, **given: Any) -> Any:
        return limits(now, **{**given, "receipts_live": timedelta(days=2)})

    _replace(ClockWatch, "trust", lambda self: Believed(by=None))
    _replace(ClockWatch, "may_forget", lambda self, age: True)
    _replace(daily, "LOOK_EVERY_S", 5.0)
    _replace(retention, "KEYS_LIVE", timedelta(days=2))
    _replace(retention.Limits, "at", staticmethod(short))


# ---- a vanished database taken for a new shop -----------------------------------------------------------


def _vanished_is_new() -> None:
    judge = database_identity.judge

    def trusting(found: Any, around: Any) -> Any:
        verdict = judge(found, around)
        refused = isinstance(verdict, database_identity.StartRefused)
        return database_identity.IdentityStart.NEW if refused else verdict

    _replace(start_identity, "judge", trusting)


# ---- a log that is written where the requests are -------------------------------------------------------


def _log_waits() -> None:
    def write(self: LogLines, text: str) -> int:
        self._write(text.encode())
        return len(text)

    _replace(LogLines, "write", write)


# ---- a hang-up that ends the service --------------------------------------------------------------------


def _hang_up_ends() -> None:
    _replace(serve, "survive_hang_up", lambda lines: None)


# ---- an operator that is told of something else ---------------------------------------------------------


def _operator_told_otherwise() -> None:
    deliver = HttpOfd.deliver

    async def another(self: HttpOfd, receipt_id: str, body: dict[str, Any]) -> HttpReply:
        items = [{**item, "name": "something else"} for item in body["items"]]
        return await deliver(self, receipt_id, {**body, "items": items})

    _replace(HttpOfd, "deliver", another)


# ---- in common ------------------------------------------------------------------------------------------


def _forget_the_fn() -> None:
    """Without reading the FN back at the start of a term, which repairs much of what others let through."""

    async def nothing(self: FnReadback, lane: LaneTerm) -> OrphanDocuments:
        return OrphanDocuments()

    _replace(FnReadback, "read", nothing)


def _replace(owner: Any, name: str, value: Any) -> None:
    """Put ``value`` in the place of something that must be there."""
    getattr(owner, name)
    setattr(owner, name, value)


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "print-before-intent": Variant(
            what="the attempt row is written after the print",
            build=_print_before_intent,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({KILLED_AT}),
            points=("fn.append:after", "register.fiscalize:after"),
        ),
        "blind-recovery": Variant(
            what="recovery prints again without asking the FN",
            build=_blind_recovery,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({DEVICE_LOST}),
        ),
        "lost-means-unsent": Variant(
            what="a lost answer of the device is taken for a command that was not sent",
            build=_lost_means_unsent,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({DEVICE_LOST}),
        ),
        "key-apart": Variant(
            what="the Idempotency-Key is stored after its receipt, in a transaction of its own",
            build=_key_apart,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({KILLED_AT}),
            points=("variants._key_apart:before", "variants._key_apart:inside"),
        ),
        "answer-before-commit": Variant(
            what="the client is answered before the receipt is on disk",
            build=_answer_before_commit,
            caught_as=FindingKind.LOST,
            faults=frozenset({KILLED_AT}),
            points=("answer:after",),
        ),
        "failed-commit-is-fine": Variant(
            what="a failed commit is answered like one that reached the disk",
            build=_failed_commit_is_fine,
            caught_as=FindingKind.LOST,
            faults=frozenset({DISK_FULL}),
        ),
        "register-without-fence": Variant(
            what="the register takes commands of a holder whose lease is over",
            build=_register_without_fence,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({FROZEN_AT}),
            points=("register.fiscalize:before",),
            nodes=2,
        ),
        "silence-means-unsent": Variant(
            what="a broken line to a Shtrih-M register is taken for a command that was not sent",
            build=_silence_means_unsent,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({SHTRIH_LOST}),
            devices=("shtrih",),
        ),
        "sent-is-delivered": Variant(
            what="a receipt that was sent without an answer is called delivered",
            build=_sent_is_delivered,
            caught_as=FindingKind.LOST,
            faults=frozenset({OPERATOR_DOWN}),
        ),
        "decision-overruled": Variant(
            what="what a person decided is overruled by a document that looks alike",
            build=_decision_overruled,
            caught_as=FindingKind.LOST,
            faults=frozenset({QUESTION}),
        ),
        "clock-believed": Variant(
            what="old receipts are deleted on the word of the wall clock",
            build=_clock_believed,
            caught_as=FindingKind.LOST,
            faults=frozenset({CLOCK_JUMP}),
            count=12,
        ),
        "vanished-is-new": Variant(
            what="a start without its database makes a new one",
            build=_vanished_is_new,
            caught_as=FindingKind.WRONG,
            faults=frozenset({DATABASE_LOST}),
            count=1,
        ),
        "restored-unread": Variant(
            what="a start from an older copy does not read the FN back",
            build=_forget_the_fn,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({DATABASE_REPLACED}),
            count=1,
        ),
        "hang-up-ends": Variant(
            what="a terminal that hangs up ends the service",
            build=_hang_up_ends,
            caught_as=FindingKind.WRONG,
            faults=frozenset({HUNG_UP}),
            count=1,
        ),
        "log-waits": Variant(
            what="whoever logs waits for the reader of the log",
            build=_log_waits,
            caught_as=FindingKind.WRONG,
            faults=frozenset({LOG_STALLED}),
            count=1,
        ),
        "operator-told-otherwise": Variant(
            what="the operator's HTTP profile is sent other lines than were printed",
            build=_operator_told_otherwise,
            caught_as=FindingKind.WRONG,
            faults=frozenset({OPERATOR_DOWN}),
            count=1,
        ),
    }
)
