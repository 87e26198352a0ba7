"""The fiscal attributes of a printed receipt, as its row keeps them (``receipts.fiscal_doc``)."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.money import Kopecks, kopecks


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFiscalDoc:
    """``fiscalized_at`` is the register's wall clock, as in the document itself (tag 1012)."""

    fd_number: int
    fiscal_sign: str  # decimal digits (1077)
    fiscalized_at: datetime
    fn_number: FnNumber
    serial_number: str  # of the register (1013)
    registration_number: str  # of the register (1037)
    user_inn: str
    ofd_name: str
    shift_number: int
    receipt_number: int  # in the shift
    total_kop: Kopecks
    qr: str  # content of the QR code


def read_fiscal_doc(text: str) -> StoredFiscalDoc:
    """What ``printing/reply.py`` wrote."""
    doc = json.loads(text, parse_float=Decimal)
    return StoredFiscalDoc(
        fd_number=doc["fiscal_doc_number"],
        fiscal_sign=doc["fiscal_sign"],
        fiscalized_at=datetime.fromisoformat(doc["fiscal_datetime"]),
        fn_number=FnNumber(doc["fn_number"]),
        serial_number=doc["kkt_number"],
        registration_number=doc["rn_kkt"],
        user_inn=doc["inn"],
        ofd_name=doc["ofd_name"],
        shift_number=doc["shift_number"],
        receipt_number=doc["receipt_number"],
        total_kop=kopecks(doc["total"]),
        qr=doc["qr_code_data"],
    )
