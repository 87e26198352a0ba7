"""Keep the bytes of every document, and the operator's ticket.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_bytes",
        sa.Column("fn_number", sa.Text(), nullable=False),
        sa.Column("fd_number", sa.BigInteger(), nullable=False),
        sa.Column("tlv", sa.LargeBinary(), nullable=False),
        sa.Column("ticket", sa.LargeBinary(), nullable=True),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fn_number", "fd_number"),
    )


def downgrade() -> None:
    op.drop_table("document_bytes")
