"""Run-time settings that people change while the service runs, as rows of ``config``."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.store.tables import config
from kkt_adapter.kernel.timefmt import iso

LAST_SYNC = "last_sync"

CAPACITY = "capacity"
MAINTENANCE = "maintenance"
MAINTENANCE_UNTIL = "maintenance_until"  # RFC 3339: when it is estimated to be over


def read_setting(conn: Connection, name: str) -> str | None:
    return conn.execute(select(config.c.value).where(config.c.name == name)).scalar_one_or_none()


def read_settings(conn: Connection, prefix: str) -> dict[str, str]:
    """All whose names begin so."""
    found = conn.execute(
        select(config.c.name, config.c.value).where(config.c.name.startswith(prefix, autoescape=True))
    )
    return {row.name: row.value for row in found}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSync:
    """The last pass that sent anything; ``at`` is aware UTC."""

    at: datetime
    synced: int
    failed: int
    duration_s: float


def last_sync(conn: Connection) -> LastSync | None:
    """None before the first such pass."""
    text = read_setting(conn, LAST_SYNC)
    if text is None:
        return None
    stored = json.loads(text)
    return LastSync(
        at=datetime.fromisoformat(stored["timestamp"]),
        synced=stored["synced_count"],
        failed=stored["failed_count"],
        duration_s=stored["duration_seconds"],
    )


def store_last_sync(conn: Connection, last: LastSync) -> None:
    stored = {
        "timestamp": iso(last.at),
        "synced_count": last.synced,
        "failed_count": last.failed,
        "duration_seconds": round(last.duration_s, 3),
    }
    store_setting(conn, LAST_SYNC, json.dumps(stored), at=last.at, by=None)
