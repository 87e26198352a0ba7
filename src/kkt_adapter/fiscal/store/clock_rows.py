"""What the database keeps about the wall clock: one row of ``config``, shared by all nodes."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.store.document_dates import last_numbers
from kkt_adapter.fiscal.store.runtime_settings import read_setting, store_setting
from kkt_adapter.fiscal.store.tables import documents

NAME = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """Aware UTC. ``behind``: the clock was found behind the truth, and is not yet known to be right again.
    ``right_since``: when it was after such a time: rows of before may be younger than they look.
    ``seen_until``: times written up to this moment were looked at by a person and say nothing any more."""

    believed_at: datetime | None = None
    behind: bool = False
    right_since: datetime | None = None
    seen_until: datetime | None = None
    confirmed_at: datetime | None = None  # by a person

    def is_safe_for(self, age_s: float, *, now: datetime) -> bool:
        """Is a row that looks ``age_s`` seconds old at ``now`` surely so old?"""
        if self.behind:
            return False
        return self.right_since is None or (now - self.right_since).total_seconds() >= age_s


def load(conn: Connection) -> ClockState:
    text = read_setting(conn, NAME)
    if text is None:
        return ClockState()
    raw = json.loads(text)
    times = {
        name: None if value is None else datetime.fromisoformat(value)
        for name, value in raw.items()
        if name != "behind"
    }
    return ClockState(behind=bool(raw["behind"]), **times)


def save(conn: Connection, state: ClockState, *, at: datetime, by: str | None = None) -> None:
    store_setting(conn, NAME, json.dumps(asdict(state), default=_iso), at=at, by=by)


def newest_documents(conn: Connection) -> list[tuple[str, datetime]]:
    """For each FN the register of its last document here and the time in it, by that register's wall clock
    (naive)."""
    rows = [
        conn.execute(
            select(documents.c.register_id, documents.c.fiscalized_at).where(
                documents.c.fn_number == fn_number, documents.c.fd_number == number
            )
        ).one()
        for fn_number, number in last_numbers(conn).items()
    ]
    return [(row.register_id, datetime.fromisoformat(row.fiscalized_at)) for row in rows]


def server_time(conn: Connection) -> datetime:
    """The time by the clock of a database server."""
    told: datetime = conn.execute(select(func.now())).scalar_one()
    return told.astimezone(UTC)


def _iso(value: datetime) -> str:
    return value.isoformat()
