"""Reading the events of ``buffer_events`` for people: newest first, page by page, however many there are.

No read walks over the whole table. What happens with every receipt is found quickly from the newest on;
everything else, and whatever is no plain information, has a partial index; ids rise with time, so the
beginning of a period is found by halving. Totals are counted up to ``COUNTED`` only.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from kkt_adapter.fiscal.store.events import EventFacts
from kkt_adapter.fiscal.store.tables import FREQUENT_EVENTS, LOUD_EVENTS, RARE_EVENTS, buffer_events
from kkt_adapter.kernel.discretion import discreet_json

COUNTED = 100_000  # events that a total counts at most
CLOCK_MARGIN = timedelta(days=1)  # by which the host's clock may have been set back between two events


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """``facts`` differ from event to event; they are without addresses and paths."""

    event: str
    level: str
    at: datetime
    receipt_id: str | None
    facts: EventFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Newest first; ``page`` counts from 1, ``total`` is exact up to ``COUNTED``."""

    total: int
    page: int
    limit: int
    items: Sequence[LoggedEvent]


def page(
    conn: Connection,
    *,
    page: int,
    limit: int,
    level: str | None,
    event_type: str | None,
    since: datetime | None,
) -> EventPage:
    """``GET /v1/kkt/buffer/logs``; ``page`` counts from 1. ``total`` is exact up to ``COUNTED``."""
    where = _where(conn, level=level, event_type=event_type, since=since)
    newest = select(buffer_events.c.id).where(*where).order_by(buffer_events.c.id.desc())
    total = conn.execute(select(func.count()).select_from(newest.limit(COUNTED).subquery())).scalar_one()
    offset = (page - 1) * limit
    rows = conn.execute(
        select(buffer_events)
        .where(*where)
        .order_by(buffer_events.c.id.desc())
        .limit(max(0, min(limit, total - offset)))
        .offset(offset)
    )
    return EventPage(total=total, page=page, limit=limit, items=[event_of(row) for row in rows])


def _where(
    conn: Connection, *, level: str | None, event_type: str | None, since: datetime | None
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if level is not None:
        where.append(buffer_events.c.level == level.lower())
        if level.lower() != "info":
            where.append(LOUD_EVENTS)  # type: ignore[arg-type]
    if event_type is not None:
        where.append(buffer_events.c.event_type == event_type)
        if event_type not in FREQUENT_EVENTS:
            where.append(RARE_EVENTS)  # type: ignore[arg-type]
    if since is not None:
        where += [
            buffer_events.c.timestamp >= since,
            buffer_events.c.id >= _first_at(conn, since - CLOCK_MARGIN),
        ]
    return where


def _first_at(conn: Connection, moment: datetime) -> int:
    """An id at or before the first event since ``moment``; 0 without events."""
    low = conn.execute(select(func.min(buffer_events.c.id))).scalar_one() or 0
    high = conn.execute(select(func.max(buffer_events.c.id))).scalar_one() or 0
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(
            select(buffer_events.c.id, buffer_events.c.timestamp)
            .where(buffer_events.c.id >= middle)
            .order_by(buffer_events.c.id)
            .limit(1)
        ).one()
        if row.timestamp >= moment:
            high = middle
        else:
            low = row.id + 1
    return int(low)


def event_of(row: Any) -> LoggedEvent:
    """A row of ``buffer_events``."""
    return LoggedEvent(
        event=row.event_type,
        level=row.level,
        at=row.timestamp,
        receipt_id=row.receipt_id,
        facts=discreet_json(json.loads(row.metadata)) if row.metadata else {},
    )
