"""Examples of receipts, their documents and refunds."""

from typing import Any, Final

Json = dict[str, Any]

RECEIPT_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
KEY: Final = "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"
RECEIPT_BODY: Final[Json] = {
    "pos_id": "POS-001",
    "type": "sale",
    "items": [{"name": "Test", "price": 100, "qty": 1}],
    "payments": [{"type": "cash", "amount": 100}],
}
RECEIPT_BODY_FULL: Final[Json] = {
    "pos_id": "POS-001",
    "type": "sale",
    "items": [
        {"name": "Кофе", "price": "180.00", "quantity": 2, "vat_rate": "22", "sku": "C-1"},
        {"name": "Сыр", "price": 899.9, "quantity": 0.254, "total": 228.57, "vat_rate": "10", "unit": "кг"},
    ],
    "payments": [{"type": "card", "amount": 500}, {"type": "cash", "amount": 88.57}],
    "total": 588.57,
    "customer": {"email": "buyer@example.com"},
    "cashier": {"name": "Иванова А. А."},
    "order_id": "A-1001",
}
FISCAL_DOC: Final[Json] = {
    "fiscal_doc_number": 12,
    "fiscal_sign": "2718281828",
    "fiscal_datetime": "2026-03-14T12:00:00",
    "fn_number": "9999078902013267",
    "kkt_number": "000000000002",
    "rn_kkt": "0000000005008570",
    "inn": "7702203276",
    "ofd_name": "Тестовый ОФД",
    "shift_number": 1,
    "receipt_number": 3,
    "total": 100.00,
    "qr_code_data": "t=20260314T1200&s=100.00&fn=9999078902013267&i=12&fp=2718281828&n=1",
    "fiscalDocumentNumber": 12,
    "fiscalSign": "2718281828",
}
_HLC: Final[Json] = {"local_time": 1773478800, "logical_counter": 0, "server_time": None}
ACCEPTED: Final[Json] = {
    "status": "printed",
    "receipt_id": RECEIPT_ID,
    "fiscal_doc_id": "9999078902013267-12",
    "fiscal_doc": FISCAL_DOC,
    "message": "Чек оформлен: ФД № 12, смена 1.",
    "sync_status": "pending",
    "hlc": _HLC,
    "buffer_info": {"queue_position": 1, "total_queued": 1},
    "warnings": [],
}
RECEIPT: Final[Json] = {
    "receipt_id": RECEIPT_ID,
    "id": RECEIPT_ID,
    "pos_id": "POS-001",
    "register_id": "POS-001",
    "type": "sale",
    "idempotency_key": KEY,
    "total": 100.00,
    "print_state": "printed",
    "status": "synced",
    "fiscal_doc_id": "9999078902013267-12",
    "fiscal_doc": FISCAL_DOC,
    "retry_count": 0,
    "last_error": None,
    "next_attempt_at": None,
    "created_at": "2026-03-14T09:00:00.000Z",
    "printed_at": "2026-03-14T09:00:00.120Z",
    "synced_at": "2026-03-14T09:00:01.500Z",
    "ofd_id": "ofd-77",
    "hlc": _HLC,
    "door": None,
    "account": None,
    "group": None,
    "client_key": None,
}
RECEIPT_DETAIL: Final[Json] = RECEIPT | {
    "ffd_version": "1.2",
    "operation": "sale",
    "taxation": "osn",
    "cashier": {"name": "Кассир"},
    "operator_code": None,
    "receipt_url": "https://shop.example/r/AaIoFf33dcO4fVU5CvpxmVCHUjGAx70dl0PkcqmEwUY",
    "callback": None,
    "items": [
        {
            "name": "Test",
            "price": 100.00,
            "quantity": 1,
            "total": 100.00,
            "vat_rate": "none",
            "vat": 0.00,
            "subject": 1,
            "method": 4,
            "measure": 0,
            "unit": "шт",
            "sku": None,
        }
    ],
    "payments": [{"type": "cash", "amount": 100.00}],
    "order_id": None,
    "original_receipt_id": None,
    "warnings": [],
    "attempts": [
        {
            "what": "print",
            "started_at": "2026-03-14T09:00:00.050Z",
            "ended_at": "2026-03-14T09:00:00.120Z",
            "outcome": "done",
            "error": None,
            "commands": {"8D": [31], "FF46": [58], "89": [22], "FF45": [640]},
        }
    ],
    "events": [
        {
            "event": "receipt_added",
            "level": "info",
            "timestamp": "2026-03-14T09:00:00.000Z",
            "metadata": {"pos_id": "POS-001"},
        }
    ],
}
SLIP: Final = "КАССОВЫЙ ЧЕК\nTest  1 x 100.00  = 100.00\nИТОГ = 100.00\n"
QR_SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="74" height="74"></svg>'
DOCUMENT: Final[Json] = {
    "fn_number": "9999078902013267",
    "fiscal_doc_number": 12,
    "code": 3,
    "tlv": "03000800fc0302001027",
    "document": {"totalSum": 10000},
    "ticket": None,
    "source": "kept",
    "kept_at": "2026-03-14T09:00:00Z",
}
RECEIPTS: Final[Json] = {"items": [RECEIPT], "next_cursor": None}
RESOLVE_RECEIPT: Final[Json] = {
    "action": "adopt",
    "fiscal_doc_number": 12,
    "reason": "ФД № 12 есть на ленте, сумма и время совпадают",
}
REFUND_CHECK_BODY: Final[Json] = {"original_fiscal_doc_id": "9999078902013267-12"}
REFUND_CHECK: Final[Json] = {
    "allowed": True,
    "sync_status": "synced",
    "reason": "original receipt is synced / исходный чек передан оператору",
    "buffer_count": 0,
    "buffer_percent": 0.0,
}
