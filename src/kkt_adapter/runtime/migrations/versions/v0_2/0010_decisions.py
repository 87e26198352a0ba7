"""Remember what a person rejected, and what a receipt without a key can still be.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rejected_documents",
        sa.Column("receipt_seq", sa.BigInteger(), nullable=False),
        sa.Column("fn_number", sa.Text(), nullable=False),
        sa.Column("up_to_fd", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_seq", "fn_number"),
    )
    op.add_column("attempts", sa.Column("suspected", sa.Integer()))
    op.add_column("documents", sa.Column("accepted_before", sa.BigInteger()))
    # Whoever reads an FN back from now on writes it down; for documents of old every receipt of now counts.
    op.execute(
        "UPDATE documents SET accepted_before = (SELECT next_seq FROM counters) "
        "WHERE receipt_seq IS NULL AND total_kop IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("documents", "accepted_before")
    op.drop_column("attempts", "suspected")
    op.drop_table("rejected_documents")
