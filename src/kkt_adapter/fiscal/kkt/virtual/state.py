"""Where a virtual FN stands, and the rules that follow from it. Pure: no file, no clock of its own.

All times are the register's wall clock (naive). A state is replaced, never changed, and the new one counts
only once it is stored.

Source of limits and flags: docs/reference/ofd-protocol.md, sections FN side and Delivery rules.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from kkt_adapter.fiscal.ffd.compose_reports import FnFlags
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.virtual.totals import RegisterTotals, plus_both
from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.kernel.quick import quickly_made

SHIFT_LIMIT = timedelta(hours=24)  # FN error 0x16
UNSENT_LIMIT = timedelta(days=30)  # FN error 0x15
UNSENT_FLAG = timedelta(days=2)  # 1053
REPLACE_SOON_DAYS = 30  # 1050
REPLACE_NOW_DAYS = 3  # 1051
MEMORY_FLAG_SHARE = 99  # 1052: percent of the document memory in use
RESERVE_DOCUMENTS = 1  # kept free, so that the open shift can still be closed when the memory is full
MAX_FD_NUMBER = 0xFFFFFF  # 24 bits in the container header


class Blocked(StrEnum):
    """Why an FN makes no receipts and opens no shift; closing the open one stays possible."""

    FN_FULL = "FN_FULL"
    FN_EXPIRED = "FN_EXPIRED"
    FN_UNSENT_LIMIT = "FN_UNSENT_LIMIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class FnLimits:
    """What an FN was made for."""

    capacity: int  # documents
    valid_until: date  # the last day on which receipts are made


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class FnState:
    fd_number: int  # last document
    clock: datetime  # its time: no later document is older
    shift_number: int = 0  # the open or last shift; 0: none ever
    shift_open: bool = False
    shift_opened_at: datetime | None = None
    shift_first_fd: int = 0  # the document that opened it
    receipts_in_shift: int = 0  # receipts and corrections: the last number of tag 1042
    confirmed: int  # every document up to this number is confirmed or needs no confirmation
    first_unsent_at: datetime | None  # time of document ``confirmed + 1``; None: nothing waits
    shift_totals: RegisterTotals
    fn_totals: RegisterTotals

    @property
    def unsent(self) -> int:
        """How many documents wait for a confirmation."""
        return self.fd_number - self.confirmed

    @property
    def first_unsent_number(self) -> int | None:
        return self.confirmed + 1 if self.fd_number > self.confirmed else None


def fiscal_time(state: FnState, wall: datetime) -> datetime:
    """The time that the next document carries: whole minutes, never before the last document."""
    return max(wall.replace(second=0, microsecond=0), state.clock)


def shift_state(state: FnState, wall: datetime) -> ShiftState:
    """A shift is over when 24 hours have gone by since the time in its opening document."""
    if not state.shift_open or state.shift_opened_at is None:
        return ShiftState.CLOSED
    over = max(wall, state.clock) - state.shift_opened_at >= SHIFT_LIMIT
    return ShiftState.EXPIRED if over else ShiftState.OPEN


def blocked(state: FnState, limits: FnLimits, wall: datetime) -> Blocked | None:
    if documents_left(state, limits) <= (RESERVE_DOCUMENTS if state.shift_open else 2 * RESERVE_DOCUMENTS):
        return Blocked.FN_FULL
    now = max(wall, state.clock)
    if now.date() > limits.valid_until:
        return Blocked.FN_EXPIRED
    if state.first_unsent_at is not None and now - state.first_unsent_at >= UNSENT_LIMIT:
        return Blocked.FN_UNSENT_LIMIT
    return None


def documents_left(state: FnState, limits: FnLimits) -> int:
    return max(min(limits.capacity, MAX_FD_NUMBER) - state.fd_number, 0)


def days_left(state: FnState, limits: FnLimits, wall: datetime) -> int:
    """Whole days until the end of the FN's life; 0 once it is over."""
    return max((limits.valid_until - max(wall, state.clock).date()).days, 0)


def flags(state: FnState, limits: FnLimits, wall: datetime) -> FnFlags:
    """Tags 1050-1053 of shift reports."""
    waiting = state.first_unsent_at
    return FnFlags(
        keys_end_soon=days_left(state, limits, wall) < REPLACE_SOON_DAYS,
        replace_now=days_left(state, limits, wall) < REPLACE_NOW_DAYS,
        memory_full=state.fd_number * 100 >= limits.capacity * MEMORY_FLAG_SHARE,
        operator_silent=waiting is not None and max(wall, state.clock) - waiting > UNSENT_FLAG,
    )


def with_document(state: FnState, made_at: datetime, *, waits: bool) -> FnState:
    """One more document. ``waits`` is False where documents are not for the operator; the order of the queue
    is kept all the same: behind a document that waits, every document waits."""
    confirmed, first_unsent_at = _queue_after(state, made_at, waits=waits)
    return replace(
        state,
        fd_number=state.fd_number + 1,
        clock=made_at,
        confirmed=confirmed,
        first_unsent_at=first_unsent_at,
    )


def with_receipt(state: FnState, made_at: datetime, receipt: Receipt, *, waits: bool) -> FnState:
    """One more document, which is this receipt or correction.

    Raises:
        OverflowError: the sums of shift or FN would outgrow their counters.
    """
    confirmed, first_unsent_at = _queue_after(state, made_at, waits=waits)
    shift_totals, fn_totals = plus_both(state.shift_totals, state.fn_totals, receipt)
    return FnState(  # written out, not ``replace``: this is done for every receipt
        fd_number=state.fd_number + 1,
        clock=made_at,
        shift_number=state.shift_number,
        shift_open=state.shift_open,
        shift_opened_at=state.shift_opened_at,
        shift_first_fd=state.shift_first_fd,
        receipts_in_shift=state.receipts_in_shift + 1,
        confirmed=confirmed,
        first_unsent_at=first_unsent_at,
        shift_totals=shift_totals,
        fn_totals=fn_totals,
    )


def with_open_shift(state: FnState) -> FnState:
    """The document just added has opened a shift."""
    return replace(
        state,
        shift_number=state.shift_number + 1,
        shift_open=True,
        shift_opened_at=state.clock,
        shift_first_fd=state.fd_number,
        receipts_in_shift=0,
        shift_totals=RegisterTotals.zero(),
    )


def with_closed_shift(state: FnState) -> FnState:
    """The document just added has closed the shift; its sums stay until the next one opens."""
    return replace(state, shift_open=False)


def with_confirmation(state: FnState, next_made_at: datetime | None) -> FnState:
    """The oldest waiting document is confirmed; ``next_made_at`` is the time of the one behind it."""
    return replace(state, confirmed=state.confirmed + 1, first_unsent_at=next_made_at)


def _queue_after(state: FnState, made_at: datetime, *, waits: bool) -> tuple[int, datetime | None]:
    if state.first_unsent_at is not None:
        return state.confirmed, state.first_unsent_at
    return (state.confirmed, made_at) if waits else (state.fd_number + 1, None)
