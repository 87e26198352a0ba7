"""Slips for tests."""

from datetime import datetime

from tests.support.receipts import a_registration, a_sale

from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Receipt, ReceiptKind, Registration
from kkt_adapter.fiscal.queries.documents import composed
from kkt_adapter.fiscal.slip import Slip
from kkt_adapter.fiscal.store import receipt_json


def a_document(receipt: Receipt) -> FiscalDocument:
    corrected = receipt.kind is ReceiptKind.CORRECTION
    return FiscalDocument(
        fn_number=a_registration().fn_number,
        fd_number=13,
        code=DocumentCode.CORRECTION if corrected else DocumentCode.RECEIPT,
        fiscal_sign=439_041_101,
        fiscalized_at=datetime(2026, 3, 2, 12, 0),  # noqa: DTZ001 - wall clock
        shift_number=1,
        receipt_number=7,
        operation=receipt.operation,
        total_kop=receipt.total_kop,
    )


def a_slip(receipt: Receipt | None = None, *, registration: Registration | None = None) -> Slip:
    """Of a virtual register, unless another registration is given."""
    receipt = receipt or a_sale()
    registration = registration or a_registration(fiscal_device=False)
    tlv = composed(a_document(receipt), receipt_json.dump(receipt), registration)
    return Slip(tlv=tlv, registration=registration)
