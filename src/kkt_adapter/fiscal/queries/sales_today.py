"""Sales of today, for the dashboard: kept up with, never counted anew.

Documents are only ever added, and within an FN their numbers rise, so what was added up stays true: a call
reads the documents after the last one it has seen. The first call of a day reads that day's.

A receipt counts on the day and in the hour printed on it, so registers in several zones each count their own
day. Revenue is sales less refunds; what the shop bought (expense) and corrections are left out.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Connection, Integer, cast, func, select

from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.store.document_dates import first_since, last_numbers
from kkt_adapter.fiscal.store.tables import documents, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.money import rubles
from kkt_adapter.runtime.db.protocol import Database

STEP = 20_000  # documents in one read, so that no reader is held for long


@dataclass(slots=True)
class _Hour:
    revenue_kop: int = 0
    sales: int = 0
    refunds: int = 0


@dataclass(slots=True)
class _Day:
    date: date
    hours: list[_Hour] = field(default_factory=lambda: [_Hour() for _ in range(24)])
    seen: dict[str, int] = field(default_factory=dict)  # FN -> the last number that is added up


class SalesToday:
    """``zone`` says when today begins: the host's."""

    def __init__(self, database: Database, *, clock: Clock, zone: tzinfo) -> None:
        self._db = database
        self._clock = clock
        self._zone = zone
        self._day: _Day | None = None
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> dict[str, Any]:
        """``GET /api/v1/sales/today``. Raises StorageError."""
        today = self._clock.now().astimezone(self._zone).date()
        async with self._one_at_a_time:
            if self._day is None or self._day.date != today:
                self._day = _Day(date=today)
            day = self._day
            for fn_number, last in (await self._db.read(last_numbers)).items():
                if last > day.seen.get(fn_number, -1):
                    await self._catch_up(day, fn_number, last)
            return _shown(day)

    async def _catch_up(self, day: _Day, fn_number: str, last: int) -> None:
        """Up to document ``last`` at least."""
        begin = datetime.combine(day.date, time())
        while (seen := day.seen.get(fn_number)) is None or seen < last:
            part = await self._db.read(partial(_part_after, fn_number=fn_number, seen=seen, begin=begin))
            if part is None:  # its documents are older than today
                day.seen[fn_number] = last
                return
            day.seen[fn_number], rows = part
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


def _shown(day: _Day) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "total_revenue": _money(sum(hour.revenue_kop for hour in day.hours)),
        "total_count": sum(hour.sales for hour in day.hours),
        "refund_count": sum(hour.refunds for hour in day.hours),
        "hourly_data": [
            {"hour": number, "revenue": _money(hour.revenue_kop), "count": hour.sales}
            for number, hour in enumerate(day.hours)
        ],
    }


def _money(kop: int) -> Decimal:
    return Decimal(rubles(kop))
