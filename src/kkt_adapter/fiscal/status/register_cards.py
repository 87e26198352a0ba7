"""One card per register for the overview: what the device said last, and what the database knows of it.

Asks no device. The database gives one row for each register with undelivered receipts (a partial index) and
one document for each FN (primary key), however many receipts are stored. The more receipts are undelivered,
the less often they are counted.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import IntEnum

from sqlalchemy import Connection, Select, func, select

from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.monitoring.legal_clocks import (
    FN_DAYS_ALARM,
    FN_DAYS_WARN,
    FN_DOCUMENTS_ALARM,
    SHIFT_WARN_S,
    UNDELIVERED_ALARM_S,
    UNDELIVERED_LIMIT_S,
)
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.fiscal.store.document_dates import last_documents
from kkt_adapter.fiscal.store.tables import UNDELIVERED_ROWS, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.protocol import Database

SLOW_DELIVERY_S = 3600.0  # an undelivered receipt older than this is worth a look
COUNTED_A_SECOND = 5_000  # undelivered receipts; 100,000 are counted at most every 20 s


class Worry(IntEnum):
    """How soon somebody should look; the worst first."""

    BAD = 0  # cannot print, or soon cannot by law
    QUESTION = 1  # a person must decide
    WARN = 2
    FINE = 3
    UNKNOWN = 4  # never reached, nothing wrong is known


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDocument:
    fd_number: int
    fiscalized_at: datetime  # the register's wall clock
    receipt_id: str | None  # None: a report


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCard:
    """``status`` is None until the device has told something; its wall-clock times are naive, in ``zone``."""

    register_id: str
    tills: tuple[str, ...]
    kind: str
    transport: str
    zone: tzinfo
    status: KktStatus | None
    told_at: datetime | None
    trouble: AdapterError | None
    has_question: bool
    shift_age_s: float | None  # None: no shift is open
    fn_days_left: int | None
    undelivered: int
    oldest_at: datetime | None  # acceptance of the oldest undelivered receipt
    oldest_age_s: float | None
    last: LastDocument | None
    print_s: float | None  # half of the documents since the start took less
    worry: Worry

    @property
    def undelivered_share(self) -> float:
        """Of the 30 days after which an FN blocks itself."""
        return (self.oldest_age_s or 0.0) / UNDELIVERED_LIMIT_S


@dataclass(frozen=True, slots=True)
class _Waiting:
    count: int
    oldest_at: datetime


class RegisterCards:
    """Event loop only."""

    def __init__(self, *, database: Database, registers: Registers, prints: PrintStats, clock: Clock) -> None:
        self._db = database
        self._registers = registers
        self._prints = prints
        self._clock = clock
        self._waiting: Mapping[str, _Waiting] = {}
        self._good_until = float("-inf")  # monotonic; so long the counts of undelivered receipts are shown

    async def read(self) -> tuple[RegisterCard, ...]:
        """Every register, the worst first, else by name. Raises StorageError."""
        units = self._registers.all()
        fns = {u.lane.session.status.fn_number for u in units if u.lane.session.status is not None}
        tills: dict[str, list[str]] = {}
        for pos_id, unit in self._registers.tills():
            tills.setdefault(unit.register_id, []).append(pos_id)
        now, known = self._clock.monotonic(), self._waiting
        counts_anew = now >= self._good_until
        waiting, last = await self._db.read(
            lambda c: (_waiting(c) if counts_anew else known, _last_documents(c, fns))
        )
        if counts_anew:
            counted = sum(one.count for one in waiting.values())
            self._waiting, self._good_until = waiting, now + counted / COUNTED_A_SECOND
        cards = [self._card(unit, tills.get(unit.register_id, []), waiting, last) for unit in units]
        return tuple(sorted(cards, key=lambda card: (card.worry, card.register_id)))

    def register_ids(self) -> tuple[str, ...]:
        return tuple(sorted(unit.register_id for unit in self._registers.all()))

    def zone(self) -> tzinfo:
        """In which pages show times: the first register's, UTC while there is none."""
        return next((unit.zone for unit in self._registers.all()), UTC)

    def zone_of(self, register_id: str) -> tzinfo:
        """A register's zone; that of the pages for one that is no longer configured."""
        found = (u.zone for u in self._registers.all() if u.register_id == register_id)
        return next(found, self.zone())

    def _card(
        self,
        unit: Unit,
        tills: Iterable[str],
        waiting: Mapping[str, _Waiting],
        last: Mapping[str, LastDocument],
    ) -> RegisterCard:
        session, now = unit.lane.session, self._clock.now()
        status, printed = session.status, self._prints.print_s.get(unit.register_id)
        mine = waiting.get(unit.register_id)
        shift_age_s = None if status is None else _shift_age_s(status)
        days = None if status is None else (status.fn_valid_until - status.clock.date()).days
        age_s = None if mine is None else max(0.0, (now - mine.oldest_at).total_seconds())
        question = unit.lane.recovery.question is not None
        return RegisterCard(
            register_id=unit.register_id,
            tills=tuple(tills),
            kind=unit.kind,
            transport=unit.transport,
            zone=unit.zone,
            status=status,
            told_at=session.status_at,
            trouble=unit.lane.trouble,
            has_question=question,
            shift_age_s=shift_age_s,
            fn_days_left=days,
            undelivered=0 if mine is None else mine.count,
            oldest_at=None if mine is None else mine.oldest_at,
            oldest_age_s=age_s,
            last=None if status is None else last.get(status.fn_number),
            print_s=None if printed is None else printed.snapshot().quantile(0.5),
            worry=worry_of(
                status,
                broken=unit.lane.trouble is not None,
                question=question,
                shift_age_s=shift_age_s,
                fn_days_left=days,
                oldest_age_s=age_s,
            ),
        )


