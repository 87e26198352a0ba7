"""Find the newest shifts, closed sessions and callbacks in trouble without looking at all of them.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_OPENED = sa.text("opened_at IS NOT NULL")
_CLOSED = sa.text("closed_at IS NOT NULL")
_OWED = sa.text("state <> 'done' AND attempts > 0")


def upgrade() -> None:
    op.create_index(
        "ix_shifts_opened",
        "shifts",
        ["opened_at", "shift_number"],
        sqlite_where=_OPENED,
        postgresql_where=_OPENED,
    )
    op.create_index(
        "ix_pos_sessions_closed",
        "pos_sessions",
        ["opened_at"],
        sqlite_where=_CLOSED,
        postgresql_where=_CLOSED,
    )
    op.create_index(
        "ix_callbacks_owed", "callbacks", ["receipt_seq"], sqlite_where=_OWED, postgresql_where=_OWED
    )


def downgrade() -> None:
    op.drop_index("ix_callbacks_owed", "callbacks")
    op.drop_index("ix_pos_sessions_closed", "pos_sessions")
    op.drop_index("ix_shifts_opened", "shifts")
