"""Cash movements on their way to the register: rows of ``cash_transactions`` with a ``device_state``.

A movement counts for the till's session from the moment it is accepted. Its slip and the register's own count
follow once: what the register's counters told is committed before the movement is sent, so that after a lost
answer or a kill the counters say whether it was done.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.store.session_tables import AT_DEVICE, cash_transactions
from kkt_adapter.kernel.errors import IllegalTransition, Text

_UNDER_WAY = (DeviceCash.WAITING.value, DeviceCash.SENT.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a register told: its FN, shift, and how often cash was put in and taken out."""

    fn_number: str
    shift_number: int
    put_in: int
    taken_out: int
    by_shift: bool = False  # the counters begin anew with every shift


@dataclass(frozen=True, slots=True, kw_only=True)
class CashOrder:
    """``amount_kop`` is negative for cash taken out. ``before``: None while it waits."""

    id: int
    amount_kop: int
    state: DeviceCash
    before: Counted | None
    sent_by: str | None
    at: datetime  # when the till told of it
    asked: bool = False  # a person has been asked about it

    def may_be_done(self, replaced_at: datetime | None) -> bool:
        """It waits in a database that has taken the place of a newer state of itself, by
        ``losses.replaced_at``: that state may have sent it."""
        return not self.asked and replaced_at is not None and self.at <= replaced_at


class Happened:
    """The counters say that it was done."""


class NotYet:
    """The counters say that it was not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    why: Text


CashOutcome = Happened | NotYet | Unclear


def judge(order: CashOrder, now: Counted) -> CashOutcome:
    """Was a movement done whose answer is not known? One command moves one counter by one."""
    before = order.before
    assert before is not None, "only what was sent is judged"
    if now.fn_number != before.fn_number or (now.by_shift and now.shift_number != before.shift_number):
        return Unclear(
            why=Text(
                f"FN or shift are others than before: {before.fn_number}, {before.shift_number}; now "
                f"{now.fn_number}, {now.shift_number}",
                f"ФН или смена уже не те: были {before.fn_number}, {before.shift_number}, теперь "
                f"{now.fn_number}, {now.shift_number}",
            )
        )
    moved = (now.put_in - before.put_in, now.taken_out - before.taken_out)
    if moved == (0, 0):
        return NotYet()
    if moved == ((1, 0) if order.amount_kop > 0 else (0, 1)):
        return Happened()
    return Unclear(
        why=Text(
            f"since it was sent cash was put in {moved[0]} times and taken out {moved[1]} times",
            f"после отправки внесений было {moved[0]}, изъятий {moved[1]}",
        )
    )


def first_order(conn: Connection, register_id: str) -> CashOrder | None:
    """The oldest one that waits or was sent."""
    t = cash_transactions.c
    under_way = t.device_state.in_(_UNDER_WAY)
    query = select(cash_transactions).where(AT_DEVICE, t.register_id == register_id, under_way)
    row = conn.execute(query.order_by(t.id).limit(1)).first()
    return None if row is None else _order(row)


def registers_with_orders(conn: Connection) -> list[str]:
    """All registers that ``first_order`` gives one for."""
    t = cash_transactions.c
    query = select(t.register_id).where(AT_DEVICE, t.device_state.in_(_UNDER_WAY))
    return list(conn.execute(query.distinct()).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnclearCash:
    """One that waits for a person."""

    id: int
    pos_id: str
    register_id: str
    kind: str  # cash_in, cash_out
    amount_kop: int


def unclear(conn: Connection) -> tuple[UnclearCash, ...]:
    """Oldest first."""
    t = cash_transactions.c
    columns = (t.id, t.pos_id, t.register_id, t.transaction_type, t.amount_kop)
    rows = conn.execute(select(*columns).where(AT_DEVICE, t.device_state == DeviceCash.UNCLEAR.value))
    return tuple(
        UnclearCash(
            id=row.id,
            pos_id=row.pos_id,
            register_id=row.register_id,
            kind=row.transaction_type,
            amount_kop=row.amount_kop,
        )
        for row in sorted(rows, key=lambda row: int(row.id))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CashAtRegister:
    """One that its register has not counted yet, or of which nobody knows whether it has."""

    id: int
    pos_id: str
    register_id: str
    kind: str  # cash_in, cash_out
    amount_kop: int
    reason: str
    at: datetime  # when the till told of it
    state: DeviceCash  # waiting, sent, unclear
    error: str | None  # Russian: why a person is asked


def at_registers(conn: Connection, pos_id: str | None = None) -> tuple[CashAtRegister, ...]:
    """Of one till, or of all; oldest first."""
    query = select(cash_transactions).where(AT_DEVICE)
    if pos_id is not None:
        query = query.where(cash_transactions.c.pos_id == pos_id)
    return tuple(
        CashAtRegister(
            id=row.id,
            pos_id=row.pos_id,
            register_id=row.register_id,
            kind=row.transaction_type,
            amount_kop=row.amount_kop,
            reason=row.reason or "",
            at=row.timestamp,
            state=DeviceCash(row.device_state),
            error=row.device_error,
        )
        for row in conn.execute(query.order_by(cash_transactions.c.id)).all()
    )


def begin(conn: Connection, order: CashOrder, before: Counted, *, by: str) -> None:
    """Commit this before it is sent."""
    _move(
        conn,
        order.id,
        DeviceCash.WAITING,
        device_state=DeviceCash.SENT.value,
        device_fn=before.fn_number,
        device_shift=before.shift_number,
        device_in=before.put_in,
        device_out=before.taken_out,
        sent_by=by,
    )


def end(
    conn: Connection,
    order_id: int,
    state: DeviceCash,
    *,
    was: DeviceCash = DeviceCash.SENT,
    error: str | None = None,
) -> None:
    """What became of one that was sent, or (``was``) that waits and that a person is asked about."""
    _move(conn, order_id, was, device_state=state.value, device_error=error)


def decide(conn: Connection, order_id: int, *, done: bool) -> str | None:
    """A person's word on an unclear one. Its register; None: there is no such one."""
    t = cash_transactions.c
    state = DeviceCash.DONE if done else DeviceCash.WAITING
    changed = conn.execute(_in_state(order_id, DeviceCash.UNCLEAR).values(device_state=state.value))
    if changed.rowcount != 1:
        return None
    return str(conn.execute(select(t.register_id).where(t.id == order_id)).scalar_one())


def _move(conn: Connection, order_id: int, was: DeviceCash, **values: Any) -> None:
    if conn.execute(_in_state(order_id, was).values(**values)).rowcount != 1:
        raise IllegalTransition(f"cash movement {order_id} is not {was} any more")


def _in_state(order_id: int, state: DeviceCash) -> Any:
    t = cash_transactions.c
    conditions: tuple[ColumnElement[bool], ...] = (t.id == order_id, t.device_state == state.value)
    return update(cash_transactions).where(*conditions)


def _order(row: Any) -> CashOrder:
    before = None
    if row.device_state == DeviceCash.SENT.value:
        before = Counted(
            fn_number=row.device_fn,
            shift_number=row.device_shift,
            put_in=row.device_in,
            taken_out=row.device_out,
        )
    sign = 1 if row.transaction_type == "cash_in" else -1
    return CashOrder(
        id=row.id,
        amount_kop=sign * row.amount_kop,
        state=DeviceCash(row.device_state),
        before=before,
        sent_by=row.sent_by,
        at=row.timestamp,
        asked=row.device_error is not None,
    )
