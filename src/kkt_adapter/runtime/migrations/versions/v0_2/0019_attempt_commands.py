"""Keep what the device's commands of an attempt took.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("commands", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("attempts") as batch:
        batch.drop_column("commands")
