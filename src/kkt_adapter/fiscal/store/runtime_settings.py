"""Run-time settings that people change while the service runs, as rows of ``config``."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.store.tables import config

LAST_SYNC = "last_sync"

CAPACITY = "capacity"
MAINTENANCE = "maintenance"
MAINTENANCE_UNTIL = "maintenance_until"  # RFC 3339: when it is estimated to be over


def read_setting(conn: Connection, name: str) -> str | None:
    return conn.execute(select(config.c.value).where(config.c.name == name)).scalar_one_or_none()


def store_setting(conn: Connection, name: str, value: str, *, at: datetime, by: str | None) -> None:
    values = {"value": value, "changed_at": at, "changed_by": by}
    change = update(config).where(config.c.name == name).values(**values)
    if conn.execute(change).rowcount:
        return
    try:
        with conn.begin_nested():
            conn.execute(insert(config).values(name=name, **values))
    except IntegrityError:  # another node was quicker
        conn.execute(change)


def drop_setting(conn: Connection, name: str) -> bool:
    """True when there was one."""
    return conn.execute(delete(config).where(config.c.name == name)).rowcount > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceMode:
    """Why receipts are refused, since when and by whom, and when that is estimated to be over; aware UTC."""

    reason: str
    since: datetime
    by: str | None
    until: datetime | None  # None: begun by a version that did not write it down


def maintenance_mode(conn: Connection) -> MaintenanceMode | None:
    """None when it is off."""
    row = conn.execute(select(config).where(config.c.name == MAINTENANCE)).first()
    if row is None:
        return None
    until = read_setting(conn, MAINTENANCE_UNTIL)
    return MaintenanceMode(
        reason=row.value,
        since=row.changed_at,
        by=row.changed_by,
        until=None if until is None else datetime.fromisoformat(until),
    )


def last_sync(conn: Connection, name: str) -> dict[str, Any] | None:
    text = read_setting(conn, name)
    return None if text is None else json.loads(text)
