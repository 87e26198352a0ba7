"""A register's status put together from the answers to five questions in one job; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from kkt_adapter.fiscal.kkt.atol import documents, words
from kkt_adapter.fiscal.kkt.atol.values import (
    BadAtolAnswer,
    flag,
    moment,
    money,
    optional_moment,
    optional_whole,
    section,
    text,
    whole,
)
from kkt_adapter.fiscal.kkt.driver import ExchangeStatus, KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.model import Baseline, ShiftTotals
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.money import Kopecks

SNAPSHOT: tuple[dict[str, Any], ...] = tuple(
    {"type": name}
    for name in ("getDeviceStatus", "getShiftStatus", "getFnInfo", "getFnStatus", "ofdExchangeStatus")
)
EXCHANGE = SNAPSHOT[2:]
SHIFT_LIMIT = timedelta(hours=24)
UNSENT_LIMIT = timedelta(days=30)
MEMORY_DOCUMENTS = 230_000  # what FNs hold, about; the register tells no number (inferred)
LEFT_WHEN_NEARLY_FULL = MEMORY_DOCUMENTS // 10
_NOT_YET = ("init", "configured")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtolSnapshot:
    """What the five answers say."""

    clock: datetime
    state: KktState
    shift_state: ShiftState
    shift_number: int
    expires_at: datetime | None
    fn: dict[str, Any]
    fn_number: str
    fd_number: int
    receipt_number: int
    exchange: ExchangeStatus

    @property
    def baseline(self) -> Baseline:
        return Baseline(fn_number=FnNumber(self.fn_number), fd_number=self.fd_number)

    @property
    def valid_until(self) -> date:
        return moment(self.fn, "validityDate").date()

    def blocked(self) -> str | None:
        """Why the FN makes no receipts, as ``KktStatus.blocked``."""
        phase = text(self.fn, "livePhase")
        if phase in _NOT_YET:
            return "NOT_REGISTERED"
        if phase and phase != "fiscalMode":
            return "FN_EXPIRED"
        if self.clock.date() > self.valid_until:
            return "FN_EXPIRED"
        since = self.exchange.first_unsent_at
        if since is not None and self.clock - since >= UNSENT_LIMIT:
            return "FN_UNSENT_LIMIT"
        return None

    def status(self, *, opened_at: datetime | None, open_document: bool) -> KktStatus:
        nearly_full = flag(self.fn.get("warnings"), "memoryOverflow")
        return KktStatus(
            state=self.state,
            blocked=self.blocked(),
            fn_number=FnNumber(self.fn_number),
            fd_number=self.fd_number,
            shift_state=self.shift_state,
            shift_number=self.shift_number,
            shift_opened_at=opened_at,
            receipts_in_shift=self.receipt_number,
            clock=self.clock,
            unsent_count=self.exchange.unsent_count,
            first_unsent_number=self.exchange.first_unsent_number,
            first_unsent_at=self.exchange.first_unsent_at,
            fn_valid_until=self.valid_until,
            documents_left=(
                LEFT_WHEN_NEARLY_FULL if nearly_full else max(MEMORY_DOCUMENTS - self.fd_number, 0)
            ),
            open_document=open_document,
        )


def read_snapshot(answers: Sequence[dict[str, Any] | None]) -> AtolSnapshot:
    """Answers to ``SNAPSHOT``, in order. Raises BadAtolAnswer."""
    device = section(answers[0], "deviceStatus")
    shift = section(answers[1], "shiftStatus")
    fn, fn_status = section(answers[2], "fnInfo"), section(answers[3], "fnStatus")
    state = words.SHIFT.get(text(shift, "state"))
    if state is None:
        raise BadAtolAnswer(f"state of the shift: {shift.get('state')!r}")
    return AtolSnapshot(
        clock=moment(device, "currentDateTime"),
        state=_state(device),
        shift_state=state,
        shift_number=optional_whole(shift, "number") or 0,
        expires_at=optional_moment(shift, "expiredTime"),
        fn=fn,
        fn_number=_serial(fn),
        fd_number=whole(fn_status, "fiscalDocumentNumber"),
        receipt_number=optional_whole(fn_status, "fiscalReceiptNumber") or 0,
        exchange=read_exchange(answers[2:]),
    )


def read_exchange(answers: Sequence[dict[str, Any] | None]) -> ExchangeStatus:
    """Answers to ``EXCHANGE``. Raises BadAtolAnswer."""
    fn, fn_status = section(answers[0], "fnInfo"), section(answers[1], "fnStatus")
    status = section(answers[2], "status")
    count = whole(status, "notSentCount")
    return ExchangeStatus(
        fn_number=FnNumber(_serial(fn)),
        unsent_count=count,
        first_unsent_number=optional_whole(status, "notSentFirstDocNumber") if count else None,
        first_unsent_at=optional_moment(status, "notSentFirstDocDateTime") if count else None,
        last_fd_number=whole(fn_status, "fiscalDocumentNumber"),
    )


def _serial(fn: dict[str, Any]) -> str:
    found = text(fn, "serial")
    if not found:
        raise BadAtolAnswer("the FN's number is missing")
    return found


def _state(device: dict[str, Any]) -> KktState:
    if flag(device, "coverOpened"):
        return KktState.COVER_OPEN
    if device.get("paperPresent") is False:
        return KktState.PAPER_OUT
    if flag(device, "blocked") or device.get("fnPresent") is False:
        return KktState.FAULT
    return KktState.READY


def read_totals(
    answer: dict[str, Any] | None, *, shift_number: int, opened_at: datetime | None, receipts: int
) -> ShiftTotals:
    """Totals of the open shift from getShiftTotals. Raises BadAtolAnswer."""
    totals = section(answer, "shiftTotals")
    gross = {name: documents.shift_sums(totals, name) for name in ("sell", "buyReturn", "sellReturn", "buy")}

    def net(*payments: str) -> int:
        return sum(
            sign * (money(gross[name][1], payment) or 0)
            for name, sign in (("sell", 1), ("buyReturn", 1), ("sellReturn", -1), ("buy", -1))
            for payment in payments
        )

    return ShiftTotals(
        shift_number=shift_number,
        opened_at=opened_at,
        receipt_count=receipts,
        sales_kop=Kopecks(gross["sell"][0] + gross["buyReturn"][0]),
        refunds_kop=Kopecks(gross["sellReturn"][0] + gross["buy"][0]),
        cash_kop=Kopecks(net("cash")),
        card_kop=Kopecks(net("electronically")),
        other_kop=Kopecks(net("prepaid", "credit", "other")),
    )
