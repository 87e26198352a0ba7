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
from kkt_adapter.runtime.db.bulk import bulk
from kkt_adapter.runtime.db.columns import from_millis

PREFIX = "hold:"


class HoldMode(StrEnum):
    HOLD = "hold"  # prints no receipt until it is released; those of a group go to the others
    DRAIN = "drain"  # prints what waits for it, and takes no new receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterHold:
    """Why a register is set aside, since when (aware UTC) and by whom."""

    mode: HoldMode
    reason: str
    since: datetime
    by: str | None


def held(conn: Connection, register_ids: Iterable[str] | None = None) -> Mapping[str, RegisterHold]:
    """By register; of all registers, or of those named."""
    if register_ids is None:
        query = select(*_COLUMNS).where(config.c.name.startswith(PREFIX, autoescape=True))
        return {row.name.removeprefix(PREFIX): _hold(*row[1:]) for row in conn.execute(query)}
    names = [(PREFIX + register_id,) for register_id in register_ids]
    return {
        name.removeprefix(PREFIX): _hold(value, from_millis(changed_at), changed_by)
        for name, value, changed_at, changed_by in _NAMED.rows(conn, names)
    }


_COLUMNS = (config.c.name, config.c.value, config.c.changed_at, config.c.changed_by)
_NAMED = bulk((config.c.name,), lambda given: select(*_COLUMNS).join(given, config.c.name == given.c.name))


def _hold(value: str, since: datetime, by: str | None) -> RegisterHold:
    said = json.loads(value)
    return RegisterHold(mode=HoldMode(said["mode"]), reason=said["reason"], since=since, by=by)


def set_aside(conn: Connection, register_id: str, hold: RegisterHold) -> None:
    """A register that is set aside already gets the new mode and reason."""
    value = json.dumps({"mode": hold.mode.value, "reason": hold.reason}, ensure_ascii=False)
    store_setting(conn, PREFIX + register_id, value, at=hold.since, by=hold.by)


def release(conn: Connection, register_id: str) -> bool:
    """True when it was set aside."""
    return drop_setting(conn, PREFIX + register_id)
