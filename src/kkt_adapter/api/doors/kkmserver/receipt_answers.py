"""Answers about a receipt: of RegisterCheck, and of GetDataCheck."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.answers import STILL_RUNNING, Answer, Head, done, failed, running
from kkt_adapter.api.doors.kkmserver.receipt import KINDS, sum_shown
from kkt_adapter.api.doors.kkmserver.refusal import refused
from kkt_adapter.fiscal.control.presses import PressOutcome
from kkt_adapter.fiscal.intake.press_guard import PressState
from kkt_adapter.fiscal.model import PaymentKind, Receipt, ReceiptKind, VatRate
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import quantity_text

_SUMS: Final = (
    ("Cash", PaymentKind.CASH),
    ("ElectronicPayment", PaymentKind.CARD),
    ("AdvancePayment", PaymentKind.PREPAID),
    ("Credit", PaymentKind.CREDIT),
    ("CashProvision", PaymentKind.OTHER),
)
_TAX: Final[Mapping[VatRate, int]] = {
    VatRate.NONE: -1, VatRate.P0: 0, VatRate.P5: 5, VatRate.P7: 7, VatRate.P10: 10, VatRate.P20: 20,
    VatRate.P22: 22, VatRate.P5_105: 105, VatRate.P7_107: 107, VatRate.P10_110: 110, VatRate.P20_120: 120,
    VatRate.P22_122: 122,
}  # fmt: skip

_ASKED: Final = Text(
    "It is not known whether the receipt was printed: the person in charge is asked. Do not press again.",
    "Неизвестно, напечатан ли чек: решает ответственный сотрудник. Не пробивайте повторно.",
)
_REPEATED: Final = Text(
    "This command was carried out before; nothing was printed again.",
    "Команда уже выполнена раньше; повторно ничего не напечатано.",
)


def receipt_answer(
    head: Head,
    outcome: PressOutcome,
    *,
    repeated: bool,
    url: str = "",
    notes: tuple[Text, ...] = (),
    message: Text | None = None,
    **device: Any,
) -> Answer:
    """What a client gets of its receipt, final or not. ``device``: NumDevice, UnitName."""
    facts = {**device, "ReceiptId": outcome.receipt_id}
    match outcome.state:
        case PressState.DONE:
            said = [head.said(note) for note in notes]
            said += [head.said(warning.message) for warning in outcome.warnings]
            if repeated:
                said.insert(0, head.said(_REPEATED))
            shown = "" if message is None else head.said(message)
            document = document_of(outcome, url=url)
            return done(head, Warning=" ".join(said), Message=shown, **document, **facts)
        case PressState.REFUSED:
            cause = outcome.error or "-"
            return failed(
                head,
                refused(
                    "register_refused",
                    f"The register refused the receipt: {cause}. Nothing was printed; press again after the "
                    "cause is gone.",
                    f"Касса отказала: {cause}. Чек не напечатан; устраните причину и пробейте снова.",
                ),
                **facts,
            )
        case PressState.ASKED:
            return running(head, _ASKED, **facts)
        case PressState.UNDER_WAY:
            return running(head, _waiting(outcome), **facts)


def is_final(outcome: PressOutcome) -> bool:
    return outcome.state in (PressState.DONE, PressState.REFUSED)


def document_of(outcome: PressOutcome, *, url: str) -> dict[str, Any]:
    """Numbers of the document and the five sums."""
    doc = outcome.doc or {}
    return {
        "CheckNumber": doc.get("fiscal_doc_number"),
        "SessionNumber": doc.get("shift_number"),
        "SessionCheckNumber": doc.get("receipt_number"),
        "QRCode": doc.get("qr_code_data"),
        "URL": url,
        **paid(outcome.receipt),
    }


def paid(receipt: Receipt) -> dict[str, Decimal]:
    kinds = {payment.kind for payment in receipt.payments}
    return {name: sum_shown(receipt.paid_kop(kind) if kind in kinds else 0) for name, kind in _SUMS}


def register_check(outcome: PressOutcome) -> dict[str, Any]:
    """``RegisterCheck`` of GetDataCheck."""
    receipt, doc = outcome.receipt, outcome.doc or {}
    customer = receipt.customer
    return {
        "FiscalNumber": doc.get("fiscal_doc_number"),
        "FiscalDate": doc.get("fiscal_datetime"),
        "FiscalSign": doc.get("fiscal_sign"),
        "CheckType": _type_check(receipt),
        "CashierName": receipt.cashier.name or "",
        "CashierVATIN": receipt.cashier.inn or "",
        "TaxVariant": receipt.taxation.bit_length() - 1,
        "ClientAddress": "" if customer is None else customer.email or customer.phone or "",
        "SenderEmail": receipt.sender_email or "",
        "PlaceMarket": receipt.place or "",
        "Register": [
            {
                "Name": line.name,
                "Quantity": Decimal(quantity_text(line.quantity)),
                "Amount": sum_shown(line.amount_kop),
                "Tax": _TAX[line.vat],
            }
            for line in receipt.lines
        ],
        **paid(receipt),
        "AllSumm": sum_shown(receipt.total_kop),
    }


def _type_check(receipt: Receipt) -> int:
    corrected = receipt.operation.name.lower() if receipt.kind is ReceiptKind.CORRECTION else None
    return next(code for code, kind in KINDS.items() if kind == (receipt.kind.value, corrected))


def _waiting(outcome: PressOutcome) -> Text:
    if outcome.error is None:
        return STILL_RUNNING
    return Text(
        f"{STILL_RUNNING.en} The register says: {outcome.error}",
        f"{STILL_RUNNING.ru} Касса сообщает: {outcome.error}",
    )
