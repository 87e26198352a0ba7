"""Examples of the product catalogue and its syncs."""

from typing import Any, Final

Json = dict[str, Any]

_RUN_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
_MANUAL_JOB: Final = "manual_product_sync_b302099a8057"

STARTED: Final[Json] = {
    "job_id": _MANUAL_JOB,
    "run_id": _RUN_ID,
    "status": "scheduled",
    "message": "Product sync scheduled",
    "triggered_by": "olga",
}
PAGE: Final[Json] = {
    "status": "completed",
    "run_id": _RUN_ID,
    "page": 1,
    "last_page": 771,
    "products_fetched": 20,
    "products_saved": 20,
    "new": 0,
    "updated": 2,
    "unchanged": 18,
    "errors": 0,
    "duration_seconds": 0.21,
}
STATUS: Final[Json] = {
    "scheduler_running": True,
    "status": "healthy",
    "total_jobs": 1,
    "daily_sync_scheduled": True,
    "daily_sync_next_run": "2026-03-15T02:00:00Z",
    "schedule": {"hour": 2, "minute": 0, "timezone": "UTC", "source": "env"},
    "sync_running": False,
    "last_run": {
        "run_id": _RUN_ID,
        "trigger": "daily",
        "status": "succeeded",
        "finished_at": "2026-03-14T02:01:15Z",
    },
    "log_file_ok": True,
}
_JOB: Final[Json] = {
    "id": "daily_product_sync",
    "name": "Daily Product Sync",
    "trigger": "cron[hour='2', minute='0']",
    "next_run_time": "2026-03-15T02:00:00Z",
    "status": "scheduled",
    "run_id": None,
}
JOBS: Final[Json] = {"jobs": [_JOB], "total_jobs": 1}
RUN: Final[Json] = {
    "run_id": _RUN_ID,
    "job_id": "daily_product_sync",
    "trigger": "daily",
    "triggered_by": "scheduler",
    "node": "till-3",
    "slot": "2026-03-14T02:00:00Z",
    "generation": 41,
    "status": "succeeded",
    "reason": None,
    "error": None,
    "created_at": "2026-03-14T02:00:00Z",
    "started_at": "2026-03-14T02:00:00Z",
    "finished_at": "2026-03-14T02:01:15Z",
    "duration_seconds": 75.31,
    "resumed_from": None,
    "blocked_by": None,
    "pages_total": 771,
    "pages_processed": 771,
    "products_total": 15420,
    "products_synced": 15420,
    "new": 3,
    "updated": 120,
    "unchanged": 15297,
    "vanished": 5,
    "reappeared": 0,
    "held": 0,
    "skipped_items": 0,
    "errors": 0,
    "retries": 2,
    "throttled": 1,
    "bytes": 30840000,
    "requests": 774,
}
JOB: Final[Json] = {"job": _JOB | {"last_run": RUN, "progress": None}}
RUNS: Final[Json] = {"items": [RUN], "next_cursor": None}
RUN_ERRORS: Final[Json] = {
    "run_id": _RUN_ID,
    "items": [
        {
            "kind": "item",
            "page": 17,
            "product_id": "10000027819",
            "reason": "the price is not a number",
            "at": "2026-03-14T02:00:09Z",
        }
    ],
    "total": 1,
}
RESCHEDULED: Final[Json] = {
    "message": "Daily sync rescheduled to 03:30 UTC",
    "new_schedule": "03:30 UTC",
    "next_run_time": "2026-03-15T03:30:00Z",
    "rescheduled_by": "olga",
    "source": "api",
}
PRODUCT: Final[Json] = {
    "id": "10000027819",
    "name": "Example Game (PC) - Key - GLOBAL",
    "slug": "/example-game-pc-key-global",
    "type": "key",
    "platform": "Steam",
    "region": "GLOBAL",
    "developer": None,
    "publisher": "Example Publisher",
    "release_date": "2020-05-01",
    "currency": "EUR",
    "min_price": "4.99",
    "retail_min_price": "5.49",
    "retail_min_base_price": None,
    "price_limit": {"min": "3.99", "max": "19.99"},
    "qty": 12,
    "available_to_buy": True,
    "sellable": True,
    "images": [],
    "thumbnail": None,
    "small_image": None,
    "cover_image": None,
    "videos": [],
    "categories": [{"id": "189", "name": "Games"}],
    "restrictions": {},
    "requirements": {},
    "source_updated_at": "2026-03-13T18:22:10",
    "first_seen_at": "2026-01-02T02:00:12Z",
    "last_seen_at": "2026-03-14T02:00:44Z",
    "changed_at": "2026-03-12T02:00:41Z",
    "status": "active",
    "vanished_at": None,
}
_COPY: Final[Json] = {
    name: value for name, value in PRODUCT.items() if name not in ("last_seen_at", "vanished_at")
}
PRODUCTS: Final[Json] = {
    "items": [PRODUCT],
    "next_cursor": None,
    "catalogue_revision": 48213,
    "synced_at": "2026-03-14T02:01:15Z",
}
HISTORY: Final[Json] = {
    "items": [
        {
            "id": "10000027819",
            "field": "min_price",
            "old": "5.49",
            "new": "4.99",
            "at": "2026-03-12T02:00:41Z",
            "run_id": _RUN_ID,
        }
    ],
    "next_cursor": None,
}
FACETS: Final[Json] = {
    "platform": [{"value": "Steam", "count": 9120}],
    "region": [{"value": "GLOBAL", "count": 11873}],
    "category": [{"value": "Games", "count": 13004}],
    "catalogue_revision": 48213,
}
CHANGES: Final[Json] = {
    "changes": [
        {"revision": 48213, "kind": "changed", "id": "10000027819", "product": _COPY},
        {"revision": 48214, "kind": "vanished", "id": "10000027820", "product": None},
    ],
    "next_revision": 48214,
    "more": False,
}
CANCELLED: Final[Json] = {"run_id": _RUN_ID, "status": "running", "message": "Cancellation requested"}
EXPORT: Final = (
    '{"revision": 48213, "generated_at": "2026-03-14T02:01:15.000Z", "count": 1}\n'
    '{"id":"10000027819","name":"Example Game (PC) - Key - GLOBAL","currency":"EUR","min_price":"4.99"}\n'
)
RUN_EVENTS: Final = f'event: progress\ndata: {{"run_id":"{_RUN_ID}","status":"running","percent":12.5}}\n\n'
