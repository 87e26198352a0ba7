"""The software FN: it numbers, signs and keeps documents, and keeps its own queue for the operator.

It behaves like the hardware it stands for (rules in ``state.py``, storage in ``memory.py``), but nothing in
it is fiscal: registration data and signs are made up, and ``Registration.fiscal_device`` is False.

Methods are synchronous and come from one thread; ``register.py`` is the asynchronous driver.
"""

from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.compose_reports import (
    close_shift_body,
    current_state_body,
    open_shift_body,
    registration_body,
)
from kkt_adapter.fiscal.ffd.tlv import Element, TlvError, decode
from kkt_adapter.fiscal.kkt.driver import ExchangeStatus, KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_receipt
from kkt_adapter.fiscal.kkt.virtual import state as rules
from kkt_adapter.fiscal.kkt.virtual.documents import Scribe, SignedDocument, read_code, read_document
from kkt_adapter.fiscal.kkt.virtual.memory import FnMemory
from kkt_adapter.fiscal.kkt.virtual.records import RecordedDocument, StoredConfirmation, ZReport
from kkt_adapter.fiscal.kkt.virtual.refusals import (
    BAD_VALUE,
    TOO_LARGE,
    WRONG_STATE,
    check_receipt,
    damaged,
    fn_blocked,
    refuse,
    refuse_contents,
    refuse_reply,
    shift_expired,
)
from kkt_adapter.fiscal.kkt.virtual.state import Blocked, FnLimits, FnState
from kkt_adapter.fiscal.kkt.virtual.totals import RegisterTotals, shift_totals
from kkt_adapter.fiscal.model import (
    Cashier,
    DocumentCode,
    FiscalDocument,
    OfdMessage,
    Receipt,
    ReceiptKind,
    Registration,
    ShiftReport,
    ShiftTotals,
)
from kkt_adapter.fiscal.ofd.frame import FrameError, parse_message, read_confirmation
from kkt_adapter.kernel.clock import Clock

CAPACITY = 1_000_000  # documents; made up, real models hold fewer
LIFE_DAYS = 1110  # days from registration; one of the lives real FNs have
INSTALLER = Cashier(name="Администратор")  # who registers a virtual register; made up


