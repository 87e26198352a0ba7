"""Reading the events of ``buffer_events`` for people: newest first, page by page, however many there are.

No read walks over the whole table. What happens with every receipt is found quickly from the newest on;
everything else, and whatever is no plain information, has a partial index; ids rise with time, so the
beginning of a period is found by halving. Totals are counted up to ``COUNTED`` only; who needs none
goes on from the last event seen, ``WALK`` events a page at most.
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
WALK = 20_000  # events that a page without a total looks at
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """Newest first. ``after``: the event to go on from, None at the end; ``walked_to``: the page is not full
    because it looked at ``WALK`` events, the last one of that moment."""

    items: Sequence[LoggedEvent]
    after: int | None
    walked_to: datetime | None


def older(
    conn: Connection,
    *,
    after: int | None,
    limit: int,
    level: str | None,
    event_type: str | None,
    since: datetime | None,
) -> EventList:
    """The events older than ``after``, or the newest; costs the same however far back."""
    newest = buffer_events.c.id.desc()
    before = [] if after is None else [buffer_events.c.id < after]
    where = [*_where(conn, level=level, event_type=event_type, since=since), *before]
    over = [*_walked_over(level=level, event_type=event_type), *before]
    floor = conn.execute(
        select(buffer_events.c.id, buffer_events.c.timestamp)
        .where(*over)
        .order_by(newest)
        .offset(WALK - 1)
        .limit(1)
    ).first()
    if floor is not None:
        where.append(buffer_events.c.id >= floor.id)
    rows = conn.execute(select(buffer_events).where(*where).order_by(newest).limit(limit + 1)).all()
    items = [event_of(row) for row in rows[:limit]]
    if len(rows) > limit:
        return EventList(items=items, after=rows[limit - 1].id, walked_to=None)
    if floor is None or (since is not None and floor.timestamp < since - CLOCK_MARGIN):
        return EventList(items=items, after=None, walked_to=None)
    return EventList(items=items, after=floor.id, walked_to=floor.timestamp)


def _walked_over(*, level: str | None, event_type: str | None) -> list[ColumnElement[bool]]:
    """Events with an index of their ids, of which what is asked for is a part; none of these: all events."""
    if event_type is not None and event_type not in FREQUENT_EVENTS:
        return [buffer_events.c.event_type == event_type, RARE_EVENTS]  # type: ignore[list-item]
    if level is not None and level.lower() != "info":
        return [buffer_events.c.level == level.lower(), LOUD_EVENTS]  # type: ignore[list-item]
    return []


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
        if level.lower() != "info" and (event_type is None or event_type in FREQUENT_EVENTS):
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
