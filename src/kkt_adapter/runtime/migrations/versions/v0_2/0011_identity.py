"""Give the database an identity, and remember how far each FN had come when it was first met.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.Text(), nullable=False),
    )
    op.create_table(
        "met_fns",
        sa.Column("fn_number", sa.Text(), primary_key=True),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("first_fd", sa.BigInteger(), nullable=False),
        sa.Column("unread_from", sa.BigInteger(), nullable=True),
        sa.Column("met_at", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("met_fns")
    op.drop_table("identity")