class VirtualFn:
    """One FN in one file. ``registration`` is what a new FN begins with; a file that exists keeps its own.

    ``keeps_queue`` False (the operator is reached over HTTP): documents need no confirmation. ``fsync`` as in
    ``FnStore.open``. ``zone`` is that of the wall clock in documents. ``database``: see ``FnStore.mark``.

    Every method may raise KktUnavailable: not open, or the file cannot be used now; nothing was done.
    """

    def __init__(
        self,
        path: Path,
        *,
        registration: Registration,
        clock: Clock,
        zone: tzinfo,
        fsync: bool = True,
        keeps_queue: bool = True,
        capacity: int = CAPACITY,
        life_days: int = LIFE_DAYS,
        database: str | None = None,
    ) -> None:
        self.path = path
        self._new_registration = registration
        self._clock = clock
        self._zone = zone
        self._keeps_queue = keeps_queue
        self._capacity = capacity
        self._life_days = life_days
        self._memory = FnMemory(path, fsync=fsync, initial=self._begin, database=database)

    def open(self) -> Registration:
        """Take the file; begin the FN if there never was one of that name. May be called twice.

        Raises:
            KktUnavailable: another process holds it (``holder_pid``), or the file is lost or damaged.
        """
        self._memory.open()
        return self._memory.registration

    def monotonic(self) -> float:
        """Seconds of the clock that its documents are dated by."""
        return self._clock.monotonic()

    def close(self) -> None:
        """Give the file back. May be called twice."""
        self._memory.close()

    def status(self, *, condition: KktState, forced: Blocked | None = None) -> KktStatus:
        """``condition`` is the printer's, ``forced`` a reason to be blocked that a fault has set."""
        self._memory.rest()
        state, wall, limits = self._memory.ready(), self._wall(), self._memory.limits
        return KktStatus(
            state=condition,
            blocked=forced or rules.blocked(state, limits, wall),
            fn_number=self._memory.registration.fn_number,
            fd_number=state.fd_number,
            shift_state=rules.shift_state(state, wall),
            shift_number=state.shift_number,
            shift_opened_at=state.shift_opened_at,
            receipts_in_shift=state.receipts_in_shift,
            clock=max(wall, state.clock),
            unsent_count=state.unsent,
            first_unsent_number=state.first_unsent_number,
            first_unsent_at=state.first_unsent_at,
            fn_valid_until=limits.valid_until,
            documents_left=rules.documents_left(state, limits),
        )

    def x_report(self) -> ShiftTotals:
        state = self._memory.ready()
        return shift_totals(
            state.shift_totals, shift_number=state.shift_number, opened_at=state.shift_opened_at
        )

    def move_cash(self, amount_kop: int) -> None:
        """Count a movement; there is no drawer whose content could contradict it."""
        self._memory.count_cash(into=amount_kop >= 0)

    def cash_counts(self) -> tuple[int, int]:
        return self._memory.cash_counts()

    def document(self, fd_number: int) -> FiscalDocument | None:
        """Read back from the stored bytes, not from any notes beside them."""
        stored = self._memory.document(fd_number)
        if stored is None:
            return None
        try:
            return read_document(stored.message, confirmed=fd_number <= self._memory.state.confirmed)
        except (FrameError, TlvError, ValueError) as error:
            raise damaged(self.path, f"document {fd_number}: {error}") from error

    def shift_report(self, fd_number: int) -> ShiftReport | None:
        kept = self._memory.z_report(fd_number)
        document = None if kept is None else self.document(fd_number)
        if kept is None or document is None:
            return None
        totals = shift_totals(kept.totals, shift_number=document.shift_number, opened_at=kept.opened_at)
        return ShiftReport(document=document, totals=totals)

    def message(self, fd_number: int) -> bytes | None:
        """A document as it goes to the operator; None when the FN holds no such number."""
        stored = self._memory.document(fd_number)
        return None if stored is None else stored.message

    def tags(self, fd_number: int) -> tuple[Element, ...] | None:
        """The elements of a document; None when the FN holds no such number."""
        message = self.message(fd_number)
        container = None if message is None else parse_message(message).container
        return None if container is None else decode(container.document)[0].children

    def stats(self) -> tuple[RegisterTotals, RegisterTotals]:
        """Sums of the open or last shift, and of the whole FN."""
        state = self._memory.ready()
        return state.shift_totals, state.fn_totals

    def confirmation(self, fd_number: int) -> StoredConfirmation | None:
        """What the operator has said about a document; None when it has said nothing (yet)."""
        return self._memory.confirmation(fd_number)

    def open_shift(self, cashier: Cashier, *, term: int, forced: Blocked | None = None) -> FiscalDocument:
        """Raises LeaseLost, KktBlocked, KktRefused, KktOutcomeUnknown."""
        self._memory.fence(term)
        state, wall = self._memory.state, self._wall()
        self._refuse_when_blocked(state, wall, forced)
        if state.shift_open:
            refuse(WRONG_STATE, "A shift is open already.", "Смена уже открыта.")
        after = rules.with_open_shift(self._with_document(state, wall))
        flags = rules.flags(state, self._memory.limits, wall)
        try:
            body = open_shift_body(self._memory.registration, cashier=cashier, flags=flags)
        except TlvError as error:
            refuse_contents(error)
        return self._make(DocumentCode.OPEN_SHIFT, after, body)

    def close_shift(self, cashier: Cashier, *, term: int) -> ShiftReport:
        """Possible in every blocked state. Raises LeaseLost, KktRefused, KktOutcomeUnknown."""
        self._memory.fence(term)
        state, wall, limits = self._memory.state, self._wall(), self._memory.limits
        if not state.shift_open or state.shift_opened_at is None:
            refuse(WRONG_STATE, "No shift is open.", "Смена не открыта.")
        after = rules.with_closed_shift(self._with_document(state, wall))
        try:
            body = close_shift_body(
                self._memory.registration,
                cashier=cashier,
                receipt_count=state.receipts_in_shift,
                document_count=after.fd_number - state.shift_first_fd + 1,
                unsent_count=state.unsent,
                first_unsent_at=state.first_unsent_at,
                flags=rules.flags(state, limits, wall),
                shift_counters=state.shift_totals.counters(),
                fn_counters=state.fn_totals.counters(),
                key_resource_days=rules.days_left(state, limits, wall),
            )
        except TlvError as error:
            refuse_contents(error)
        kept = ZReport(opened_at=state.shift_opened_at, totals=state.shift_totals)
        document = self._make(DocumentCode.CLOSE_SHIFT, after, body, z_report=kept)
        totals = shift_totals(kept.totals, shift_number=state.shift_number, opened_at=kept.opened_at)
        return ShiftReport(document=document, totals=totals)

    def report_state(self) -> FiscalDocument:
        """Document 21. Only device emulators are asked for it; nothing in it needs a shift."""
        state, facts = self._memory.ready(), self._memory.registration
        counted, first = state.fn_totals.counters(), state.first_unsent_at
        body = current_state_body(
            facts, unsent_count=state.unsent, first_unsent_at=first, fn_counters=counted
        )
        return self._make(DocumentCode.CURRENT_STATE, self._with_document(state, self._wall()), body)

    def fiscalize(
        self, receipt: Receipt, *, term: int, forced: Blocked | None = None, body: bytes | None = None
    ) -> FiscalDocument:
        """``body``: the document's own elements, from a device emulator that has put them together.

        Raises LeaseLost, KktBlocked, ShiftExpired, KktRefused, KktOutcomeUnknown.
        """
        self._memory.fence(term)
        state, wall, registration = self._memory.state, self._wall(), self._memory.registration
        self._refuse_when_blocked(state, wall, forced)
        match rules.shift_state(state, wall):
            case ShiftState.CLOSED:
                refuse(WRONG_STATE, "No shift is open.", "Смена не открыта.")
            case ShiftState.EXPIRED:
                raise shift_expired(state.shift_number)
        check_receipt(receipt, registration)
        try:
            after = rules.with_receipt(
                state, rules.fiscal_time(state, wall), receipt, waits=self._waits(registration)
            )
            contents = receipt_body(receipt, registration) if body is None else body
        except OverflowError as error:
            refuse(BAD_VALUE, f"Not possible: {error}.", "Суммы не помещаются в счётчики ФН.")
        except TlvError as error:
            refuse_contents(error)
        code = DocumentCode.CORRECTION if receipt.kind is ReceiptKind.CORRECTION else DocumentCode.RECEIPT
        return self._make(code, after, contents, receipt=receipt)

    def exchange_status(self) -> ExchangeStatus:
        state = self._memory.ready()
        return ExchangeStatus(
            fn_number=self._memory.registration.fn_number,
            unsent_count=state.unsent,
            first_unsent_number=state.first_unsent_number,
            first_unsent_at=state.first_unsent_at,
            last_fd_number=state.fd_number,
        )

    def read_message(self) -> OfdMessage | None:
        """The oldest document without a confirmation: the same bytes every time, until it is confirmed."""
        number = self._memory.ready().first_unsent_number
        stored = None if number is None else self._memory.waiting_document(number)
        if stored is None:
            return None
        return OfdMessage(
            fn_number=self._memory.registration.fn_number,
            fd_number=stored.fd_number,
            code=read_code(stored.message),
            raw=stored.message,
        )

    def accept_reply(self, reply: bytes) -> None:
        """Take the operator's confirmation of the document that waits; the next one moves up.

        Checked as an FN does (ofd-protocol.md, Answer), but for the operator's sign: there is no key.

        Raises:
            KktRefused: 0x20 with ``reason``; nothing has changed. A late second confirmation ends so, too.
        """
        number = self._memory.ready().first_unsent_number
        if number is None:
            refuse_reply("nothing_waits", "no document waits for a confirmation")
        try:
            confirmation = read_confirmation(
                reply, fn_number=self._memory.registration.fn_number, fd_number=number
            )
        except FrameError as error:
            refuse_reply(str(error.reason), str(error))
        self._memory.confirm(
            StoredConfirmation(
                fd_number=number,
                replied_at=confirmation.replied_at,
                response_code=confirmation.response_code,
                operator_sign=confirmation.operator_sign,
                ofd_inn=confirmation.ofd_inn,
                reply=reply,
            )
        )

    def _begin(self) -> tuple[Registration, FnLimits, RecordedDocument, FnState]:
        """Document 1: the registration report."""
        registration, wall = self._new_registration, self._wall()
        made_at = wall.replace(second=0, microsecond=0)
        body = registration_body(registration, cashier=INSTALLER, key_resource_days=self._life_days)
        signed = Scribe(registration).write(
            DocumentCode.REGISTRATION, fd_number=1, made_at=made_at, body=body
        )
        waits = self._waits(registration)
        state = FnState(
            fd_number=1,
            clock=made_at,
            confirmed=0 if waits else 1,
            first_unsent_at=made_at if waits else None,
            shift_totals=RegisterTotals.zero(),
            fn_totals=RegisterTotals.zero(),
        )
        valid_until = (wall + timedelta(days=self._life_days)).date()
        limits = FnLimits(capacity=self._capacity, valid_until=valid_until)
        first = RecordedDocument(fd_number=1, made_at=made_at, message=signed.message)
        return registration, limits, first, state

    def _make(
        self,
        code: DocumentCode,
        after: FnState,
        body: bytes,
        *,
        receipt: Receipt | None = None,
        z_report: ZReport | None = None,
    ) -> FiscalDocument:
        """Sign the document that leads to the state ``after``, and store both."""
        receipt_number = None if receipt is None else after.receipts_in_shift
        signed = self._sign(code, after, body, receipt_number)
        self._memory.append(signed.message, after, z_report=z_report)
        return FiscalDocument(
            fn_number=self._memory.registration.fn_number,
            fd_number=after.fd_number,
            code=code,
            fiscal_sign=signed.fiscal_sign,
            fiscalized_at=after.clock,
            shift_number=after.shift_number,
            receipt_number=receipt_number,
            operation=None if receipt is None else receipt.operation,
            total_kop=None if receipt is None else receipt.total_kop,
            key=None if receipt is None else key_in_receipt(receipt),
            confirmed=not after.unsent,
            tlv=signed.document,
        )

    def _sign(
        self, code: DocumentCode, after: FnState, body: bytes, receipt_number: int | None
    ) -> SignedDocument:
        try:
            return self._memory.scribe.write(
                code,
                fd_number=after.fd_number,
                made_at=after.clock,
                body=body,
                shift_number=after.shift_number,
                receipt_number=receipt_number,
            )
        except (TlvError, FrameError) as error:
            refuse(TOO_LARGE, f"The document is too large: {error}.", f"Документ слишком велик: {error}.")

    def _with_document(self, state: FnState, wall: datetime) -> FnState:
        waits = self._waits(self._memory.registration)
        return rules.with_document(state, rules.fiscal_time(state, wall), waits=waits)

    def _refuse_when_blocked(self, state: FnState, wall: datetime, forced: Blocked | None) -> None:
        reason = forced or rules.blocked(state, self._memory.limits, wall)
        if reason is not None:
            raise fn_blocked(reason, self._memory.registration.fn_number)

    def _waits(self, registration: Registration) -> bool:
        return self._keeps_queue and not registration.offline_mode

    def _wall(self) -> datetime:
        return self._clock.now().astimezone(self._zone).replace(tzinfo=None)
