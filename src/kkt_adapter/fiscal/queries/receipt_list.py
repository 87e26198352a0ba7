"""Lists of receipts for people: filtered, counted by state, page by page, however many are stored.

Receipts are numbered as they are accepted, so a period is a range of numbers and a page is a walk back from
its newest one. A filter that hardly anything fits would walk far: one page looks at ``WALK`` receipts at most
and says how far it came; the next goes on from there. A state that few are in and a foreign protocol have an
index of their own: the walk then goes over their receipts only. A document number, the beginning of an id, an
order, a key are found through an index at once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.queries.receipt_conditions import (
    BEFORE_PRINT,
    RARE,
    SeqBounds,
    is_found,
    walked_over,
    where_of,
)
from kkt_adapter.fiscal.queries.receipt_filter import ReceiptFilter, Stage, stage_of
from kkt_adapter.fiscal.store import counters, receipt_json
from kkt_adapter.fiscal.store.tables import (
    UNPRINTED_ROWS,
    idempotency,
    receipt_links,
    receipts,
)
from kkt_adapter.kernel.discretion import discreet_json
from kkt_adapter.runtime.db.protocol import Database

WALK = 20_000  # receipts that one page looks at
COUNTED = 10_000  # receipts that the counts of a filter go up to
CLOCK_MARGIN = timedelta(days=1)  # by which the host's clock may have been set back between two receipts ..
CLOCK_SLACK = 5_000  # .. and of so many receipts after it the dates may be those of before
MOMENTS_KEPT = 256  # beginnings of periods whose first receipt is remembered
LAGS = 200  # receipts in the chart of delivery
FOUND_BY_TEXT = 500  # through the indexes of ids and orders

_COLUMNS = (
    receipts.c.seq, receipts.c.id, receipts.c.pos_id, receipts.c.register_id, receipts.c.type,
    receipts.c.total_kop, receipts.c.print_state, receipts.c.status, receipts.c.fn_number,
    receipts.c.fiscal_doc_number, receipts.c.created_at, receipts.c.printed_at, receipts.c.synced_at,
    receipts.c.last_error, receipts.c.retry_count, receipts.c.idempotency_key, receipts.c.door,
    receipts.c.account, receipts.c.client_key,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    """A receipt as a list shows it; times are aware UTC."""

    seq: int
    id: str
    pos_id: str
    register_id: str
    kind: ReceiptKind
    total_kop: int
    stage: Stage
    fn_number: str | None
    fd_number: int | None
    created_at: datetime
    printed_at: datetime | None
    synced_at: datetime | None
    last_error: str | None
    retry_count: int
    key: str
    door: str | None
    account: str | None
    client_key: str | None  # the shop's own: external_id, IdCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptList:
    """Newest first. ``after``: the number to go on from, None at the end of the period.

    ``walked_to``: the page is not full because it looked at ``WALK`` receipts, the last one of that moment.
    """

    rows: Sequence[ReceiptRow]
    after: int | None
    walked_to: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCounts:
    """``more``: there are more than were counted; not in those that are ``exact``."""

    of: Mapping[Stage, int]
    more: bool
    exact: frozenset[Stage] = frozenset()

    @property
    def total(self) -> int:
        return sum(self.of.values())

    def is_least(self, stage: Stage) -> bool:
        """There may be more of this state than ``of`` says."""
        return self.more and stage not in self.exact


class ReceiptLists:
    """Every call is one snapshot of the database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._moments = _Moments()

    async def page(self, wanted: ReceiptFilter, *, limit: int, after: int | None = None) -> ReceiptList:
        """``after``: that of the page before. Raises StorageError."""
        return await self._db.read(
            lambda c: _page(c, wanted, self._bounds(c, wanted), limit=limit, after=after)
        )

    async def look(
        self, wanted: ReceiptFilter, *, limit: int, after: int | None = None
    ) -> tuple[ReceiptList, StageCounts]:
        """A page with the counts beside it."""
        return await self._db.read(
            lambda c: _look(c, wanted, self._bounds(c, wanted), limit=limit, after=after)
        )

    async def counts(self, wanted: ReceiptFilter) -> StageCounts:
        """By state, whatever state is asked for; exact over all receipts, else up to ``COUNTED``."""
        return await self._db.read(lambda c: _counts(c, wanted, self._bounds(c, wanted)))

    async def every(self, wanted: ReceiptFilter, *, most: int) -> AsyncIterator[Sequence[ReceiptRow]]:
        """All of them that are there now, in pieces, at most ``most``; for export."""
        bounds = await self._db.read(lambda c: self._bounds(c, wanted))
        after: int | None = None
        while most > 0:
            part = partial(_page, wanted=wanted, bounds=bounds, limit=min(most, 1000), after=after)
            found = await self._db.read(part)
            yield found.rows
            most -= len(found.rows)
            after = found.after
            if after is None:
                return

    async def newest_confirmed(self, *, since: datetime) -> Sequence[ReceiptRow]:
        """The newest ``LAGS`` of those accepted since then, oldest first: for the chart of delivery."""
        wanted = ReceiptFilter(since=since, stage=Stage.CONFIRMED)
        return list(reversed((await self.page(wanted, limit=LAGS)).rows))

    def _bounds(self, conn: Connection, wanted: ReceiptFilter) -> SeqBounds:
        low, high = self._range(conn, wanted)
        found = () if wanted.text is None else _by_text(conn, wanted.text, high)
        return SeqBounds(low, high, found)

    def _range(self, conn: Connection, wanted: ReceiptFilter) -> tuple[int, int]:
        """The numbers between which everything of the period is."""
        low = conn.execute(select(func.min(receipts.c.seq))).scalar_one() or 0
        high = conn.execute(select(func.max(receipts.c.seq))).scalar_one() or 0
        begin, end, first = low, high, self._moments.first
        if wanted.since is not None:
            begin = first(conn, wanted.since - CLOCK_MARGIN, low, high)
        if wanted.until is not None:
            end = min(
                first(conn, wanted.until + CLOCK_MARGIN, low, high),
                first(conn, wanted.until, low, high) + CLOCK_SLACK,
            )
        return begin, end


