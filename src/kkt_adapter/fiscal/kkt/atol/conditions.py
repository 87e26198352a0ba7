"""What must hold before a document is asked for, and what a document must be to be the one; pure."""

from collections.abc import Callable

from kkt_adapter.fiscal.kkt.atol.codes import SHIFT_IS_CLOSED, SHIFT_IS_OPEN
from kkt_adapter.fiscal.kkt.atol.snapshot import AtolSnapshot
from kkt_adapter.fiscal.kkt.driver import KktState, ShiftState
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_receipt
from kkt_adapter.fiscal.model import Baseline, DocumentCode, FiscalDocument, Receipt, ReceiptKind
from kkt_adapter.kernel.errors import KktBlocked, KktRefused, KktUnavailable, ShiftExpired, Text

Fits = Callable[[FiscalDocument, bool], bool]
"""A document and whether its job is an old one: is it what was asked for?"""

SALES = (DocumentCode.RECEIPT, DocumentCode.BSO)
CORRECTIONS = (DocumentCode.CORRECTION, DocumentCode.BSO_CORRECTION)
_STATES = {
    KktState.PAPER_OUT: Text("The register has no paper.", "В ККТ нет бумаги."),
    KktState.COVER_OPEN: Text("The cover of the register is open.", "Крышка ККТ открыта."),
}


def ensure_ready(look: AtolSnapshot) -> None:
    """Raises KktUnavailable: paper, cover, a fault."""
    if look.state is not KktState.READY:
        said = _STATES.get(look.state, Text("The register is out of order.", "ККТ неисправна."))
        raise KktUnavailable(said.en, said.ru, state=look.state.value)


def ensure_not_blocked(look: AtolSnapshot) -> None:
    """Raises KktBlocked: the FN makes no receipts."""
    reason = look.blocked()
    if reason is not None:
        raise KktBlocked(
            f"The FN makes no receipts: {reason}.", f"ФН не оформляет чеки: {reason}.", reason=reason
        )


def ensure_closed(look: AtolSnapshot) -> None:
    """Raises KktRefused: a shift is open."""
    if look.shift_state is not ShiftState.CLOSED:
        raise KktRefused("A shift is open already.", "Смена уже открыта.", device_code=SHIFT_IS_OPEN)


def ensure_open(look: AtolSnapshot) -> None:
    """Raises KktRefused: no shift is open. A receipt would open one by itself, as a document of its own."""
    if look.shift_state is ShiftState.CLOSED:
        raise KktRefused("No shift is open.", "Смена не открыта.", device_code=SHIFT_IS_CLOSED)


def ensure_young(look: AtolSnapshot) -> None:
    """Raises ShiftExpired: it is older than 24 hours."""
    if look.shift_state is ShiftState.EXPIRED:
        raise ShiftExpired(
            "The shift is older than 24 hours: close it with a Z report.",
            "Смена открыта более 24 часов: закройте её Z-отчётом.",
        )


def fits_report(code: DocumentCode, before: Baseline) -> Fits:
    return lambda document, _old: document.code is code and document.fd_number > before.fd_number


def fits_receipt(receipt: Receipt, before: Baseline) -> Fits:
    """Kind, operation, sum and key; and newer than the look before, unless its job is an old one whose key
    says that it is this receipt. Without a key it must be the very next document."""
    key = key_in_receipt(receipt)
    kinds = CORRECTIONS if receipt.kind is ReceiptKind.CORRECTION else SALES

    def fits(document: FiscalDocument, old: bool) -> bool:
        alike = (
            document.code in kinds
            and document.operation is receipt.operation
            and document.total_kop == receipt.total_kop
            and document.key == key
        )
        if key is None:
            return alike and document.fd_number == before.fd_number + 1
        return alike and (old or document.fd_number > before.fd_number)

    return fits
