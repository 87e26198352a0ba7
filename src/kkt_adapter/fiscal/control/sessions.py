"""POS sessions: a till's cash from opening to closing (http-api.md#sessions-and-cash).

One open session a till, held by a unique index. Balances move with every printed receipt
(``cash_movements.py``);
at start every open session is restored and compared with an independent sum of its movements.

Closing and comparing take the counters' row first, as printing does, so that on a database with several
writers no movement slips in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.intake import press_guard
from kkt_adapter.fiscal.intake.press_guard import PressGuard
from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.lifecycle import DeviceCash, SessionState
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.shifts import device_cash
from kkt_adapter.fiscal.shifts.pos_session import PosSession, dump_session, load_session, session_of
from kkt_adapter.fiscal.shifts.session_rows import close as close_row
from kkt_adapter.fiscal.shifts.session_rows import settle_closing
from kkt_adapter.fiscal.store import counters, events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.idempotency import KeyScope, Outcome, once
from kkt_adapter.fiscal.store.session_tables import OPEN_SESSION, cash_transactions, pos_sessions
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, NotFound
from kkt_adapter.kernel.ids import PosId, random_id
from kkt_adapter.kernel.money import rubles
from kkt_adapter.runtime.db.protocol import Database

_OPEN, _CLOSE, _CASH = (
    KeyScope(name=name, dump=dump_session, load=load_session)
    for name in ("session_open", "session_close", "cash")
)
_ZEROS = dict.fromkeys(
    ("card_kop", "sales_kop", "refunds_kop", "cash_in_kop", "cash_out_kop", "receipt_count"), 0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """An open session whose balance is not the sum of its movements; kopecks."""

    session_id: str
    pos_id: str
    kept_kop: int
    counted_kop: int


class Sessions:
    def __init__(self, *, database: Database, registers: Registers, clock: Clock) -> None:
        self._db = database
        self._registers = registers
        self._clock = clock
        self.mismatches: tuple[Mismatch, ...] = ()  # of the start; see ``still_open``

    async def restore(self) -> tuple[Mismatch, ...]:
        """At start: every open session, compared with its movements. Differences are events and alerts."""
        now = self._clock.now()
        self.mismatches = await self._db.write(lambda c: _restore(c, now))
        return self.mismatches

    async def open(
        self, pos_id: str, *, session_id: str | None, opening_cash_kop: int, key: str | None
    ) -> Outcome[PosSession]:
        """Open the till's session; without an id it gets one.

        Raises:
            Conflict: one is open already, or the id was used before.
            IdempotencyConflict: the key belongs to another request.
            ReceiptInvalid: no register serves this till.
        """
        unit = await self._registers.for_till(PosId(pos_id))
        chosen, now = session_id or random_id(), self._clock.now()

        def effect(conn: Connection) -> PosSession:
            settle_closing(conn, unit.register_id, at=now)
            if _open_row(conn, pos_id) is not None:
                raise _open_already(pos_id)
            used = select(pos_sessions.c.session_id).where(pos_sessions.c.session_id == chosen)
            if conn.execute(used).first() is not None:
                raise Conflict(f"session {chosen} exists already", f"сессия {chosen} уже существует")
            row = insert(pos_sessions).values(
                session_id=chosen,
                pos_id=pos_id,
                register_id=unit.register_id,
                opened_at=now,
                opening_cash_kop=opening_cash_kop,
                cash_kop=opening_cash_kop,
                status=SessionState.OPEN.value,
                **_ZEROS,
            )
            try:
                with conn.begin_nested():
                    conn.execute(row)
            except IntegrityError as error:  # another request was quicker
                raise _open_already(pos_id) from error
            _note(conn, EventType.SESSION_OPENED, now, session_id=chosen, pos_id=pos_id)
            return session_of(_row(conn, chosen))

        request = {"pos_id": pos_id, "session_id": session_id, "opening_cash_kop": opening_cash_kop}
        return await self._db.write(
            lambda c: once(c, key, scope=_OPEN, request=request, at=now, effect=effect)
        )

    async def close(
        self,
        pos_id: str,
        *,
        session_id: str | None,
        key: str | None,
        counted_kop: int | None = None,
        by: str = "",
    ) -> Outcome[PosSession]:
        """Close the till's session; ``counted_kop``: the cash that ``by`` counted in its drawer.

        Raises:
            Conflict: none is open, or another one than ``session_id``.
            IdempotencyConflict: the key belongs to another request.
        """
        now = self._clock.now()

        def effect(conn: Connection) -> PosSession:
            counters.lock(conn)
            row = _required(conn, pos_id, session_id, at=now)
            if counted_kop is not None:
                _count(conn, row, counted_kop, at=now, by=by)
            close_row(conn, row.session_id, now, z_report=None)
            return session_of(_row(conn, row.session_id))

        request: dict[str, Any] = {"pos_id": pos_id, "session_id": session_id}
        if counted_kop is not None:
            request["counted_kop"] = counted_kop
        return await self._db.write(
            lambda c: once(c, key, scope=_CLOSE, request=request, at=now, effect=effect)
        )

    async def count(self, session_id: str, *, counted_kop: int, by: str) -> PosSession:
        """Keep what ``by`` counted in the drawer of a session, open or closed, beside what should be there.

        Raises:
            NotFound: there is no such session.
        """
        now = self._clock.now()

        def effect(conn: Connection) -> PosSession:
            counters.lock(conn)
            query = select(pos_sessions).where(pos_sessions.c.session_id == session_id)
            row = conn.execute(query.with_for_update()).first()
            if row is None:
                raise NotFound(f"no session {session_id}", f"нет сессии {session_id}")
            _count(conn, row, counted_kop, at=now, by=by)
            return session_of(_row(conn, session_id))

        return await self._db.write(effect)

    async def move_cash(
        self,
        pos_id: str,
        *,
        kind: str,
        amount_kop: int,
        reason: str,
        by: str,
        key: str | None,
        guard: PressGuard | None = None,
    ) -> Outcome[PosSession]:
        """Cash put in or taken out (``cash_in``, ``cash_out``); ``by`` is who asked, for the journal.

        Raises:
            Conflict: no session is open, or the till does not hold as much as is to be taken out.
            IdempotencyConflict: the key belongs to another request.
            PressRepeated: ``guard`` found an equal movement under another key.
        """
        now = self._clock.now()

        def effect(conn: Connection) -> PosSession:
            if guard is not None and key is not None:
                _press_once(conn, key, guard, at=now)
            row = _required(conn, pos_id, None, at=now)
            signed = amount_kop if kind == "cash_in" else -amount_kop
            if signed < 0 and row.cash_kop + signed < 0:
                raise Conflict(
                    f"the till holds {rubles(row.cash_kop)} only", f"в кассе только {rubles(row.cash_kop)}"
                )
            column = pos_sessions.c.cash_in_kop if kind == "cash_in" else pos_sessions.c.cash_out_kop
            conn.execute(
                update(pos_sessions)
                .where(pos_sessions.c.session_id == row.session_id)
                .values({"cash_kop": pos_sessions.c.cash_kop + signed, column.name: column + amount_kop})
            )
            conn.execute(
                insert(cash_transactions).values(
                    session_id=row.session_id,
                    pos_id=pos_id,
                    transaction_type=kind,
                    amount_kop=amount_kop,
                    payment_method="cash",
                    reason=reason,
                    timestamp=now,
                    synced_to_odoo=False,
                    register_id=row.register_id,
                    device_state=self._device_state(row.register_id),
                )
            )
            _note(conn, EventType.CASH_MOVED, now, pos_id=pos_id, kind=kind, amount=rubles(amount_kop), by=by)
            return session_of(_row(conn, row.session_id))

        request = {"pos_id": pos_id, "kind": kind, "amount_kop": amount_kop, "reason": reason}
        outcome = await self._db.write(
            lambda c: once(c, key, scope=_CASH, request=request, at=now, effect=effect)
        )
        unit = self._registers.find(PosId(pos_id))
        if unit is not None:
            unit.lane.cash_waits()
        return outcome

    async def decide_cash(self, movement: int, *, done: bool, by: str, reason: str) -> None:
        """A person's word on a movement of which the register's counters do not tell whether it was done:
        it was, or it is to be sent once more.

        Raises:
            Conflict: it is not such a one.
        """
        now = self._clock.now()

        def write(conn: Connection) -> str:
            register_id = device_cash.decide(conn, movement, done=done)
            if register_id is None:
                raise Conflict(
                    f"cash movement {movement} does not wait for a decision",
                    f"внесение или изъятие {movement} не ждёт решения",
                )
            action = "done" if done else "send_again"
            facts = {"movement": movement, "action": action, "by": by, "reason": reason}
            _note(conn, EventType.CASH_DECIDED, now, register_id=register_id, **facts)
            return register_id

        unit = self._registers.by_id(await self._db.write(write))
        if unit is not None:
            unit.lane.cash_waits()

    def _device_state(self, register_id: str) -> str | None:
        """Of a new movement: None where no register counts it."""
        unit = self._registers.by_id(register_id)
        counts = unit is not None and Capability.CASH_COUNTERS in unit.lane.session.driver.capabilities
        return DeviceCash.WAITING.value if counts else None

    async def get(self, pos_id: str) -> PosSession:
        """The till's open session, else its last one. Raises NotFound."""

        def read(conn: Connection) -> Row[Any] | None:
            found: Row[Any] | None = _open_row(conn, pos_id)
            if found is not None:
                return found
            return conn.execute(
                select(pos_sessions)
                .where(pos_sessions.c.pos_id == pos_id)
                .order_by(pos_sessions.c.opened_at.desc())
                .limit(1)
            ).first()

        row = await self._db.read(read)
        if row is None:
            raise NotFound(f"till {pos_id} never had a session", f"у кассы {pos_id} ещё не было сессий")
        return session_of(row)