class _Moments:
    """The first receipt since a moment stays the first, so it is looked for once. Any thread."""

    def __init__(self) -> None:
        self._known: dict[datetime, int] = {}

    def first(self, conn: Connection, moment: datetime, low: int, high: int) -> int:
        """A number at or before the first receipt since ``moment``; ``high`` when there is none yet."""
        known = self._known.get(moment)
        if known is not None:
            return max(low, known)
        found = _first_at(conn, moment, low, high)
        if found < high:
            if len(self._known) >= MOMENTS_KEPT:
                self._known.clear()
            self._known[moment] = found
        return found


def _look(
    conn: Connection, wanted: ReceiptFilter, bounds: SeqBounds, *, limit: int, after: int | None
) -> tuple[ReceiptList, StageCounts]:
    """What the counts walked over in vain, the page does not walk over again."""
    counts = _counts(conn, wanted, bounds)
    fit = counts.total if wanted.stage is None else counts.of[wanted.stage]
    same_walk = wanted.stage in (None, Stage.CONFIRMED) and not is_found(wanted, bounds)
    if same_walk and after is None and not fit and counts.more:
        floor = _floor(conn, wanted, bounds, bounds.high)
        return ReceiptList(rows=[], after=floor, walked_to=_accepted_at(conn, floor)), counts
    return _page(conn, wanted, bounds, limit=limit, after=after), counts


def _page(
    conn: Connection, wanted: ReceiptFilter, bounds: SeqBounds, *, limit: int, after: int | None
) -> ReceiptList:
    low, high = bounds.low, bounds.high
    if after is not None:
        high = min(high, after - 1)
    floor = _floor(conn, wanted, bounds, high)
    query = select(*_COLUMNS).where(*where_of(wanted, bounds), receipts.c.seq.between(floor, high))
    rows: Sequence[Any] = conn.execute(query.order_by(receipts.c.seq.desc()).limit(limit + 1)).all()
    if len(rows) > limit:
        return ReceiptList(rows=[_row(r) for r in rows[:limit]], after=rows[limit - 1].seq, walked_to=None)
    if floor <= low:
        return ReceiptList(rows=[_row(r) for r in rows], after=None, walked_to=None)
    return ReceiptList(rows=[_row(r) for r in rows], after=floor, walked_to=_accepted_at(conn, floor))


def _floor(conn: Connection, wanted: ReceiptFilter, bounds: SeqBounds, high: int) -> int:
    """The number at which a walk back from ``high`` ends, after ``WALK`` receipts at most."""
    if is_found(wanted, bounds) or wanted.stage in BEFORE_PRINT:
        return bounds.low
    over = walked_over(wanted)
    return max(bounds.low, high - WALK + 1) if over is None else _nth_back(conn, over, WALK, bounds.low, high)


def _nth_back(conn: Connection, over: ColumnElement[bool], count: int, low: int, high: int) -> int:
    """The number of the ``count``-th receipt back from ``high`` among those; ``low`` when there are fewer."""
    back = select(receipts.c.seq).where(over, receipts.c.seq.between(low, high))
    found = conn.execute(back.order_by(receipts.c.seq.desc()).offset(count - 1).limit(1)).scalar_one_or_none()
    return low if found is None else int(found)


