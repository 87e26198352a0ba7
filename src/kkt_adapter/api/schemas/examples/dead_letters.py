"""Examples of dead letters."""

from typing import Any, Final

from kkt_adapter.api.schemas.examples.receipts import FISCAL_DOC, RECEIPT_ID

Json = dict[str, Any]

DEAD_LETTER: Final[Json] = {
    "id": 1,
    "original_receipt_id": RECEIPT_ID,
    "failed_at": "2026-03-14T12:00:00Z",
    "reason": "max_retries_exceeded",
    "fiscal_doc": FISCAL_DOC,
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
RETRY_MANY: Final[Json] = {
    "filter": {"error": "http_422"},
    "expected_count": 12,
    "note": "the article was mended",
}
RESOLVE_MANY: Final[Json] = RETRY_MANY | RESOLVE_DEAD_LETTER
MANY_DEAD_LETTERS: Final[Json] = {"matched": 12, "done": 12, "skipped": 0}
MANY_DEAD_LETTERS_RESOLVED: Final[Json] = MANY_DEAD_LETTERS | {"warnings": []}
