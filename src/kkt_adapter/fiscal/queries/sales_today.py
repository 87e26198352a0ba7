"""Sales of today, for the dashboard: kept up with, never counted anew.

Documents are only ever added, and within an FN their numbers rise, so what was added up stays true: a call
reads the documents after the last one it has seen. The first call of a day reads that day's.

A receipt counts on the day and in the hour printed on it. Today is that of each register's zone, whatever the
host's, so registers in several zones each count their own day; the date shown is the latest of them.
Revenue is sales less refunds; what the shop bought (expense) and corrections are left out.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any

from sqlalchemy import Connection, Integer, cast, func, select

from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.store.document_dates import first_since, last_numbers, register_of
from kkt_adapter.fiscal.store.tables import documents, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database

WEEK = timedelta(days=7)
STEP = 20_000  # documents in one read, so that no reader is held for long


@dataclass(slots=True)
class _Hour:
    revenue_kop: int = 0
    sales: int = 0
    refunds: int = 0


@dataclass(slots=True)
class _Day:
    """Today of one FN."""

    date: date
    hours: list[_Hour] = field(default_factory=lambda: [_Hour() for _ in range(24)])
    seen: int | None = None  # the last number that is added up


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfSales:
    """Of the registers' wall clocks; revenue is sales less refunds."""

    hour: int  # 0..23
    revenue_kop: int
    sales: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOfToday:
    date: date
    refunds: int
    hours: tuple[HourOfSales, ...]  # all 24

    @property
    def revenue_kop(self) -> int:
        return sum(hour.revenue_kop for hour in self.hours)

    @property
    def sales(self) -> int:
        return sum(hour.sales for hour in self.hours)


class SalesToday:
    """``zone_of`` gives a register's zone by its id, None for one that is no longer configured: then, and
    while there are no documents, ``zone`` counts, the host's."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        zone: tzinfo,
        zone_of: Callable[[str], tzinfo | None] = lambda _: None,
    ) -> None:
        self._db = database
        self._clock = clock
        self._zone = zone
        self._zone_of = zone_of
        self._zones: dict[str, tzinfo] = {}  # by FN
        self._days: dict[str, _Day] = {}  # by FN
        self._week_ago: dict[str, _Day] = {}  # by FN
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> SalesOfToday:
        """``GET /api/v1/sales/today``. Raises StorageError."""
        now = self._clock.now()
        async with self._one_at_a_time:
            for fn_number, last in (await self._db.read(last_numbers)).items():
                zone = self._zones.get(fn_number) or await self._find_zone(fn_number, last)
                today, day = now.astimezone(zone).date(), self._days.get(fn_number)
                if day is None or day.date != today:
                    day = self._days[fn_number] = _Day(date=today)
                if day.seen is None or last > day.seen:
                    await self._catch_up(day, fn_number, last)
            days = list(self._days.values())
            return _shown(
                days, date=max([day.date for day in days], default=now.astimezone(self._zone).date())
            )

    async def week_ago(self) -> tuple[int, ...]:
        """Sales by hour, all 24, of the same weekday before today. A day that is over is read once."""
        now = self._clock.now()
        hours = [0] * 24
        async with self._one_at_a_time:
            for fn_number, last in (await self._db.read(last_numbers)).items():
                zone = self._zones.get(fn_number) or await self._find_zone(fn_number, last)
                day, wanted = self._week_ago.get(fn_number), now.astimezone(zone).date() - WEEK
                if day is None or day.date != wanted:
                    day = self._week_ago[fn_number] = await self._whole_day(fn_number, wanted)
                for number, hour in enumerate(day.hours):
                    hours[number] += hour.sales
        return tuple(hours)

    async def _whole_day(self, fn_number: str, wanted: date) -> _Day:
        day, begin = _Day(date=wanted), datetime.combine(wanted, time())
        while True:
            part = await self._db.read(partial(_part_after, fn_number=fn_number, seen=day.seen, begin=begin))
            if part is None or not part[1]:  # the documents of a day stand together
                return day
            day.seen = part[0]
            for row in part[1]:
                _add(day.hours[row.hour], row.type, int(row.kop), row.n)

    async def _find_zone(self, fn_number: str, last: int) -> tzinfo:
        register_id = await self._db.read(partial(register_of, fn_number=fn_number, fd_number=last))
        zone = self._zone_of(register_id) or self._zone
        self._zones[fn_number] = zone
        return zone

    async def _catch_up(self, day: _Day, fn_number: str, last: int) -> None:
        """Up to document ``last`` at least."""
        begin = datetime.combine(day.date, time())
        while (seen := day.seen) is None or seen < last:
            part = await self._db.read(partial(_part_after, fn_number=fn_number, seen=seen, begin=begin))
            if part is None:  # its documents are older than today
                day.seen = last
                return
            day.seen, rows = part
            for row in rows:
                _add(day.hours[row.hour], row.type, int(row.kop), row.n)  # PostgreSQL sums to numeric


def _part_after(
    conn: Connection, *, fn_number: str, seen: int | None, begin: datetime
) -> tuple[int, Sequence[Any]] | None:
    """The last number of the next part, and its receipts by hour and kind; None: no document is left."""
    first = first_since(conn, fn_number, begin) if seen is None else seen + 1
    if first is None:
        return None
    part = (
        select(documents.c.fd_number)
        .where(documents.c.fn_number == fn_number, documents.c.fd_number >= first)
        .order_by(documents.c.fd_number)
        .limit(STEP)
        .subquery()
    )
    last = conn.execute(select(func.max(part.c.fd_number))).scalar_one()
    if last is None:
        return None
    hour = cast(func.substr(documents.c.fiscalized_at, 12, 2), Integer).label("hour")
    rows = conn.execute(
        select(hour, receipts.c.type, func.sum(receipts.c.total_kop).label("kop"), func.count().label("n"))
        .join(receipts, receipts.c.seq == documents.c.receipt_seq)
        .where(
            documents.c.fn_number == fn_number,
            documents.c.fd_number.between(first, last),
            documents.c.fiscalized_at >= begin.isoformat(),
            documents.c.fiscalized_at < (begin + timedelta(days=1)).isoformat(),
        )
        .group_by(hour, receipts.c.type)
    ).all()
    return last, rows


def _add(hour: _Hour, kind: str, kop: int, n: int) -> None:
    if kind == ReceiptKind.SALE:
        hour.revenue_kop += kop
        hour.sales += n
    elif kind == ReceiptKind.REFUND:
        hour.revenue_kop -= kop
        hour.refunds += n


def _shown(days: Sequence[_Day], *, date: date) -> SalesOfToday:
    return SalesOfToday(
        date=date,
        refunds=sum(hour.refunds for day in days for hour in day.hours),
        hours=tuple(
            HourOfSales(
                hour=number,
                revenue_kop=sum(day.hours[number].revenue_kop for day in days),
                sales=sum(day.hours[number].sales for day in days),
            )
            for number in range(24)
        ),
    )