def _counts(conn: Connection, wanted: ReceiptFilter, bounds: SeqBounds) -> StageCounts:
    if wanted.is_plain and wanted.since is None and wanted.until is None:
        return StageCounts(of=_all_counts(conn), more=False)
    anyhow = replace(wanted, stage=None)
    low, high = bounds.low, bounds.high
    floor = _floor(conn, anyhow, bounds, high)
    part = (
        select(receipts.c.print_state, receipts.c.status)
        .where(*where_of(anyhow, bounds), receipts.c.seq.between(floor, high))
        .order_by(receipts.c.seq.desc())
        .limit(COUNTED)
        .subquery()
    )
    found = dict.fromkeys(Stage, 0)
    seen = 0
    for row in conn.execute(
        select(part.c.print_state, part.c.status, func.count().label("n")).group_by(
            part.c.print_state, part.c.status
        )
    ):
        found[stage_of(PrintState(row.print_state), Status(row.status))] += row.n
        seen += row.n
    more = seen >= COUNTED or floor > low
    if not (more and wanted.is_plain):
        return StageCounts(of=found, more=more)
    rare = {stage: _count_of(conn, replace(anyhow, stage=stage), bounds) for stage in (*RARE, *BEFORE_PRINT)}
    found |= {stage: count for stage, (count, _) in rare.items()}
    found[Stage.CONFIRMED] = max(seen - sum(count for count, _ in rare.values()), 0)
    return StageCounts(
        of=found, more=True, exact=frozenset(s for s, (_, all_seen) in rare.items() if all_seen)
    )


def _count_of(conn: Connection, wanted: ReceiptFilter, bounds: SeqBounds) -> tuple[int, bool]:
    """Receipts of a state that few are in, among the newest ``COUNTED`` of it; and whether those are all."""
    assert wanted.stage is not None
    floor, over = bounds.low, RARE.get(wanted.stage)
    if over is not None:
        floor = _nth_back(conn, over, COUNTED, bounds.low, bounds.high)
    fit = select(receipts.c.seq).where(*where_of(wanted, bounds), receipts.c.seq.between(floor, bounds.high))
    count = conn.execute(select(func.count()).select_from(fit.subquery())).scalar_one()
    return int(count), floor <= bounds.low


def _all_counts(conn: Connection) -> dict[Stage, int]:
    """From the running totals; what is asked of a person is counted, there are few."""
    totals = counters.read(conn)
    unknown = conn.execute(
        select(func.count())
        .where(UNPRINTED_ROWS, receipts.c.print_state == PrintState.PRINT_UNKNOWN.value)
        .select_from(receipts)
    ).scalar_one()
    return {
        Stage.PRINTING: totals.unprinted - unknown,
        Stage.QUESTION: unknown,
        Stage.PRINT_FAILED: totals.print_failed,
        Stage.WAITING: totals.undelivered - totals.unprinted - totals.print_failed,
        Stage.CONFIRMED: totals.synced,
        Stage.DEAD: totals.failed,
    }


def _first_at(conn: Connection, moment: datetime, low: int, high: int) -> int:
    """A number at or before the first receipt since ``moment``, found by halving."""
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(
            select(receipts.c.seq, receipts.c.created_at)
            .where(receipts.c.seq >= middle)
            .order_by(receipts.c.seq)
            .limit(1)
        ).one()
        if row.created_at >= moment:
            high = middle
        else:
            low = row.seq + 1
    return low


def _by_text(conn: Connection, text: str, high: int) -> Sequence[int]:
    """Numbers of receipts with this id, order or whole key, the newest; then also of those among the newest
    whose key begins so."""
    after = text[:-1] + chr(ord(text[-1]) + 1)
    by_id = select(receipts.c.seq).where(receipts.c.id >= text.lower(), receipts.c.id < after.lower())
    by_order = select(receipt_links.c.receipt_seq).where(
        receipt_links.c.kind == "order", receipt_links.c.value >= text, receipt_links.c.value < after
    )
    by_key = select(idempotency.c.seq).where(idempotency.c.key_hash == receipt_json.key_hash(text))
    found: list[int] = []
    for query in (by_id.order_by(receipts.c.id.desc()), by_order, by_key):
        found += conn.execute(query.limit(FOUND_BY_TEXT)).scalars()
    if found:
        begins = idempotency.c.key.startswith(text, autoescape=True)
        newest = select(idempotency.c.seq).where(begins, idempotency.c.seq.between(high - WALK + 1, high))
        found += conn.execute(newest.order_by(idempotency.c.seq.desc()).limit(FOUND_BY_TEXT)).scalars()
    return found


def _accepted_at(conn: Connection, seq: int) -> datetime | None:
    row = select(receipts.c.created_at).where(receipts.c.seq >= seq).order_by(receipts.c.seq).limit(1)
    found: datetime | None = conn.execute(row).scalar_one_or_none()
    return found


def _row(row: Row[Any]) -> ReceiptRow:
    return ReceiptRow(
        seq=row.seq,
        id=row.id,
        pos_id=row.pos_id,
        register_id=row.register_id,
        kind=ReceiptKind(row.type),
        total_kop=row.total_kop,
        stage=stage_of(PrintState(row.print_state), Status(row.status)),
        fn_number=row.fn_number,
        fd_number=row.fiscal_doc_number,
        created_at=row.created_at,
        printed_at=row.printed_at,
        synced_at=row.synced_at,
        last_error=discreet_json(row.last_error),
        retry_count=row.retry_count,
        key=row.idempotency_key,
        door=row.door,
        account=row.account,
        client_key=row.client_key,
    )
