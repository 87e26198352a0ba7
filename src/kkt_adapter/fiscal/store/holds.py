"""Registers that people have set aside, as rows of ``config``: they outlive a restart, and every process of
the database sees them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.store.runtime_settings import drop_setting, store_setting
from kkt_adapter.fiscal.store.tables import config

PREFIX = "hold:"


class HoldMode(StrEnum):
    HOLD = "hold"  # prints no receipt until it is released; those of a group go to the others
    DRAIN = "drain"  # prints what waits for it, and takes no new receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a register is set aside, since when (aware UTC) and by whom."""

    mode: HoldMode
    reason: str
    since: datetime
    by: str | None


def held(conn: Connection, register_ids: Iterable[str] | None = None) -> Mapping[str, Hold]:
    """By register; of all registers, or of those named."""
    query = select(config.c.name, config.c.value, config.c.changed_at, config.c.changed_by)
    if register_ids is None:
        query = query.where(config.c.name.startswith(PREFIX, autoescape=True))
    else:
        query = query.where(config.c.name.in_([PREFIX + register_id for register_id in register_ids]))
    found = {}
    for row in conn.execute(query):
        said = json.loads(row.value)
        found[row.name.removeprefix(PREFIX)] = Hold(
            mode=HoldMode(said["mode"]), reason=said["reason"], since=row.changed_at, by=row.changed_by
        )
    return found


def set_aside(conn: Connection, register_id: str, hold: Hold) -> None:
    """A register that is set aside already gets the new mode and reason."""
    value = json.dumps({"mode": hold.mode.value, "reason": hold.reason}, ensure_ascii=False)
    store_setting(conn, PREFIX + register_id, value, at=hold.since, by=hold.by)


def release(conn: Connection, register_id: str) -> bool:
    """True when it was set aside."""
    return drop_setting(conn, PREFIX + register_id)
