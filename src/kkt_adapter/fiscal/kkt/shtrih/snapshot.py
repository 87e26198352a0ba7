"""A device's status put together from its answers; pure but for finding when the shift was opened."""

from datetime import date, datetime, timedelta

from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.kkt.shtrih import modes
from kkt_adapter.fiscal.kkt.shtrih.answers import Exchange, FnStatus, FullStatus
from kkt_adapter.fiscal.kkt.shtrih.answers import FnShift as FnShift
from kkt_adapter.fiscal.kkt.shtrih.archive import find
from kkt_adapter.fiscal.kkt.shtrih.session import Session
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.kernel.ids import FnNumber

FISCAL_MODE = 3  # phase of FF01
UNSENT_LIMIT = timedelta(days=30)  # FN error 15h
MEMORY_NEARLY_FULL = 1 << 2  # warning of FF01: 90 % used
MEMORY_DOCUMENTS = 230_000  # what FNs hold, about; the device tells no number of its own (inferred)
LEFT_WHEN_NEARLY_FULL = MEMORY_DOCUMENTS // 10
READ_BACK = 300  # documents looked through for the one that opened the shift


def status_of(
    full: FullStatus,
    fn: FnStatus,
    shift: FnShift,
    exchange: Exchange,
    *,
    opened_at: datetime | None,
    valid_until: date,
) -> KktStatus:
    mode = modes.mode_of(full.mode)
    nearly_full = bool(fn.warnings & MEMORY_NEARLY_FULL)
    return KktStatus(
        state=_state(full),
        blocked=blocked(full, fn, exchange, valid_until),
        fn_number=FnNumber(fn.fn_number),
        fd_number=fn.fd_number,
        shift_state=_shift(mode, shift),
        shift_number=shift.number,
        shift_opened_at=opened_at,
        receipts_in_shift=shift.receipt_number,
        clock=full.clock,
        unsent_count=exchange.queue,
        first_unsent_number=exchange.first_fd,
        first_unsent_at=exchange.first_at,
        fn_valid_until=valid_until,
        documents_left=LEFT_WHEN_NEARLY_FULL if nearly_full else max(MEMORY_DOCUMENTS - fn.fd_number, 0),
        open_document=mode == modes.DOCUMENT_OPEN or bool(fn.document),
    )


def _state(full: FullStatus) -> KktState:
    match full.sub_mode:
        case modes.NO_PAPER | modes.NO_PAPER_PRINTING:
            return KktState.COVER_OPEN if full.flags & modes.FLAG_COVER_OPEN else KktState.PAPER_OUT
        case modes.PRINTING | modes.PRINTING_REPORT | modes.WAITS_FOR_CONTINUE:
            return KktState.BUSY
    return KktState.BUSY if modes.mode_of(full.mode) in modes.PRINTING_REPORTS else KktState.READY


def _shift(mode: int, shift: FnShift) -> ShiftState:
    if not shift.open:
        return ShiftState.CLOSED
    return ShiftState.EXPIRED if mode == modes.SHIFT_EXPIRED else ShiftState.OPEN


def blocked(full: FullStatus, fn: FnStatus, exchange: Exchange, valid_until: date) -> str | None:
    """Why the FN makes no receipts, as ``KktStatus.blocked``."""
    if fn.phase != FISCAL_MODE:
        return "NOT_REGISTERED" if fn.phase < FISCAL_MODE else "FN_EXPIRED"
    if full.clock.date() > valid_until:
        return "FN_EXPIRED"
    if exchange.first_at is not None and full.clock - exchange.first_at >= UNSENT_LIMIT:
        return "FN_UNSENT_LIMIT"
    return None


class Openings:
    """When the shift was opened: no command tells, but the document that opened it does."""

    def __init__(self, session: Session, *, password: int) -> None:
        self._session = session
        self._password = password
        self._known: tuple[str, int, datetime, int] | None = None  # FN, shift, time, document

    async def opened_at(self, fn: FnStatus, shift: FnShift) -> datetime | None:
        """Searches backwards from where a shift of receipts alone would have begun. None: not found."""
        if not shift.number:
            return None
        if self._known is not None and self._known[:2] == (fn.fn_number, shift.number):
            return self._known[2]
        guess = fn.fd_number - shift.receipt_number - (0 if shift.open else 1)
        for number in range(guess, max(guess - READ_BACK, 0), -1):
            found = await find(self._session, self._password, number)
            if found is None:
                return None
            if found.code == DocumentCode.OPEN_SHIFT and found.shift_number == shift.number:
                self._known = (fn.fn_number, shift.number, found.made_at, number)
                return found.made_at
        return None
