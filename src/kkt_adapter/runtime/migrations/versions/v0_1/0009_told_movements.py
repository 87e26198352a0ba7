"""Find the cash movements of a receipt, to mark them when a back office has acknowledged it.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NOT_TOLD = sa.text("receipt_id IS NOT NULL AND NOT synced_to_odoo")


def upgrade() -> None:
    op.create_index(
        "ix_cash_transactions_not_told",
        "cash_transactions",
        ["receipt_id"],
        sqlite_where=_NOT_TOLD,
        postgresql_where=_NOT_TOLD,
    )


def downgrade() -> None:
    op.drop_index("ix_cash_transactions_not_told", "cash_transactions")
