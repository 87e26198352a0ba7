"""One row for each back office: how far it has acknowledged, and what its last calls were."""

from sqlalchemy import BigInteger, Column, Table, Text

from kkt_adapter.fiscal.store.tables import metadata
from kkt_adapter.runtime.db.columns import UtcMillis

back_offices = Table(
    "back_offices",
    metadata,
    Column("name", Text, primary_key=True),  # as configured; another name begins anew
    Column("acked_event_id", BigInteger, nullable=False),  # of buffer_events; 0: nothing yet
    Column("state", Text, nullable=False),  # unknown, online, offline
    Column("beat_at", UtcMillis),  # of the last call, whatever came of it
    Column("last_success_at", UtcMillis),
    Column("last_error", Text),
    Column("refused_at", UtcMillis),  # the last answer 400 ...
    Column("refused_answer", Text),  # ... its beginning ...
    Column("refused_body", Text),  # ... and the body it refused, for support
)
