"""Alerts as rows: their history, and what people were told of them.

A row is open until ``ended_at``; at most one is open for a code and subject. It is settled when nobody needs
to hear of it any more: its end was told, or it ended before its beginning was.
"""

from sqlalchemy import Column, Table, Text, text

from kkt_adapter.fiscal.store.tables import BigInt, metadata
from kkt_adapter.runtime.db.columns import UtcMillis
from kkt_adapter.runtime.db.dialects import partial_index

alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),  # the register, end point, till it is about; may be empty
    Column("level", Text, nullable=False),  # P1, P2, P3
    Column("message_en", Text, nullable=False),
    Column("message_ru", Text, nullable=False),
    Column("node", Text, nullable=False),  # the process that sees it, and that may end it
    Column("seen_at", UtcMillis, nullable=False),  # when that process last said so
    Column("started_at", UtcMillis, nullable=False),
    Column("ended_at", UtcMillis),
    Column("told_at", UtcMillis),  # its beginning
    Column("settled_at", UtcMillis),
)
OPEN_ALERTS = text("ended_at IS NULL")
TO_TELL = text("settled_at IS NULL")
partial_index(
    "uq_alerts_open",
    alerts.c.code,
    alerts.c.subject,
    unique=True,
    where=OPEN_ALERTS,
)
partial_index("ix_alerts_to_tell", alerts.c.id, where=TO_TELL)
