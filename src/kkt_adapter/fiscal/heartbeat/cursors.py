"""The rows of the back offices; plain functions inside a transaction.

A cursor only moves forward, together with the report of the call that moved it, and only under the lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.heartbeat.tables import back_offices
from kkt_adapter.fiscal.shifts import cash_movements
from kkt_adapter.fiscal.store.tables import back_office_acks
from kkt_adapter.kernel.hysteresis import Presence
from kkt_adapter.runtime.leases.database import check_term
from kkt_adapter.runtime.leases.lease import Term


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedBody:
    """An answer 400: the body that the receiver could not use, kept for support."""

    body: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one call."""

    at: datetime
    state: Presence
    error: str | None  # None: it succeeded
    acked_event_id: int
    refused: RefusedBody | None = None
    told: Sequence[str] = ()  # receipts that it has acknowledged as printed


def begin(conn: Connection, name: str) -> int:
    """The last acknowledged event of a back office, 0 for a new one; its state is unknown from now on."""
    fresh = {"state": Presence.UNKNOWN.value}
    if not conn.execute(update(back_offices).where(back_offices.c.name == name).values(fresh)).rowcount:
        try:
            with conn.begin_nested():
                conn.execute(insert(back_offices).values(name=name, acked_event_id=0, **fresh))
        except IntegrityError:  # another node was quicker
            pass
    query = select(back_offices.c.acked_event_id).where(back_offices.c.name == name)
    return int(conn.execute(query).scalar_one())


def write(conn: Connection, name: str, report: Report, *, term: Term) -> None:
    """Write a call down. Raises LeaseLost when another process sends now."""
    check_term(conn, term.name, term.owner, term.number)
    values: dict[str, object] = {
        "beat_at": report.at,
        "state": report.state.value,
        "last_error": report.error,
        "acked_event_id": report.acked_event_id,
    }
    if report.error is None:
        values["last_success_at"] = report.at
    if report.refused is not None:
        values |= {
            "refused_at": report.at,
            "refused_answer": report.refused.answer,
            "refused_body": report.refused.body,
        }
    if report.acked_event_id > _highest(conn, name):
        row = {"name": name, "event_id": report.acked_event_id, "at": report.at}
        conn.execute(insert(back_office_acks).values(row))
    query = update(back_offices).where(
        back_offices.c.name == name, back_offices.c.acked_event_id <= report.acked_event_id
    )
    conn.execute(query.values(values))
    cash_movements.told(conn, report.told)


def _highest(conn: Connection, name: str) -> int:
    """What a back office has acknowledged as far as is written down, the times of it or only the cursor."""
    known = select(back_offices.c.acked_event_id).where(back_offices.c.name == name)
    timed = select(func.max(back_office_acks.c.event_id)).where(back_office_acks.c.name == name)
    found = (conn.execute(known).scalar_one_or_none(), conn.execute(timed).scalar_one())
    return max(int(one or 0) for one in found)


def read(conn: Connection, name: str) -> Row[tuple[object, ...]] | None:
    """The row without the refused body."""
    columns = [column for column in back_offices.c if column.name != "refused_body"]
    return conn.execute(select(*columns).where(back_offices.c.name == name)).first()


def lowest(conn: Connection, names: list[str]) -> int:
    """Events above this are still wanted by one of these back offices (at least one is named); one that has
    never been called wants all."""
    query = select(func.count(), func.min(back_offices.c.acked_event_id)).where(
        back_offices.c.name.in_(names)
    )
    known, acked = conn.execute(query).one()
    return int(acked) if known == len(names) else 0
