"""Name the list of documents that no receipt owns after them, as the documentation does.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ORPHANS = sa.text("receipt_seq IS NULL AND total_kop IS NOT NULL")
_OLD, _NEW = "ix_documents_unclaimed", "ix_documents_orphaned"


def upgrade() -> None:
    _rename(_OLD, _NEW)


def downgrade() -> None:
    _rename(_NEW, _OLD)


def _rename(old: str, new: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    else:  # SQLite has no such statement
        op.drop_index(old, "documents")
        op.create_index(new, "documents", ["register_id", "fn_number"], sqlite_where=_ORPHANS)
