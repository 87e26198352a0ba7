"""Groups and shops that have sold, as rows of ``config``: their ids are a part of keys, so that one that is
renamed by accident must not go unnoticed."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.store.runtime_settings import drop_setting, store_setting
from kkt_adapter.fiscal.store.tables import config
from kkt_adapter.runtime.db.bulk import bulk
from kkt_adapter.runtime.db.columns import from_millis

PREFIX = "group:"
SHOP_PREFIX = "shop:"
UNREAD = "unread:"  # a register whose FN must be read back before its groups sell again
KEYS_LIVE = timedelta(days=32)  # atol-online, section 4: a report is asked for 32 days
NOTED_EVERY = timedelta(days=1)  # how exact the day of the last use is
LOOKED_EVERY = timedelta(minutes=1)  # a connection that saw the note of today does not look again at once
_SEEN = "notes of use"  # in ``Connection.info``: name -> when the note was seen


_NOTED = bulk(
    (config.c.name,),
    lambda given: select(config.c.name, config.c.changed_at).join(given, config.c.name == given.c.name),
)


def note_use(conn: Connection, used: Mapping[str, datetime], *, prefix: str = PREFIX) -> None:
    """These groups (or shops) take receipts at these times; written once a day at most."""
    seen: dict[str, datetime] = conn.info.setdefault(_SEEN, {})
    names = {prefix + one: at for one, at in used.items() if _is_due(seen.get(prefix + one), at)}
    if not names:
        return
    noted = {name: from_millis(at) for name, at in _NOTED.rows(conn, [(name,) for name in names])}
    for name, at in names.items():
        last = noted.get(name)
        if last is None or abs(at - last) >= NOTED_EVERY:
            store_setting(conn, name, "used", at=at, by=None)
        else:  # one that is only now written may be taken back with the rest of its transaction
            seen[name] = at


def _is_due(seen_at: datetime | None, at: datetime) -> bool:
    return seen_at is None or not seen_at <= at < seen_at + LOOKED_EVERY


def in_use(conn: Connection, *, now: datetime, prefix: str = PREFIX) -> Mapping[str, datetime]:
    """Groups (or shops) whose keys still live, with the time of their last use (a day early at most)."""
    rows = conn.execute(
        select(config.c.name, config.c.changed_at).where(config.c.name.startswith(prefix, autoescape=True))
    )
    return {
        row.name.removeprefix(prefix): row.changed_at
        for row in rows
        if now - row.changed_at < KEYS_LIVE + NOTED_EVERY
    }


def mark_unread(conn: Connection, register_ids: Iterable[str], *, at: datetime) -> None:
    """The database was restored: what these registers' FNs hold is not known."""
    for register_id in register_ids:
        store_setting(conn, UNREAD + register_id, "restored", at=at, by=None)


def unread(conn: Connection) -> frozenset[str]:
    names = conn.execute(select(config.c.name).where(config.c.name.startswith(UNREAD, autoescape=True)))
    return frozenset(name.removeprefix(UNREAD) for name in names.scalars())


def mark_read(conn: Connection, register_id: str) -> None:
    drop_setting(conn, UNREAD + register_id)
