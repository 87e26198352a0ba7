"""POS sessions and their cash movements.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "pos_sessions",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("pos_id", sa.Text, nullable=False),
        sa.Column("register_id", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("opening_cash_kop", sa.BigInteger, nullable=False),
        sa.Column("cash_kop", sa.BigInteger, nullable=False),
        sa.Column("card_kop", sa.BigInteger, nullable=False),
        sa.Column("sales_kop", sa.BigInteger, nullable=False),
        sa.Column("refunds_kop", sa.BigInteger, nullable=False),
        sa.Column("cash_in_kop", sa.BigInteger, nullable=False),
        sa.Column("cash_out_kop", sa.BigInteger, nullable=False),
        sa.Column("receipt_count", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("z_report_data", sa.Text),
    )
    op.create_index(
        "uq_pos_sessions_open",
        "pos_sessions",
        ["pos_id"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "cash_transactions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("pos_id", sa.Text, nullable=False),
        sa.Column("receipt_id", sa.Text),
        sa.Column("transaction_type", sa.Text, nullable=False),
        sa.Column("amount_kop", sa.BigInteger, nullable=False),
        sa.Column("payment_method", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("synced_to_odoo", sa.Boolean, nullable=False),
    )
    op.create_index("ix_cash_transactions_session", "cash_transactions", ["session_id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade")
