"""What a till reads: the receipt's answer and its ``fiscal_doc``, as JSON text (http-api.md#receipts).

Built once, stored with the key, and sent again byte for byte; so nothing here depends on the time of
asking, except in the ``buffered`` form.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from kkt_adapter.fiscal.model import FiscalDocument, Receipt, ReceiptWarning, Registration
from kkt_adapter.fiscal.slip.qr import qr_text
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.kernel.money import rubles
from kkt_adapter.kernel.quick import quickly_made

_text = json.encoder.encode_basestring  # one text, not escaped to ASCII


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the receipt stood when it was accepted."""

    stamp: HybridTimestamp
    queue_position: int


def fiscal_doc(document: FiscalDocument, receipt: Receipt, registration: Registration) -> str:
    """The member ``fiscal_doc``; ``fiscal_datetime`` is the register's wall clock."""
    number, sign = document.fd_number, str(document.fiscal_sign)
    return (
        f'{{"fiscal_doc_number":{number},"fiscal_sign":"{sign}",'
        f'"fiscal_datetime":"{document.fiscalized_at.isoformat()}","fn_number":"{document.fn_number}",'
        f'"kkt_number":{_text(registration.serial_number)},"rn_kkt":{_text(registration.registration_number)},'
        f'"inn":"{registration.user_inn}","ofd_name":{_text(registration.ofd_name)},'
        f'"shift_number":{document.shift_number},"receipt_number":{document.receipt_number or 0},'
        f'"total":{rubles(receipt.total_kop)},"qr_code_data":{_text(qr_text(document, receipt))},'
        f'"fiscalDocumentNumber":{number},"fiscalSign":"{sign}"}}'
    )


def printed(
    document: FiscalDocument, receipt: Receipt, place: Place, *, doc: str, warnings: Sequence[ReceiptWarning]
) -> str:
    """The answer of a printed receipt."""
    return _answer(
        "printed",
        receipt.id,
        f'"{document.fn_number}-{document.fd_number}"',
        doc,
        f"Чек оформлен: ФД № {document.fd_number}, смена {document.shift_number}.",
        place,
        warnings,
    )


def buffered(receipt_id: str, place: Place, *, reason: str, warnings: Sequence[ReceiptWarning]) -> str:
    """The answer while the device has not printed; ``reason`` says why, in Russian."""
    return _answer("buffered", receipt_id, "null", "null", reason, place, warnings)


def _answer(
    status: str,
    receipt_id: str,
    doc_id: str,
    doc: str,
    message: str,
    place: Place,
    warnings: Sequence[ReceiptWarning],
) -> str:
    local, counter = place.stamp
    shown = (
        "[]"
        if not warnings
        else json.dumps(
            [{"code": w.code, "field": w.field, "tag": w.tag, "message": w.message.ru} for w in warnings],
            ensure_ascii=False,
        )
    )
    return (
        f'{{"status":"{status}","receipt_id":"{receipt_id}","fiscal_doc_id":{doc_id},"fiscal_doc":{doc},'
        f'"message":{_text(message)},"sync_status":"pending",'
        f'"hlc":{{"local_time":{local},"logical_counter":{counter},"server_time":null}},'
        f'"buffer_info":{{"queue_position":{place.queue_position},"total_queued":{place.queue_position}}},'
        f'"warnings":{shown}}}'
    )
