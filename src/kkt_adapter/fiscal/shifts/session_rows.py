"""Rows of POS sessions as a Z report moves them: open, closing, closed; plain functions in a transaction.

A Z report that somebody asks for closes the sessions of its register. They are ``closing`` from before the
register is told until the report is written down, and name the shift meanwhile. What a crash left so is
settled with the next look: closed if the shift was, and as it is while nobody knows. Only their register's
lane makes them open again: between ``closing`` and the attempt's row a report leaves no trace, and nobody but
who drives the register knows that none is on its way. The report that ends a shift after 24 hours by itself
closes no session: nobody has counted the drawer.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from kkt_adapter.fiscal.lifecycle import AttemptKind, SessionState
from kkt_adapter.fiscal.shifts.report_json import z_answer
from kkt_adapter.fiscal.shifts.shift_rows import stored_z_report
from kkt_adapter.fiscal.store import attempts, counters, events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.session_tables import OPEN_SESSION, pos_sessions
from kkt_adapter.fiscal.store.tables import shifts
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.money import rubles

Json = dict[str, Any]

HELD = "held"  # member of a stored Z report: cash of the sessions that it closed


def totals(conn: Connection, register_id: str) -> Json:
    """Cash of all open sessions on a register, for X and Z."""
    row = conn.execute(
        select(
            func.count().label("sessions"),
            func.coalesce(func.sum(pos_sessions.c.opening_cash_kop), 0).label("opening"),
            func.coalesce(func.sum(pos_sessions.c.cash_in_kop), 0).label("cash_in"),
            func.coalesce(func.sum(pos_sessions.c.cash_out_kop), 0).label("cash_out"),
            func.coalesce(func.sum(pos_sessions.c.cash_kop), 0).label("cash"),
        ).where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
    ).one()
    return {
        "openSessions": row.sessions,
        "openingCash": Decimal(rubles(int(row.opening))),
        "cashIn": Decimal(rubles(int(row.cash_in))),
        "cashOut": Decimal(rubles(int(row.cash_out))),
        "cashInTill": Decimal(rubles(int(row.cash))),
    }


def open_ids(conn: Connection, register_id: str) -> list[str]:
    """The sessions of a register's tills that are open, or closing."""
    query = select(pos_sessions.c.session_id).where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
    return list(conn.execute(query.order_by(pos_sessions.c.opened_at)).scalars())


def held_of(conn: Connection, register_id: str, stored: Json) -> Json:
    """As ``totals``, also when the sessions of this Z report are closed already."""
    kept = stored.get(HELD)
    if kept is None:
        return totals(conn, register_id)
    return {name: Decimal(value) if isinstance(value, str) else value for name, value in kept.items()}


def begin_closing(conn: Connection, register_id: str, shift: Json) -> None:
    """The register is about to be told to close ``shift`` (``fn_number``, ``shift_number``)."""
    conn.execute(
        update(pos_sessions)
        .where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
        .values(status=SessionState.CLOSING.value, z_report_data=json.dumps(shift))
    )


def settle_closing(conn: Connection, register_id: str, *, at: datetime) -> None:
    """Close what is ``closing`` on this register if its shift is closed. For whoever comes by."""
    shift = _shift_of_closing(conn, register_id)
    stored = None if shift is None else stored_z_report(conn, register_id, **shift)
    if shift is not None and stored is not None:
        held = totals(conn, register_id)
        _keep_held(conn, register_id, shift, stored, held)
        close_all(conn, register_id, at=at, z_report=z_answer(stored, held))


def end_closing(conn: Connection, register_id: str, *, at: datetime) -> None:
    """End what is ``closing`` on this register: closed if its shift is, open again if the register was never
    told or did not do it, as it is while that is not known.

    For the register's lane, in a transaction that checks its term, and not beside a report of its own.
    """
    settle_closing(conn, register_id, at=at)
    if any(one.what is AttemptKind.CLOSE_SHIFT for one in attempts.open_attempts(conn, register_id)):
        return
    conn.execute(
        update(pos_sessions)
        .where(_closing(register_id))
        .values(status=SessionState.OPEN.value, z_report_data=None)
    )


def is_closing(conn: Connection, register_id: str) -> bool:
    return _shift_of_closing(conn, register_id) is not None


def close_all(conn: Connection, register_id: str, *, at: datetime, z_report: Json) -> int:
    """A Z report closes the sessions of the register's tills; returns how many."""
    counters.lock(conn)
    rows = conn.execute(
        select(pos_sessions.c.session_id).where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
    ).all()
    for row in rows:
        close(conn, row.session_id, at, z_report=jsontext.encode(z_report))
    return len(rows)


def close(conn: Connection, session_id: str, at: datetime, *, z_report: str | None) -> None:
    """Close one session, with its event."""
    conn.execute(
        update(pos_sessions)
        .where(pos_sessions.c.session_id == session_id)
        .values(status=SessionState.CLOSED.value, closed_at=at, z_report_data=z_report)
    )
    row = conn.execute(select(pos_sessions).where(pos_sessions.c.session_id == session_id)).one()
    facts = {"session_id": session_id, "pos_id": row.pos_id, "cash": rubles(row.cash_kop)}
    events.write(conn, [events.entry(EventType.SESSION_CLOSED, at, **facts)])


def _closing(register_id: str) -> ColumnElement[bool]:
    return and_(
        OPEN_SESSION,
        pos_sessions.c.register_id == register_id,
        pos_sessions.c.status == SessionState.CLOSING.value,
    )


def _shift_of_closing(conn: Connection, register_id: str) -> Json | None:
    """The shift with which this register's sessions are to close; None: they are not."""
    row = conn.execute(select(pos_sessions.c.z_report_data).where(_closing(register_id)).limit(1)).first()
    shift: Json | None = None if row is None else json.loads(row.z_report_data)
    return shift


def _keep_held(conn: Connection, register_id: str, shift: Json, stored: Json, held: Json) -> None:
    """So that a repeated request for this report gets the same cash."""
    kept = {name: value if isinstance(value, int) else str(value) for name, value in held.items()}
    matches = [shifts.c[name] == value for name, value in ({"register_id": register_id} | shift).items()]
    text = json.dumps(stored | {HELD: kept}, ensure_ascii=False)
    conn.execute(update(shifts).where(*matches).values(z_report=text))
