"""Examples of the buffer, its delivery worker and its log."""

from typing import Any, Final

from kkt_adapter.api.schemas.examples.receipts import RECEIPT_ID

Json = dict[str, Any]

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
