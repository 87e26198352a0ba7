"""Cursors of the back offices.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "back_offices",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("acked_event_id", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("beat_at", sa.BigInteger),
        sa.Column("last_success_at", sa.BigInteger),
        sa.Column("last_error", sa.Text),
        sa.Column("refused_at", sa.BigInteger),
        sa.Column("refused_answer", sa.Text),
        sa.Column("refused_body", sa.Text),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade")