def worry_of(
    status: KktStatus | None,
    *,
    broken: bool,
    question: bool,
    shift_age_s: float | None,
    fn_days_left: int | None,
    oldest_age_s: float | None,
) -> Worry:
    """The worst of what is known of a register."""
    if question:
        return Worry.QUESTION
    if broken or (oldest_age_s or 0.0) >= UNDELIVERED_ALARM_S:
        return Worry.BAD
    if status is None:
        return Worry.UNKNOWN
    if (
        status.blocked is not None
        or status.state not in (KktState.READY, KktState.BUSY)
        or (fn_days_left is not None and fn_days_left <= FN_DAYS_ALARM)
        or status.documents_left < FN_DOCUMENTS_ALARM
    ):
        return Worry.BAD
    if (
        status.shift_state is ShiftState.EXPIRED
        or (shift_age_s or 0.0) >= SHIFT_WARN_S
        or (fn_days_left is not None and fn_days_left <= FN_DAYS_WARN)
        or (oldest_age_s or 0.0) >= SLOW_DELIVERY_S
    ):
        return Worry.WARN
    return Worry.FINE


def _shift_age_s(status: KktStatus) -> float | None:
    if status.shift_state is ShiftState.CLOSED or status.shift_opened_at is None:
        return None
    return max(timedelta(), status.clock - status.shift_opened_at).total_seconds()


def _waiting(conn: Connection) -> dict[str, _Waiting]:
    rows = conn.execute(
        select(receipts.c.register_id, func.count().label("n"), func.min(receipts.c.seq).label("first"))
        .where(UNDELIVERED_ROWS)
        .group_by(receipts.c.register_id)
    ).all()
    firsts = [row.first for row in rows]
    found = conn.execute(select(receipts.c.seq, receipts.c.created_at).where(receipts.c.seq.in_(firsts)))
    accepted = {row.seq: row.created_at for row in found}
    return {row.register_id: _Waiting(row.n, accepted[row.first]) for row in rows}


def _last_documents(conn: Connection, fns: Collection[str]) -> dict[str, LastDocument]:
    rows = [row for row in conn.execute(_LAST) if row.fn_number in fns]
    return {
        row.fn_number: LastDocument(
            fd_number=row.fd_number,
            fiscalized_at=datetime.fromisoformat(row.fiscalized_at),
            receipt_id=row.id,
        )
        for row in rows
    }


def _last() -> Select[tuple[str, int, str, str | None]]:
    """With the receipt; one statement, however many FNs."""
    last = last_documents().subquery()
    return select(last.c.fn_number, last.c.fd_number, last.c.fiscalized_at, receipts.c.id).join_from(
        last, receipts, receipts.c.seq == last.c.receipt_seq, isouter=True
    )


_LAST = _last()
