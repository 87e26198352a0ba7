"""At a start: shops whose keys still live and that nobody knows any more."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from kkt_adapter.fiscal.store import events, group_rows
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.auth.shop_values import Shop
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import get_logger


async def tell_gone_shops(database: Database, shops: Iterable[Shop], *, clock: Clock) -> list[str]:
    """Say in log and journal which shops are gone; a new id begins with no keys, so a repeated receipt would
    be a second one. ``was = ["old"]`` carries the keys over. Gives their ids. Raises StorageError."""
    known = {name for shop in shops for name in (shop.id, *shop.was)}
    now = clock.now()
    used = await database.read(partial(group_rows.in_use, now=now, prefix=group_rows.SHOP_PREFIX))
    gone = {name: at for name, at in used.items() if name not in known}
    if gone:
        await database.write(partial(_tell, gone=gone, at=now))
    for name, at in gone.items():
        get_logger("shops").warning("shop_gone", shop_id=name, last_used=iso(at))
    return sorted(gone)


def _tell(conn: Connection, *, gone: dict[str, datetime], at: datetime) -> None:
    entries = [
        events.entry(EventType.SHOP_GONE, at, level=EventLevel.WARNING, shop_id=name, used_at=iso(used))
        for name, used in gone.items()
    ]
    events.write(conn, entries)
