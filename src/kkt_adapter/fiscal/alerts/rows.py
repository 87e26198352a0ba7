"""Writing alerts down; plain functions inside a transaction.

Several processes on one database may see the same thing. The unique index lets one of them open the row; that
one says every minute that it still sees it, and ends it. Any process may end a row whose own process is gone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.alerts.board import Alert, Key, KnownAlert
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.alert_tables import OPEN_ALERTS, TO_TELL, alerts
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.errors import Text

HISTORY_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    id: int
    key: Key
    node: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell: a beginning, or the end of what was told (``ended_at`` is set)."""

    id: int
    code: str
    subject: str
    level: str
    message: Text
    started_at: datetime
    ended_at: datetime | None


def open_rows(conn: Connection) -> list[OpenRow]:
    rows = conn.execute(
        select(alerts.c.id, alerts.c.code, alerts.c.subject, alerts.c.node, alerts.c.seen_at).where(
            OPEN_ALERTS
        )
    )
    return [
        OpenRow(id=row.id, key=(row.code, row.subject), node=row.node, seen_at=row.seen_at) for row in rows
    ]


def known(conn: Connection) -> list[KnownAlert]:
    """Alerts that are on, as a starting process takes them over."""
    return [
        KnownAlert(
            code=row.code,
            subject=row.subject,
            message=Text(row.message_en, row.message_ru),
            started_at=row.started_at,
        )
        for row in conn.execute(select(alerts).where(OPEN_ALERTS))
    ]


def begin(conn: Connection, found: Iterable[Alert], *, node: str, at: datetime) -> list[Alert]:
    """Open rows, with their events; those that another process opened already are left out."""
    begun = []
    for alert in found:
        try:
            with conn.begin_nested():
                conn.execute(
                    insert(alerts).values(
                        code=alert.rule.code,
                        subject=alert.subject,
                        level=alert.rule.level.value,
                        message_en=alert.message.en,
                        message_ru=alert.message.ru,
                        node=node,
                        seen_at=at,
                        started_at=alert.started_at,
                    )
                )
        except IntegrityError:
            continue
        begun.append(alert)
    events.write(
        conn,
        [
            events.entry(
                EventType.ALERT_STARTED,
                alert.started_at or alert.since,
                level=EventLevel.ERROR if alert.rule.level == "P1" else EventLevel.WARNING,
                code=alert.rule.code,
                subject=alert.subject,
                severity=alert.rule.level.value,
                message=alert.message.en,
                message_ru=alert.message.ru,
            )
            for alert in begun
        ],
    )
    return begun


def still_see(conn: Connection, rows: Sequence[OpenRow], *, node: str, at: datetime) -> None:
    """This process sees them now; rows of another one become its own."""
    ids = [row.id for row in rows]
    conn.execute(update(alerts).where(alerts.c.id.in_(ids)).values(node=node, seen_at=at))


def end(conn: Connection, rows: Sequence[OpenRow], *, at: datetime) -> None:
    """Close rows, with their events. What nobody was told of needs no telling any more."""
    ids = [row.id for row in rows]
    conn.execute(update(alerts).where(alerts.c.id.in_(ids)).values(ended_at=at))
    conn.execute(update(alerts).where(alerts.c.id.in_(ids), alerts.c.told_at.is_(None)).values(settled_at=at))
    events.write(
        conn,
        [events.entry(EventType.ALERT_ENDED, at, code=row.key[0], subject=row.key[1]) for row in rows],
    )


def to_tell(conn: Connection, *, limit: int) -> list[Notice]:
    """Beginnings that were not told, and ends of those that were; oldest first."""
    rows = conn.execute(
        select(alerts)
        .where(TO_TELL, alerts.c.told_at.is_(None) | alerts.c.ended_at.is_not(None))
        .order_by(alerts.c.id)
        .limit(limit)
    )
    return [_notice(row) for row in rows]


def told(conn: Connection, notice: Notice, *, at: datetime) -> None:
    """Whoever was told that an alert began is told that it ended, also when it ended in between."""
    if notice.ended_at is None:
        conn.execute(update(alerts).where(alerts.c.id == notice.id).values(told_at=at, settled_at=None))
    else:
        conn.execute(update(alerts).where(alerts.c.id == notice.id).values(settled_at=at))


def history(conn: Connection, *, limit: int = HISTORY_LIMIT) -> list[Notice]:
    """Alerts of the past and those that are on, newest first."""
    rows = conn.execute(select(alerts).order_by(alerts.c.id.desc()).limit(limit))
    return [_notice(row) for row in rows]


def any_ended(conn: Connection, *, before: datetime) -> bool:
    return conn.execute(select(alerts.c.id).where(alerts.c.ended_at < before).limit(1)).first() is not None


def forget(conn: Connection, *, before: datetime) -> int:
    """Delete alerts that ended before; returns how many."""
    return conn.execute(delete(alerts).where(alerts.c.ended_at < before)).rowcount


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    return Notice(
        id=row.id,
        code=row.code,
        subject=row.subject,
        level=row.level,
        message=Text(row.message_en, row.message_ru),
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
