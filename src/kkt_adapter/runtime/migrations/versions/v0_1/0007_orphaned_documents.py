"""Find the documents that no receipt owns without reading the others.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ORPHANS = sa.text("receipt_seq IS NULL AND total_kop IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_documents_unclaimed",
        "documents",
        ["register_id", "fn_number"],
        sqlite_where=_ORPHANS,
        postgresql_where=_ORPHANS,
    )


def downgrade() -> None:
    op.drop_index("ix_documents_unclaimed", "documents")