def _count(conn: Connection, row: Any, counted_kop: int, *, at: datetime, by: str) -> None:
    conn.execute(
        update(pos_sessions)
        .where(pos_sessions.c.session_id == row.session_id)
        .values(counted_kop=counted_kop, counted_expected_kop=row.cash_kop, counted_at=at, counted_by=by)
    )
    facts = {"session_id": row.session_id, "pos_id": row.pos_id, "by": by}
    money = {"counted": rubles(counted_kop), "expected": rubles(row.cash_kop)}
    level = EventLevel.INFO if counted_kop == row.cash_kop else EventLevel.WARNING
    events.write(conn, [events.entry(EventType.CASH_COUNTED, at, level=level, **facts, **money)])


def _press_once(conn: Connection, key: str, guard: PressGuard, *, at: datetime) -> None:
    """Raises PressRepeated."""
    repeated = press_guard.equal_press(conn, guard, at=at)
    if repeated is not None:
        raise repeated
    press_guard.remember(conn, key, guard, at=at)


def still_open(conn: Connection, mismatches: Sequence[Mismatch]) -> list[Mismatch]:
    """Those whose session is open yet: what a person should still look at."""
    if not mismatches:
        return []
    ids = [mismatch.session_id for mismatch in mismatches]
    query = select(pos_sessions.c.session_id).where(OPEN_SESSION, pos_sessions.c.session_id.in_(ids))
    found = set(conn.execute(query).scalars())
    return [mismatch for mismatch in mismatches if mismatch.session_id in found]


