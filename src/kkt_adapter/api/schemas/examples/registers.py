"""Examples of registers and their reports."""

from typing import Any, Final

Json = dict[str, Any]

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
            "hold": None,
            "groups": ["main"],
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
            "device_times": {
                "receipt": {"count": 3, "p50_ms": 12, "p95_ms": 15, "p99_ms": 15, "max_ms": 15},
                "commands": [
                    {
                        "command": "fiscalize",
                        "count": 3,
                        "p50_ms": 12,
                        "p95_ms": 15,
                        "p99_ms": 15,
                        "max_ms": 15,
                    }
                ],
            },
        }
    ]
}
HOLD_BODY: Final[Json] = {"reason": "замена чековой ленты"}
REGISTER_HELD: Final[Json] = {
    "register_id": "K1",
    "hold": {
        "mode": "hold",
        "reason": "замена чековой ленты",
        "since": "2026-03-14T09:00:00.000Z",
        "by": "anna",
    },
    "moved": 2,
}
REGISTER_RELEASED: Final[Json] = {"register_id": "K1", "hold": None, "moved": 0}
READINESS: Final[Json] = {
    "ready": False,
    "reason": "paper",
    "detail": "В ККТ закончилась бумага.",
    "until": None,
    "register_id": "K1",
    "checked_at": "2026-03-14T09:00:00.000Z",
}
