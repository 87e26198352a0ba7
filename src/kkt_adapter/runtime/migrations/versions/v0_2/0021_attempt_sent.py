"""Mark an attempt before the command that makes its document is given.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("sent", sa.Integer()))  # null in older rows: may have been sent


def downgrade() -> None:
    with op.batch_alter_table("attempts") as batch:
        batch.drop_column("sent")
