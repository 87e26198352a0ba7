"""Remember what a KkmServer client pressed and was told nothing of, and give registers their numbers.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "presses",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index("ix_presses_content", "presses", ["account", "content"])
    op.create_table(
        "device_numbers",
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("register_id"),
        sa.UniqueConstraint("number", name="uq_device_numbers_number"),
    )


def downgrade() -> None:
    op.drop_table("device_numbers")
    op.drop_table("presses")
