"""Keep with each receipt of a shop the door it came through, and whom to call back.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_DOOR_ROWS = sa.text("door IS NOT NULL")
_COLUMNS = ("door", "account", "door_group", "client_key", "door_facts")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("receipts", sa.Column(name, sa.Text()))
    op.create_index(
        "ix_receipts_door",
        "receipts",
        ["door", "seq"],
        sqlite_where=_DOOR_ROWS,
        postgresql_where=_DOOR_ROWS,
    )
    op.create_table(
        "callbacks",
        sa.Column("receipt_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text()),
        sa.Column("done_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("receipt_seq"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_callbacks_waiting",
        "callbacks",
        ["due_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_table("callbacks")
    op.drop_index("ix_receipts_door", table_name="receipts")
    for name in reversed(_COLUMNS):
        op.drop_column("receipts", name)
