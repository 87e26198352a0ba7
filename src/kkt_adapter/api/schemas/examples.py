"""Examples of bodies and answers for the documentation. Every number in them is made up."""

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

_FISCAL_DOC: Final[Json] = {
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
    "fiscal_doc": _FISCAL_DOC,
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
    "fiscal_doc": _FISCAL_DOC,
    "retry_count": 0,
    "last_error": None,
    "next_attempt_at": None,
    "created_at": "2026-03-14T09:00:00.000Z",
    "printed_at": "2026-03-14T09:00:00.120Z",
    "synced_at": "2026-03-14T09:00:01.500Z",
    "ofd_id": "ofd-77",
    "hlc": _HLC,
}
RECEIPT_DETAIL: Final[Json] = RECEIPT | {
    "ffd_version": "1.2",
    "operation": "sale",
    "taxation": "osn",
    "cashier": {"name": "Кассир"},
    "operator_code": None,
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
            "outcome": "printed",
            "error": None,
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

REPORT_BODY: Final[Json] = {"pos_id": "POS-001"}
X_REPORT: Final[Json] = {
    "fiscalDocumentNumber": None,
    "fiscalSign": None,
    "dateTime": "2026-03-14T20:00:00",
    "reportType": 1,
    "shiftNumber": 1,
    "cashTotal": 100.00,
    "cardTotal": 500.00,
    "otherTotal": 0.00,
    "totalSales": 600.00,
    "totalRefunds": 0.00,
    "receiptCount": 2,
    "openSessions": 1,
    "openingCash": 500.00,
    "cashIn": 0.00,
    "cashOut": 0.00,
    "cashInTill": 600.00,
    "offline": False,
}
Z_REPORT: Final[Json] = X_REPORT | {"fiscalDocumentNumber": 14, "fiscalSign": "3141592653", "reportType": 2}
SHIFT_OPENED: Final[Json] = {
    "fiscalDocumentNumber": 15,
    "fiscalSign": "2718281828",
    "dateTime": "2026-03-15T09:00:00",
    "shiftNumber": 4,
    "offline": False,
}
RESOLVE_REPORT: Final[Json] = {
    "pos_id": "POS-001",
    "action": "adopt",
    "fiscal_doc_number": 14,
    "reason": "Z-отчёт № 14 есть на ленте",
}
REPORT_RESOLVED: Final[Json] = {
    "register_id": "POS-001",
    "what": "close_shift",
    "action": "adopt",
    "fiscal_doc_number": 14,
    "reason": "Z-отчёт № 14 есть на ленте",
    "resolved_by": "anna",
}
KKT_STATUS: Final[Json] = {
    "registers": [
        {
            "register_id": "POS-001",
            "transport": "relay",
            "fiscal_device": False,
            "serial_number": "000000000002",
            "registration_number": "0000000005008570",
            "ffd_version": "1.2",
            "trouble": None,
            "question": None,
            "device": {
                "state": "ready",
                "blocked": None,
                "fn_number": "9999078902013267",
                "last_document": 12,
                "shift": {"number": 1, "state": "open", "opened_at": "2026-03-14T09:00:00", "receipts": 3},
                "unsent_documents": 0,
                "first_unsent_number": None,
                "first_unsent_at": None,
                "fn_valid_until": "2029-03-28",
                "fn_days_left": 1110,
                "documents_left": 240000,
                "clock": "2026-03-14T12:00:00",
                "told_at": "2026-03-14T09:00:00.000Z",
            },
        }
    ]
}

BUFFER_STATUS: Final[Json] = {
    "total_capacity": 10000,
    "configured_capacity": 10000,
    "current_queued": 3,
    "percent_full": 0.03,
    "network_status": "online",
    "total_receipts": 1200,
    "pending": 3,
    "syncing": 0,
    "synced": 1197,
    "failed": 0,
    "unprinted": 0,
    "print_failed": 0,
    "dlq_size": 0,
    "oldest_receipt": {"id": RECEIPT_ID, "created_at": "2026-03-14T09:00:00Z", "age_hours": 0.01},
    "last_sync": {
        "timestamp": "2026-03-14T08:59:50Z",
        "synced_count": 5,
        "failed_count": 0,
        "duration_seconds": 0.4,
    },
    "alerts": [],
    "buffer_count": 3,
    "buffer_percent": 0.03,
    "cb_state": "CLOSED",
}
SYNC: Final[Json] = {
    "status": "completed",
    "synced": 3,
    "failed": 0,
    "skipped": 0,
    "remaining": 0,
    "duration_seconds": 0.2,
    "message": "Передано: 3",
}
LOGS: Final[Json] = {
    "total": 1,
    "page": 1,
    "limit": 100,
    "items": [
        {
            "timestamp": "2026-03-14T09:00:00Z",
            "level": "info",
            "event": "receipt_added",
            "receipt_id": RECEIPT_ID,
            "message": "Чек принят",
            "metadata": {},
        }
    ],
}
WORKER: Final[Json] = {
    "running": True,
    "task_status": "running",
    "last_pass": {
        "at": "2026-03-14T09:00:00Z",
        "synced": 3,
        "failed": 0,
        "skipped": 0,
        "duration_seconds": 0.2,
    },
    "last_success_at": "2026-03-14T09:00:00Z",
    "consecutive_failures": 0,
    "next_run_at": "2026-03-14T09:00:10Z",
    "lock": {"backend": "process", "held": False},
    "pending": 0,
}
BREAKER: Final[Json] = {"status": "reset", "circuit_breaker_state": "CLOSED"}
CAPACITY_BODY: Final[Json] = {"capacity": 300}
CAPACITY: Final[Json] = {
    "capacity": 300,
    "configured_capacity": 10000,
    "previous_capacity": 10000,
    "current_queued": 3,
    "percent_full": 1.0,
}

DEAD_LETTER: Final[Json] = {
    "id": 1,
    "original_receipt_id": RECEIPT_ID,
    "failed_at": "2026-03-14T12:00:00Z",
    "reason": "max_retries_exceeded",
    "fiscal_doc": _FISCAL_DOC,
    "retry_attempts": 20,
    "last_error": "HTTP 422",
    "resolved_at": None,
    "resolved_by": None,
    "resolution": None,
    "note": None,
    "outcome": None,
}
DEAD_LETTER_DETAIL: Final[Json] = DEAD_LETTER | {
    "attempts": [
        {
            "started_at": "2026-03-14T11:59:59.900Z",
            "ended_at": "2026-03-14T12:00:00.000Z",
            "outcome": "rejected",
            "error": "HTTP 422",
        }
    ]
}
DEAD_LETTER_RETRIED: Final[Json] = DEAD_LETTER | {
    "resolved_at": "2026-03-14T13:00:00.000Z",
    "resolved_by": "olga",
    "resolution": "retried",
    "status": "pending",
}
DEAD_LETTERS: Final[Json] = {"items": [DEAD_LETTER], "next_cursor": None}
DEAD_LETTER_RESOLVED: Final[Json] = DEAD_LETTER | {
    "resolved_at": "2026-03-14T13:00:00.000Z",
    "resolved_by": "olga",
    "resolution": "resolved",
    "note": "Передано вручную через кабинет ОФД",
    "outcome": "delivered_otherwise",
    "warnings": [],
}
RESOLVE_DEAD_LETTER: Final[Json] = {
    "note": "Передано вручную через кабинет ОФД",
    "outcome": "delivered_otherwise",
}
RETRY_MANY: Final[Json] = {"filter": {"error": "http_422"}, "expected_count": 12}
RESOLVE_MANY: Final[Json] = RETRY_MANY | RESOLVE_DEAD_LETTER
MANY_DEAD_LETTERS: Final[Json] = {"matched": 12, "done": 12, "skipped": 0}
MANY_DEAD_LETTERS_RESOLVED: Final[Json] = MANY_DEAD_LETTERS | {"warnings": []}

MAINTENANCE_BODY: Final[Json] = {"reason": "Замена ФН", "estimated_duration_minutes": 30}
MAINTENANCE: Final[Json] = {
    "maintenance": True,
    "reason": "Замена ФН",
    "estimated_duration_minutes": 30,
}
MAINTENANCE_STATE: Final[Json] = {
    "maintenance": True,
    "reason": "Замена ФН",
    "since": "2026-03-14T12:00:00.000Z",
    "by": "olga",
    "estimated_end_at": "2026-03-14T12:30:00.000Z",
    "overdue": False,
}
MAINTENANCE_ENDED: Final[Json] = {"maintenance": False}

ROOT: Final[Json] = {
    "message": "kkt-adapter",
    "version": "1.0.0",
    "docs": "/docs",
    "health": "/v1/health",
    "status": "/v1/kkt/buffer/status",
}
ALIVE: Final[Json] = {"status": "ok"}
READY: Final[Json] = {"status": "ready"}
_AT: Final = "2026-03-14T09:05:00.000Z"
_OPERATOR: Final[Json] = {
    "status": "hanging",
    "state": "CLOSED",
    "last_ok": _AT,
    "last_error": None,
}
HEALTH: Final[Json] = {
    "status": "healthy",
    "version": "1.0.0",
    "circuit_breaker_state": "CLOSED",
    "maintenance": None,
    "trouble": ["ofd:relay:ofd.example:7777"],
    "components": {
        "buffer": {"status": "ok", "percent_full": 0.03, "dlq_size": 0, "pending": 3, "last_check": _AT},
        "circuit_breaker": {"state": "CLOSED", "failure_count": 0, "success_count": 0, "last_failure": None},
        "database": {
            "status": "ok",
            "type": "SQLite",
            "mode": "WAL",
            "durability": "synchronous=FULL",
            "last_check": _AT,
        },
        "kkt": {"status": "ok", "registers": {"POS-001": "ok"}, "last_check": _AT},
        "ofd": {
            "status": "hanging",
            "endpoints": {"relay:ofd.example:7777": _OPERATOR},
            "last_check": _AT,
        },
        "network": {
            "status": "online",
            "since": _AT,
            "endpoints": {"relay:ofd.example:7777": True},
            "last_check": _AT,
        },
        "odoo": {
            "status": "ok",
            "targets": {"erp": "ok"},
            "last_success_at": _AT,
            "last_error": None,
            "last_check": _AT,
        },
        "sync_worker": {"status": "running", "last_check": _AT},
        "redis": {"status": "not_configured", "last_check": None},
    },
}
HEALTH_DOWN: Final[Json] = HEALTH | {
    "status": "unhealthy",
    "trouble": ["database"],
    "components": HEALTH["components"]
    | {
        "buffer": {"status": "unknown"},
        "database": HEALTH["components"]["database"] | {"status": "down", "last_check": None},
    },
}
