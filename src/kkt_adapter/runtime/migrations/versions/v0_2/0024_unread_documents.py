"""Tell documents whose receipt key could not be read from those that carry none.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("unread", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("documents") as batch:
        batch.drop_column("unread")
