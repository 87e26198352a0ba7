"""Examples of what back offices are told; every number in them is made up."""

from typing import Any, Final

Json = dict[str, Any]

EVENT: Final[Json] = {
    "event_id": 991,
    "idempotency_key": "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11",
    "receipt_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "pos_id": "POS-001",
    "kind": "sale",
    "total": "97.75",
    "state": "pending",
    "printed": True,
    "error": None,
    "changed_at": "2026-03-14T09:00:00.120Z",
    "fiscal_doc": {
        "fn_number": "9999078902013267",
        "fd_number": 12,
        "fiscal_sign": "2718281828",
        "registration_number": "0000000005008570",
        "shift_number": 1,
        "number_in_shift": 3,
        "fiscalized_at": "2026-03-14T12:00:00",
        "qr": "t=20260314T1200&s=97.75&fn=9999078902013267&i=12&fp=2718281828&n=1",
    },
}
EVENTS: Final[Json] = {"events": [EVENT], "next_after": 991, "has_more": False}
STATUS: Final[Json] = {
    "configured": True,
    "running": True,
    "sends": True,
    "state": "online",
    "consecutive_successes": 12,
    "consecutive_failures": 0,
    "last_success_at": "2026-03-14T09:00:00.000Z",
    "last_error": None,
    "targets": [
        {
            "name": "odoo",
            "profile": "odoo",
            "url": "https://odoo.example/api/v1/kkt/heartbeat",
            "state": "online",
            "consecutive_successes": 12,
            "consecutive_failures": 0,
            "last_success_at": "2026-03-14T09:00:00.000Z",
            "last_error": None,
            "last_answer": "taken",
            "acked_event_id": 991,
            "next_call_at": "2026-03-14T09:00:29.000Z",
        }
    ],
}
