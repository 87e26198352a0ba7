"""Keep what the device's commands of an attempt took.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("commands", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("attempts") as batch:
        batch.drop_column("commands")
