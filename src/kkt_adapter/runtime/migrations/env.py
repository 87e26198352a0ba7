"""Run by Alembic for each command; the connection and its transaction belong to `runtime.migrate`."""

from alembic import context
from sqlalchemy import Connection

connection = context.config.attributes.get("connection")
if not isinstance(connection, Connection):
    raise RuntimeError("migrations run through kkt_adapter.runtime.db.migrate, which brings the connection")

context.configure(
    connection=connection,
    target_metadata=None,  # revisions are written by hand, for both dialects
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,  # SQLite too: the transaction is begun outside, by us
)
with context.begin_transaction():
    context.run_migrations()
