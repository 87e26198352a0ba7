"""The product's totals against a real count, read from its file by somebody else."""

import sqlite3
from pathlib import Path
from typing import Any

_STATUSES = ("pending", "syncing", "synced", "failed")
_UNPRINTED = ("new", "printing", "print_unknown")


def counted(folder: Path) -> dict[str, int]:
    """What ``GET /v1/kkt/buffer/status`` must say, by COUNT."""
    with sqlite3.connect(f"file:{folder / 'buffer.db'}?mode=ro", uri=True, timeout=10) as connection:
        by_status = dict(connection.execute("SELECT status, count(*) FROM receipts GROUP BY status"))
        by_print = dict(connection.execute("SELECT print_state, count(*) FROM receipts GROUP BY print_state"))
        (letters,) = connection.execute("SELECT count(*) FROM dlq WHERE resolved_at IS NULL").fetchone()
    return {
        "total_receipts": sum(by_status.values()),
        **{status: by_status.get(status, 0) for status in _STATUSES},
        "unprinted": sum(by_print.get(state, 0) for state in _UNPRINTED),
        "print_failed": by_print.get("print_failed", 0),
        "dlq_size": letters,
    }


def differences(status: dict[str, Any], folder: Path) -> list[str]:
    """Totals that the status page and a count disagree about."""
    return [
        f"{name}: status says {status[name]}, counted {count}"
        for name, count in counted(folder).items()
        if status[name] != count
    ]
