"""Remember when a back office acknowledged events, and the cash that a person counted in a drawer.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "back_office_acks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "event_id"),
    )
    op.execute("INSERT INTO back_office_acks (name, event_id) SELECT name, acked_event_id FROM back_offices")
    op.add_column("pos_sessions", sa.Column("counted_kop", sa.BigInteger(), nullable=True))
    op.add_column("pos_sessions", sa.Column("counted_expected_kop", sa.BigInteger(), nullable=True))
    op.add_column("pos_sessions", sa.Column("counted_at", sa.BigInteger(), nullable=True))
    op.add_column("pos_sessions", sa.Column("counted_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("pos_sessions", "counted_by")
    op.drop_column("pos_sessions", "counted_at")
    op.drop_column("pos_sessions", "counted_expected_kop")
    op.drop_column("pos_sessions", "counted_kop")
    op.drop_table("back_office_acks")
