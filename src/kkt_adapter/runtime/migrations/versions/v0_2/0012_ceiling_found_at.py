"""Let the page ceiling of the product source expire: it is a finding.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalog_state", sa.Column("known_ceiling_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("catalog_state", "known_ceiling_at")
