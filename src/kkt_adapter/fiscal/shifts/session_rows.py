"""Rows of POS sessions as a Z report moves them: open, closing, closed; plain functions in a transaction.

A Z report that somebody asks for closes the sessions of its register. They are ``closing`` from before the
register is told until the report is written down, and name the shift meanwhile. What a crash left so is
settled with the next look: closed if the shift was, and as it is while nobody knows. Only their register's
lane makes them open again: between ``closing`` and the attempt's row a report leaves no trace, and nobody but
who drives the register knows that none is on its way. The report that ends a shift after 24 hours by itself
closes no session: nobody has counted the drawer.
"""

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from kkt_adapter.fiscal.lifecycle import AttemptKind, SessionState
from kkt_adapter.fiscal.shifts.reports import HeldCash, ReportMade, dump_report
from kkt_adapter.fiscal.shifts.shift_rows import ShiftOfFn, keep_held, stored_z_report
from kkt_adapter.fiscal.store import attempts, counters, events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.session_tables import OPEN_SESSION, pos_sessions
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.money import Kopecks, rubles

_CLOSING = pos_sessions.c.status == SessionState.CLOSING.value


def totals(conn: Connection, register_id: str) -> HeldCash:
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
    return HeldCash(
        sessions=row.sessions,
        opening_kop=Kopecks(int(row.opening)),
        in_kop=Kopecks(int(row.cash_in)),
        out_kop=Kopecks(int(row.cash_out)),
        till_kop=Kopecks(int(row.cash)),
    )


def open_ids(conn: Connection, register_id: str) -> list[str]:
    """The sessions of a register's tills that are open, or closing."""
    query = select(pos_sessions.c.session_id).where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
    return list(conn.execute(query.order_by(pos_sessions.c.opened_at)).scalars())


def begin_closing(conn: Connection, register_id: str, shift: ShiftOfFn) -> None:
    """The register is about to be told to close ``shift``."""
    conn.execute(
        update(pos_sessions)
        .where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
        .values(status=SessionState.CLOSING.value, z_report_data=json.dumps(asdict(shift)))
    )


def settle_closing(conn: Connection, register_id: str, *, at: datetime) -> None:
    """Close what is ``closing`` on this register if its shift is closed. For whoever comes by."""
    shift = _shift_of_closing(conn, register_id)
    stored = None if shift is None else stored_z_report(conn, register_id, shift)
    if shift is not None and stored is not None:
        held = totals(conn, register_id)
        keep_held(conn, register_id, shift, held)
        close_all(conn, register_id, at=at, z_report=stored.made(held))


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


def registers_closing(conn: Connection) -> list[str]:
    """All registers that ``is_closing`` is true for."""
    query = select(pos_sessions.c.register_id).where(OPEN_SESSION, _CLOSING)
    return list(conn.execute(query.distinct()).scalars())


def close_all(conn: Connection, register_id: str, *, at: datetime, z_report: ReportMade) -> int:
    """A Z report closes the sessions of the register's tills; returns how many."""
    counters.lock(conn)
    rows = conn.execute(
        select(pos_sessions.c.session_id).where(OPEN_SESSION, pos_sessions.c.register_id == register_id)
    ).all()
    for row in rows:
        close(conn, row.session_id, at, z_report=jsontext.encode(dump_report(z_report)))
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
        _CLOSING,
    )


def _shift_of_closing(conn: Connection, register_id: str) -> ShiftOfFn | None:
    """The shift with which this register's sessions are to close; None: they are not."""
    row = conn.execute(select(pos_sessions.c.z_report_data).where(_closing(register_id)).limit(1)).first()
    return None if row is None else ShiftOfFn(**json.loads(row.z_report_data))
