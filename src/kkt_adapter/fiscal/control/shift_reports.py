"""X and Z reports, and shift openings, as people ask for them (http-api.md#register).

An opening or a Z report with a key happens once, over crashes too: the key is bound to the shift before the
register is told to open or close it. A repeated request finds the answer, or the shift that was opened or
closed meanwhile, or does what was left undone; it never touches the shift after that one.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.printing.register_session import ensure_closed
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.shifts import session_rows
from kkt_adapter.fiscal.shifts.reports import (
    ReportMade,
    ReportType,
    ShiftOpened,
    dump_opening,
    dump_report,
    load_opening,
    load_report,
)
from kkt_adapter.fiscal.shifts.shift_rows import (
    ShiftOfFn,
    StoredOpening,
    StoredZReport,
    stored_opening,
    stored_z_report,
)
from kkt_adapter.fiscal.store import idempotency
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.idempotency import KeyScope, Outcome, Stored
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms

X_SCOPE = KeyScope(name="x_report", dump=dump_report, load=load_report)
Z_SCOPE = KeyScope(name="z_report", dump=dump_report, load=load_report)
OPEN_SCOPE = KeyScope(name="shift_open", dump=dump_opening, load=load_opening)
BOUND = "closing"  # member of a stored answer that is none yet: what the key was bound to

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Generic[T]):
    """What a key has: nothing, what it was bound to before the register was told, or its answer."""

    bound: Stored | None = None
    answer: T | None = None


class ShiftReports:
    """``online``: is the network there, as the reports tell it?"""

    def __init__(self, *, database: Database, clock: Clock, online: Callable[[], bool]) -> None:
        self._db = database
        self._clock = clock
        self._online = online

    async def x_report(self, unit: Unit, key: str | None, *, session_id: str | None) -> Outcome[ReportMade]:
        """Totals of the present shift; makes no document. A key that is used twice at once has one answer.

        Raises:
            Conflict: ``session_id`` is not a session that is open on this register.
        """
        await self._ensure_session(unit, session_id)
        totals = await unit.lane.session.driver.x_report()
        held = await self._db.read(lambda c: session_rows.totals(c, unit.register_id))
        now = self._clock.now()
        answer = ReportMade(
            type=ReportType.X,
            at=unit.local(now),
            fd_number=None,
            fiscal_sign=None,
            totals=totals,
            held=held,
            is_offline=not self._online(),
        )
        if key is None:
            return Outcome(answer=answer)
        request = _request(unit)
        return await self._db.write(
            lambda c: idempotency.once(
                c, key, scope=X_SCOPE, request=request, at=now, effect=lambda _: answer
            )
        )

    async def known(self, unit: Unit, key: str, *, scope: KeyScope[T]) -> T | None:
        """The finished answer of this key. Raises IdempotencyConflict."""
        kept = await self._kept(unit, key, scope)
        return kept.answer

    async def open(
        self, unit: Unit, lane: LaneTerm, key: str | None, *, session_id: str | None
    ) -> Outcome[ShiftOpened]:
        """Open a shift; a command of the lane.

        Raises:
            Conflict: one is open, or ``session_id`` is not open on this register.
            ShiftExpired: it must be closed first.
        """
        kept = await self._kept(unit, key, OPEN_SCOPE)
        if kept.answer is not None:
            return Outcome(answer=kept.answer, replayed=True)
        if kept.bound is not None:
            before = kept.bound
            stored = await self._db.read(lambda c: stored_opening(c, **before))
            if stored is not None:
                return Outcome(answer=await self._settle_opening(stored, key))
        else:
            await self._ensure_session(unit, session_id)
        status = await unit.lane.session.look()
        ensure_closed(status)
        bound: Stored = {"fn_number": status.fn_number, "after": status.fd_number}
        if key is not None and kept.bound is None:
            await self._bind(unit, key, bound, scope=OPEN_SCOPE)
        await unit.lane.session.open_shift(lane)
        stored = await self._db.read(lambda c: stored_opening(c, **bound))
        assert stored is not None, "a shift that was opened has its document in the rows"
        return Outcome(answer=await self._settle_opening(stored, key))

    async def _settle_opening(self, stored: StoredOpening, key: str | None) -> ShiftOpened:
        answer = ShiftOpened(
            fd_number=stored.fd_number,
            fiscal_sign=stored.fiscal_sign,
            at=stored.at,
            shift_number=stored.shift_number,
            is_offline=not self._online(),
        )
        if key is not None:
            await self._db.write(lambda c: idempotency.complete(c, key, scope=OPEN_SCOPE, answer=answer))
        return answer

    async def close(
        self, unit: Unit, lane: LaneTerm, key: str | None, *, session_id: str | None
    ) -> Outcome[ReportMade]:
        """Close the shift and the sessions of its tills; a command of the lane.

        Raises:
            Conflict: no shift is open, or ``session_id`` is not a session that is open on this register and
                nothing has begun under this key.
        """
        kept = await self._kept(unit, key, Z_SCOPE)
        if kept.answer is not None:
            return Outcome(answer=kept.answer, replayed=True)
        if kept.bound is not None:
            shift = ShiftOfFn(**kept.bound)
            stored = await self._db.read(lambda c: stored_z_report(c, unit.register_id, shift))
            if stored is not None:
                return Outcome(answer=await self._settle(unit, stored, key))
        else:
            await self._ensure_session(unit, session_id)
        status = await unit.lane.session.driver.status()
        if status.shift_state is ShiftState.CLOSED:
            raise Conflict("no shift is open", "нет открытой смены")
        closing = ShiftOfFn(fn_number=status.fn_number, shift_number=status.shift_number)
        if key is not None and kept.bound is None:
            await self._bind(unit, key, asdict(closing), scope=Z_SCOPE)
        await self._close_shift(unit, lane, closing)
        stored = await self._db.read(lambda c: stored_z_report(c, unit.register_id, closing))
        assert stored is not None, "a shift that was closed has its Z report in the rows"
        return Outcome(answer=await self._settle(unit, stored, key))

    async def _close_shift(self, unit: Unit, lane: LaneTerm, shift: ShiftOfFn) -> None:
        """With the sessions ``closing`` meanwhile, and open again when the register did not do it."""
        term = {lane.key}

        def begin(conn: Connection) -> None:
            check_terms(conn, term)
            session_rows.begin_closing(conn, unit.register_id, shift)

        def end(conn: Connection) -> None:
            check_terms(conn, term)
            session_rows.end_closing(conn, unit.register_id, at=self._clock.now())

        await self._db.write(begin)
        try:
            await unit.lane.session.close_shift(lane)
        except AdapterError:
            await self._db.write(end)
            raise

    async def _ensure_session(self, unit: Unit, session_id: str | None) -> None:
        """A report that names a session is for that session. Where none is open there is nothing to spoil."""
        if session_id is None:
            return
        held = await self._db.read(lambda c: session_rows.open_ids(c, unit.register_id))
        if held and session_id not in held:
            named = ", ".join(held)
            raise Conflict(
                f"session {session_id} is not open on this register; open: {named}",
                f"сессия {session_id} не открыта на этой ККТ; открыты: {named}",
            )

    async def _kept(self, unit: Unit, key: str | None, scope: KeyScope[T]) -> _Kept[T]:
        """What the key has by now. Raises IdempotencyConflict."""
        if key is None:
            return _Kept()
        request = _request(unit)
        stored = await self._db.read(lambda c: idempotency.known(c, key, scope=scope.name, request=request))
        if stored is None:
            return _Kept()
        return _Kept(bound=stored[BOUND]) if BOUND in stored else _Kept(answer=scope.load(stored))

    async def _bind(self, unit: Unit, key: str, to: Stored, *, scope: KeyScope[Any]) -> None:
        request, now = _request(unit), self._clock.now()
        await self._db.write(
            lambda c: idempotency.bind(c, key, scope=scope.name, request=request, to={BOUND: to}, at=now)
        )

    async def _settle(self, unit: Unit, stored: StoredZReport, key: str | None) -> ReportMade:
        """The answer, the sessions and the key, in one commit."""
        now = self._clock.now()

        def write(conn: Connection) -> ReportMade:
            held = stored.held or session_rows.totals(conn, unit.register_id)
            answer = stored.made(held, is_offline=not self._online())
            if stored.held is None:  # else its sessions are closed already
                session_rows.close_all(conn, unit.register_id, at=now, z_report=answer)
            if key is not None:
                idempotency.complete(conn, key, scope=Z_SCOPE, answer=answer)
            return answer

        return await self._db.write(write)


def _request(unit: Unit) -> Stored:
    return _request_of(unit.register_id)


def _request_of(register_id: str) -> Stored:
    return {"register_id": register_id}


def is_for(register_id: str, request_hash: bytes) -> bool:
    """Whether the key of a report or an opening, kept with this hash, was used for this register."""
    return idempotency.request_hash(_request_of(register_id)) == request_hash
