"""Say what became of a receipt whose dead letter a person has closed.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dlq", sa.Column("outcome", sa.Text()))


def downgrade() -> None:
    op.drop_column("dlq", "outcome")
