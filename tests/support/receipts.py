"""Builders of receipts and registers for tests: every value valid and made up, any field replaceable.

``a_request()`` is the smallest request a till can send (one line of 100.00 paid in cash); ``a_sale()`` is
the complete receipt that the demonstration register makes of it.
"""

from datetime import date
from typing import Any

from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    FfdVersion,
    Line,
    LineRequest,
    Operation,
    Payment,
    PaymentKind,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    RegisterDefaults,
    RegisterProfile,
    Registration,
    VatRate,
)
from kkt_adapter.kernel.errors import ReceiptInvalid, Violation
from kkt_adapter.kernel.ids import FnNumber, PosId, ReceiptId, RegisterId
from kkt_adapter.kernel.money import ONE, Kopecks

POS = PosId("POS-001")
REGISTER = RegisterId("kkt-1")
RECEIPT = ReceiptId("01890a5d-ac96-774b-bcce-b302099a8057")
KEY = "BNVGYURPBZHUXH2V"
CASHIER_INN = "500100732259"  # valid check digits
BUYER_INN = "7707083893"  # likewise
IDEMPOTENCY_KEY = "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"
SETTLEMENT_DAY = date(2026, 3, 14)


def a_line_request(**changes: Any) -> LineRequest:
    fields: dict[str, Any] = {"name": "Test", "price_kop": Kopecks(10_000), "quantity": ONE}
    return LineRequest(**(fields | changes))


def a_payment(amount_kop: int = 10_000, kind: PaymentKind = PaymentKind.CASH) -> Payment:
    return Payment(kind=kind, amount_kop=Kopecks(amount_kop))


def a_correction(**changes: Any) -> Correction:
    fields: dict[str, Any] = {
        "by_order": False,
        "date": date(2026, 3, 1),
        "number": None,
        "operation": Operation.SALE,
    }
    return Correction(**(fields | changes))


def a_request(**changes: Any) -> ReceiptRequest:
    fields: dict[str, Any] = {
        "pos_id": POS,
        "kind": ReceiptKind.SALE,
        "lines": (a_line_request(),),
        "payments": (a_payment(),),
    }
    return ReceiptRequest(**(fields | changes))


def a_line(**changes: Any) -> Line:
    fields: dict[str, Any] = {
        "name": "Test",
        "price_kop": Kopecks(10_000),
        "quantity": ONE,
        "amount_kop": Kopecks(10_000),
        "vat": VatRate.NONE,
        "vat_kop": Kopecks(0),
        "subject": 1,
        "method": 4,
        "measure": 0,
        "unit": "шт",
    }
    return Line(**(fields | changes))


def a_sale(**changes: Any) -> Receipt:
    """A complete receipt; its total and one cash payment follow from ``lines`` unless they are given."""
    lines: tuple[Line, ...] = changes.get("lines", (a_line(),))
    total_kop = Kopecks(changes.get("total_kop", sum(line.amount_kop for line in lines)))
    fields: dict[str, Any] = {
        "id": RECEIPT,
        "key": KEY,
        "register_id": REGISTER,
        "pos_id": POS,
        "kind": ReceiptKind.SALE,
        "operation": Operation.SALE,
        "lines": lines,
        "payments": (a_payment(total_kop),),
        "total_kop": total_kop,
        "taxation": 1,
        "cashier": Cashier(name="Кассир"),
        "ffd_version": FfdVersion.V1_2,
        "additional_attribute": KEY,
    }
    return Receipt(**(fields | changes))


def a_registration(**changes: Any) -> Registration:
    """A register on FFD 1.2; its registration number has a valid check part for its INN and serial number."""
    fields: dict[str, Any] = {
        "fn_number": FnNumber("9999078902013267"),
        "registration_number": "0000000005008570",
        "serial_number": "000000000002",
        "user_inn": "7702203276",
        "user_name": 'ООО "Ромашка"',
        "address": "г. Москва, ул. Лесная, д. 1",
        "place": "Касса POS-001",
        "taxation_mask": 1,
        "ffd_version": FfdVersion.V1_2,
        "ofd_name": "Тестовый ОФД",
        "ofd_inn": "7704358518",
        "fns_site": "www.nalog.gov.ru",
        "sender_email": "demo@example.com",
        "kkt_version": "1.0",
    }
    return Registration(**(fields | changes))


def some_defaults(**changes: Any) -> RegisterDefaults:
    fields: dict[str, Any] = {"cashier": "Кассир"}
    return RegisterDefaults(**(fields | changes))


def a_profile(
    *,
    registration: Registration | None = None,
    defaults: RegisterDefaults | None = None,
    register_id: RegisterId = REGISTER,
) -> RegisterProfile:
    return RegisterProfile(
        register_id=register_id,
        registration=registration or a_registration(),
        defaults=defaults or some_defaults(),
    )


def checked(
    request: ReceiptRequest, profile: RegisterProfile | None = None, *, today: date = SETTLEMENT_DAY
) -> Checked:
    """What ``complete`` makes of the request on the demonstration register."""
    return complete(
        request,
        receipt_id=RECEIPT,
        idempotency_key=IDEMPOTENCY_KEY,
        profile=profile or a_profile(),
        today=today,
    )


def refusals(
    request: ReceiptRequest, profile: RegisterProfile | None = None, *, today: date = SETTLEMENT_DAY
) -> tuple[Violation, ...]:
    """The violations of a request, none if it is accepted."""
    try:
        checked(request, profile, today=today)
    except ReceiptInvalid as error:
        return error.violations
    return ()
