"""Shifts, sessions and movements of cash, read for people: the newest first, a bounded number of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.shifts.device_cash import CashAtRegister, at_registers
from kkt_adapter.fiscal.shifts.pos_session import PosSession, session_of
from kkt_adapter.fiscal.shifts.shift_rows import StoredZReport, z_report_of
from kkt_adapter.fiscal.store.session_tables import (
    CLOSED_SESSION,
    OPEN_SESSION,
    cash_transactions,
    pos_sessions,
)
from kkt_adapter.fiscal.store.tables import OPENED_ROWS, shifts
from kkt_adapter.kernel.errors import NotFound
from kkt_adapter.kernel.money import Kopecks
from kkt_adapter.runtime.db.protocol import Database

MOVEMENTS = 500  # of one session that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOnRecord:
    """A shift that this adapter saw opened or closed. Times are the register's wall clock; ``report`` is None
    while it is open, or when another program closed it."""

    register_id: str
    fn_number: str
    shift_number: int
    opened_at: datetime | None
    closed_at: datetime | None
    report: StoredZReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMovement:
    """``kind``: sale, refund, cash_in, cash_out; ``amount_kop`` is positive, the kind gives its direction."""

    at: datetime
    kind: str
    amount_kop: Kopecks
    method: str  # cash, card, prepaid, credit, other
    receipt_id: str | None
    reason: str | None
    at_register: DeviceCash | None  # None: no register counts it


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetail:
    """A session with its last ``MOVEMENTS`` movements, the newest first; ``more``: there are others."""

    session: PosSession
    movements: Sequence[CashMovement]
    more: bool


class ShiftBook:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def shifts(self, *, register_id: str | None, limit: int) -> Sequence[ShiftOnRecord]:
        """Of one register, or of all."""
        return await self._db.read(lambda c: _shifts(c, register_id, limit))

    async def open_sessions(self) -> Sequence[PosSession]:
        """By till; at most one a till."""
        query = select(pos_sessions).where(OPEN_SESSION).order_by(pos_sessions.c.pos_id)
        return [session_of(row) for row in await self._db.read(lambda c: c.execute(query).all())]

    async def sessions(self, *, pos_id: str | None, limit: int) -> Sequence[PosSession]:
        """Closed ones of one till, or of all."""
        query = select(pos_sessions).where(CLOSED_SESSION)
        if pos_id is not None:
            query = query.where(pos_sessions.c.pos_id == pos_id)
        query = query.order_by(pos_sessions.c.opened_at.desc()).limit(limit)
        return [session_of(row) for row in await self._db.read(lambda c: c.execute(query).all())]

    async def cash_at_registers(self, *, pos_id: str | None) -> Sequence[CashAtRegister]:
        """Cash put in and taken out that registers have not counted yet, or perhaps have; oldest first."""
        return await self._db.read(lambda c: at_registers(c, pos_id))

    async def session(self, session_id: str) -> SessionDetail:
        """Raises NotFound."""
        return await self._db.read(lambda c: _session(c, session_id))


def _shifts(conn: Connection, register_id: str | None, limit: int) -> list[ShiftOnRecord]:
    """The newest first, those that another program opened last."""
    number = shifts.c.shift_number.desc()
    if register_id is not None:  # sorted anew, they are few; the index of all would lead over other registers
        opened = func.coalesce(shifts.c.opened_at, "").desc()
        mine = select(shifts).where(shifts.c.register_id == register_id)
        return [_shift(row) for row in conn.execute(mine.order_by(opened, number).limit(limit)).all()]
    seen = select(shifts).where(OPENED_ROWS).order_by(shifts.c.opened_at.desc(), number)
    rows = list(conn.execute(seen.limit(limit)))
    if len(rows) < limit:
        unseen = select(shifts).where(shifts.c.opened_at.is_(None)).order_by(number)
        rows += conn.execute(unseen.limit(limit - len(rows)))
    return [_shift(row) for row in rows]


def _shift(row: Any) -> ShiftOnRecord:
    return ShiftOnRecord(
        register_id=row.register_id,
        fn_number=row.fn_number,
        shift_number=row.shift_number,
        opened_at=_wall(row.opened_at),
        closed_at=_wall(row.closed_at),
        report=z_report_of(row.z_report),
    )


def _session(conn: Connection, session_id: str) -> SessionDetail:
    row = conn.execute(select(pos_sessions).where(pos_sessions.c.session_id == session_id)).first()
    if row is None:
        raise NotFound(f"no session {session_id}", f"нет сессии {session_id}")
    found = conn.execute(
        select(cash_transactions)
        .where(cash_transactions.c.session_id == session_id)
        .order_by(cash_transactions.c.id.desc())
        .limit(MOVEMENTS + 1)
    ).all()
    return SessionDetail(
        session=session_of(row),
        movements=[
            CashMovement(
                at=one.timestamp,
                kind=one.transaction_type,
                amount_kop=Kopecks(one.amount_kop),
                method=one.payment_method,
                receipt_id=one.receipt_id,
                reason=one.reason,
                at_register=None if one.device_state is None else DeviceCash(one.device_state),
            )
            for one in found[:MOVEMENTS]
        ],
        more=len(found) > MOVEMENTS,
    )


def _wall(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
