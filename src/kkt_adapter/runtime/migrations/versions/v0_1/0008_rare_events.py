"""Find rare events, and a till's last session, without walking over their tables.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RARE = sa.text("event_type NOT IN ('receipt_added','receipt_printed','receipt_synced')")
_LOUD = sa.text("level <> 'info'")


def upgrade() -> None:
    op.create_index(
        "ix_events_rare", "buffer_events", ["event_type", "id"], sqlite_where=_RARE, postgresql_where=_RARE
    )
    op.create_index(
        "ix_events_loud", "buffer_events", ["level", "id"], sqlite_where=_LOUD, postgresql_where=_LOUD
    )
    op.create_index("ix_pos_sessions_till", "pos_sessions", ["pos_id", "opened_at"])


def downgrade() -> None:
    op.drop_index("ix_pos_sessions_till", "pos_sessions")
    op.drop_index("ix_events_loud", "buffer_events")
    op.drop_index("ix_events_rare", "buffer_events")
