"""What a call says of every till: its register, its buffer, its operator.

Facts that this process does not know, because another one drives the register, are null.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.registration import stored_facts
from kkt_adapter.fiscal.store.tables import FAILED_ROWS, UNDELIVERED_ROWS, receipts
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import KktUnavailable, ShiftExpired
from kkt_adapter.runtime.db.protocol import Database

FRESH_S = 5.0  # calls that follow each other at once say the same of the tills


@dataclass(frozen=True, slots=True, kw_only=True)
class PointShift:
    number: int
    state: ShiftState
    opened_at: datetime | None  # aware UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPoint:
    """The till's register; what this process does not know is None."""

    serial_number: str | None
    registration_number: str | None
    fn_number: str | None
    state: KktState | None
    shift: PointShift | None
    fn_valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReceipts:
    """Undelivered and failed receipts of one till; ``oldest_at``: the oldest undelivered one."""

    pending: int
    syncing: int
    failed: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One till: its register, its buffer, its operator."""

    pos_id: str
    register: RegisterPoint
    buffer: WaitingReceipts
    breaker: BreakerState
    ofd_last_ack_at: datetime | None


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """Undelivered and failed receipts of one till."""

    pending: int = 0
    syncing: int = 0
    failed: int = 0
    oldest_at: datetime | None = None


class Points:
    def __init__(
        self,
        *,
        registers: Registers,
        endpoint_of: Callable[[Unit], Endpoint],
        database: Database,
        clock: Clock,
    ) -> None:
        self._registers = registers
        self._endpoint_of = endpoint_of
        self._db = database
        self._clock = clock
        self._read_at: float | None = None
        self._points: Sequence[Point] = ()

    async def read(self) -> Sequence[Point]:
        """One entry a till. Raises StorageError."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= FRESH_S:
            units = self._registers.all()
            waiting, stored = await self._db.read(lambda c: (_waiting(c), _stored(c, units)))
            self._points = [
                self._point(pos_id, unit, waiting.get(pos_id) or _Waiting(), stored.get(unit.register_id))
                for pos_id, unit in self._registers.tills()
            ]
            self._read_at = now
        return self._points

    def _point(self, pos_id: str, unit: Unit, waiting: _Waiting, stored: Registration | None) -> Point:
        endpoint = self._endpoint_of(unit)
        return Point(
            pos_id=pos_id,
            register=_register(unit, unit.registration or stored),
            buffer=WaitingReceipts(
                pending=waiting.pending,
                syncing=waiting.syncing,
                failed=waiting.failed,
                oldest_at=waiting.oldest_at,
            ),
            breaker=endpoint.state,
            ofd_last_ack_at=endpoint.last_ok_at,
        )


def _register(unit: Unit, facts: Registration | None) -> RegisterPoint:
    status = unit.lane.session.status if unit.lane.holds() else None
    return RegisterPoint(
        serial_number=None if facts is None else facts.serial_number,
        registration_number=None if facts is None else facts.registration_number,
        fn_number=None if facts is None else facts.fn_number,
        state=_state(unit, status),
        shift=None if status is None else _shift(unit, status),
        fn_valid_until=None if status is None else status.fn_valid_until,
    )


def _state(unit: Unit, status: KktStatus | None) -> KktState | None:
    """The device's own word; trouble without one is a broken link, or something a person must look at."""
    trouble = unit.lane.trouble if unit.lane.holds() else None
    match trouble:
        case None | ShiftExpired():
            return None if status is None else status.state
        case KktUnavailable():
            said = trouble.facts.get("state")
            return KktState(str(said)) if said in list(KktState) else KktState.UNREACHABLE
        case _:
            return KktState.FAULT


def _shift(unit: Unit, status: KktStatus) -> PointShift:
    opened = status.shift_opened_at
    return PointShift(
        number=status.shift_number,
        state=status.shift_state,
        opened_at=None if opened is None else opened.replace(tzinfo=unit.zone).astimezone(UTC),
    )


def _waiting(conn: Connection) -> Mapping[str, _Waiting]:
    found: dict[str, _Waiting] = {}
    undelivered = conn.execute(
        select(receipts.c.pos_id, receipts.c.status, func.count(), func.min(receipts.c.created_at))
        .where(UNDELIVERED_ROWS)
        .group_by(receipts.c.pos_id, receipts.c.status)
    )
    for pos_id, status, n, oldest_at in undelivered:
        waiting = found.setdefault(pos_id, _Waiting())
        if status == Status.PENDING:
            waiting.pending = n
        else:
            waiting.syncing = n
        waiting.oldest_at = oldest_at if waiting.oldest_at is None else min(waiting.oldest_at, oldest_at)
    failed = select(receipts.c.pos_id, func.count()).where(FAILED_ROWS).group_by(receipts.c.pos_id)
    for pos_id, n in conn.execute(failed):
        found.setdefault(pos_id, _Waiting()).failed = n
    return found


def _stored(conn: Connection, units: tuple[Unit, ...]) -> Mapping[str, Registration | None]:
    """Registrations of registers that another process drives."""
    return {u.register_id: stored_facts(conn, u.register_id) for u in units if u.registration is None}
