"""Partial indexes whose predicates compare directly.

SQLite makes a table of an IN list of three values or more anew for every row that is written.

Revision ID: 0027
Revises: 0026
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_FREQUENT = ("receipt_added", "receipt_printed", "receipt_synced")
_INDEXES = (  # name, table, columns, predicate, predicate before
    (
        "ix_receipts_unprinted",
        "receipts",
        ["register_id", "seq"],
        "(print_state = 'new' OR print_state = 'printing' OR print_state = 'print_unknown')",
        "print_state IN ('new', 'printing', 'print_unknown')",
    ),
    (
        "ix_events_rare",
        "buffer_events",
        ["event_type", "id"],
        " AND ".join(
            f"event_type <> '{one}'" for one in ("receipt_added", "receipt_printed", "receipt_synced")
        ),
        "event_type NOT IN ('receipt_added','receipt_printed','receipt_synced')",
    ),
    (
        "ix_cash_transactions_at_device",
        "cash_transactions",
        ["register_id"],
        "(device_state = 'waiting' OR device_state = 'sent' OR device_state = 'unclear')",
        "device_state IN ('waiting', 'sent', 'unclear')",
    ),
)


def upgrade() -> None:
    for name, table, columns, predicate, _ in _INDEXES:
        _make_anew(name, table, columns, predicate)


def downgrade() -> None:
    for name, table, columns, _, predicate in _INDEXES:
        _make_anew(name, table, columns, predicate)


def _make_anew(name: str, table: str, columns: Sequence[str], predicate: str) -> None:
    where = sa.text(predicate)
    op.drop_index(name, table_name=table)
    op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)
