"""Find the refunds of a sale, the receipts of an order, and the sales of a marking code.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt_links",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "receipt_seq"),
    )
    op.create_index("ix_receipt_links_receipt", "receipt_links", ["receipt_seq"])


def downgrade() -> None:
    op.drop_table("receipt_links")
