"""Remember which database the revisions of the catalogue belong to.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalog_state", sa.Column("database_uuid", sa.Text()))
    op.add_column("catalog_state", sa.Column("database_epoch", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("catalog_state", "database_epoch")
    op.drop_column("catalog_state", "database_uuid")
