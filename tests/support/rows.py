"""Rows of the database as tests put them there, without a product that made them."""

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


def a_row(seq: int, **changes: Any) -> dict[str, Any]:
    """Of ``receipts``: a sale of one ruble, not printed yet."""
    return {
        "seq": seq,
        "id": f"r{seq}",
        "idempotency_key": f"k{seq}",
        "register_id": "R",
        "pos_id": "P",
        "type": "sale",
        "total_kop": 100,
        "payload": "{}",
        "created_at": NOW,
        "hlc_local_time": 1,
        "hlc_logical_counter": seq,
        "queue_position": 1,
        "print_state": "new",
        "status": "pending",
    } | changes
