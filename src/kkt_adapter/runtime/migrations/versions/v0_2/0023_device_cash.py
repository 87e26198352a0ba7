"""Keep what became of cash movements at the register.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TEXTS = ("register_id", "device_state", "device_fn", "sent_by", "device_error")
_NUMBERS = ("device_shift", "device_in", "device_out")


def upgrade() -> None:
    for name in _TEXTS:
        op.add_column("cash_transactions", sa.Column(name, sa.Text()))
    for name in _NUMBERS:
        op.add_column("cash_transactions", sa.Column(name, sa.BigInteger()))
    waiting = sa.text("device_state IN ('waiting', 'sent', 'unclear')")
    op.create_index(
        "ix_cash_transactions_at_device",
        "cash_transactions",
        ["register_id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_index("ix_cash_transactions_at_device", table_name="cash_transactions")
    with op.batch_alter_table("cash_transactions") as batch:
        for name in (*_TEXTS, *_NUMBERS):
            batch.drop_column(name)