def _restore(conn: Connection, at: datetime) -> tuple[Mismatch, ...]:
    counters.lock(conn)
    closing = select(pos_sessions.c.register_id).where(
        OPEN_SESSION, pos_sessions.c.status == SessionState.CLOSING.value
    )
    for register_id in set(conn.execute(closing).scalars()):
        settle_closing(conn, register_id, at=at)
    found = []
    for row in conn.execute(select(pos_sessions).where(OPEN_SESSION)).all():
        counted = row.opening_cash_kop + _cash_moved(conn, row.session_id)
        _note(conn, EventType.SESSION_RESTORED, at, session_id=row.session_id, pos_id=row.pos_id)
        if abs(counted - row.cash_kop) > 1:  # http-api.md#sessions-and-cash: a difference above 0.01
            found.append(
                Mismatch(
                    session_id=row.session_id,
                    pos_id=row.pos_id,
                    kept_kop=row.cash_kop,
                    counted_kop=counted,
                )
            )
            events.write(
                conn,
                [
                    events.entry(
                        EventType.SESSION_MISMATCH,
                        at,
                        level=EventLevel.ERROR,
                        session_id=row.session_id,
                        pos_id=row.pos_id,
                        kept=rubles(row.cash_kop),
                        counted=rubles(counted),
                    )
                ],
            )
    return tuple(found)


def _cash_moved(conn: Connection, session_id: str) -> int:
    """The sum of a session's cash movements, signed, independent of its balances."""
    sign = case((cash_transactions.c.transaction_type.in_(["sale", "cash_in"]), 1), else_=-1)
    total = conn.execute(
        select(func.coalesce(func.sum(cash_transactions.c.amount_kop * sign), 0)).where(
            cash_transactions.c.session_id == session_id, cash_transactions.c.payment_method == "cash"
        )
    ).scalar_one()
    return int(total)


def _open_row(conn: Connection, pos_id: str) -> Any:
    return conn.execute(select(pos_sessions).where(OPEN_SESSION, pos_sessions.c.pos_id == pos_id)).first()


def _row(conn: Connection, session_id: str) -> Any:
    return conn.execute(select(pos_sessions).where(pos_sessions.c.session_id == session_id)).one()


def _open_already(pos_id: str) -> Conflict:
    return Conflict(f"till {pos_id} has an open session", f"у кассы {pos_id} уже есть открытая сессия")


def _required(conn: Connection, pos_id: str, session_id: str | None, *, at: datetime) -> Any:
    found = _open_row(conn, pos_id)
    if found is not None and found.status == SessionState.CLOSING:
        settle_closing(conn, found.register_id, at=at)
    query = select(pos_sessions).where(OPEN_SESSION, pos_sessions.c.pos_id == pos_id)
    row = conn.execute(query.with_for_update()).first()  # two drawers of cash take turns
    if row is None:
        raise Conflict(f"till {pos_id} has no open session", f"у кассы {pos_id} нет открытой сессии")
    if row.status == SessionState.CLOSING:
        raise Conflict(
            f"the session of till {pos_id} is being closed by a Z report",
            f"сессия кассы {pos_id} закрывается Z-отчётом",
        )
    if session_id is not None and row.session_id != session_id:
        raise Conflict(
            f"the open session of till {pos_id} is {row.session_id}",
            f"у кассы {pos_id} открыта другая сессия: {row.session_id}",
        )
    return row


def _note(conn: Connection, event: EventType, at: datetime, **facts: Any) -> None:
    events.write(conn, [events.entry(event, at, **facts)])
