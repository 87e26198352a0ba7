"""Lists of receipts for people: filtered, counted by state, page by page, however many are stored.

Receipts are numbered as they are accepted, so a period is a range of numbers and a page is a walk back from
its newest one. A filter that hardly anything fits would walk far: one page looks at ``WALK`` receipts at most
and says how far it came; the next goes on from there. What has an index of its own (few receipts in a rare
state, a document number, the beginning of an id, an order, a key) is found through it at once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.queries.receipt_filter import ReceiptFilter, Stage, stage_of
from kkt_adapter.fiscal.store import counters, receipt_json
from kkt_adapter.fiscal.store.tables import (
    FAILED_ROWS,
    PRINT_FAILED_ROWS,
    UNDELIVERED_ROWS,
    UNPRINTED_ROWS,
    idempotency,
    met_fns,
    receipt_links,
    receipts,
)
from kkt_adapter.kernel.discretion import discreet_json
from kkt_adapter.runtime.db.protocol import Database

WALK = 20_000  # receipts that one page looks at
COUNTED = 10_000  # receipts that the counts of a filter go up to
CLOCK_MARGIN = timedelta(days=1)  # by which the host's clock may have been set back between two receipts
LAGS = 200  # receipts in the chart of delivery
FOUND_BY_TEXT = 500  # through the indexes of ids and orders

_COLUMNS = (
    receipts.c.seq, receipts.c.id, receipts.c.pos_id, receipts.c.register_id, receipts.c.type,
    receipts.c.total_kop, receipts.c.print_state, receipts.c.status, receipts.c.fn_number,
    receipts.c.fiscal_doc_number, receipts.c.created_at, receipts.c.printed_at, receipts.c.synced_at,
    receipts.c.last_error, receipts.c.retry_count, receipts.c.idempotency_key, receipts.c.door,
    receipts.c.account, receipts.c.client_key,
)  # fmt: skip
_RARE: Mapping[Stage, ColumnElement[bool]] = {
    Stage.PRINTING: UNPRINTED_ROWS,  # type: ignore[dict-item]
    Stage.QUESTION: UNPRINTED_ROWS,  # type: ignore[dict-item]
    Stage.PRINT_FAILED: PRINT_FAILED_ROWS,  # type: ignore[dict-item]
    Stage.WAITING: UNDELIVERED_ROWS,  # type: ignore[dict-item]
    Stage.DEAD: FAILED_ROWS,  # type: ignore[dict-item]
}
_PRINT_STATES: Mapping[Stage, Sequence[str]] = {  # of receipts that are not delivered
    Stage.PRINTING: (PrintState.NEW.value, PrintState.PRINTING.value),
    Stage.QUESTION: (PrintState.PRINT_UNKNOWN.value,),
    Stage.PRINT_FAILED: (PrintState.PRINT_FAILED.value,),
    Stage.WAITING: (PrintState.PRINTED.value,),
}
_LIVE = (Status.PENDING.value, Status.SYNCING.value)


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

    async def page(self, wanted: ReceiptFilter, *, limit: int, after: int | None = None) -> ReceiptList:
        """``after``: that of the page before. Raises StorageError."""
        return await self._db.read(lambda c: _page(c, wanted, _bounds(c, wanted), limit=limit, after=after))

    async def look(
        self, wanted: ReceiptFilter, *, limit: int, after: int | None = None
    ) -> tuple[ReceiptList, StageCounts]:
        """A page with the counts beside it."""
        return await self._db.read(lambda c: _look(c, wanted, limit=limit, after=after))

    async def counts(self, wanted: ReceiptFilter) -> StageCounts:
        """By state, whatever state is asked for; exact over all receipts, else up to ``COUNTED``."""
        return await self._db.read(lambda c: _counts(c, wanted, _bounds(c, wanted)))

    async def every(self, wanted: ReceiptFilter, *, most: int) -> AsyncIterator[Sequence[ReceiptRow]]:
        """All of them, in pieces, at most ``most``; for export."""
        after: int | None = None
        while most > 0:
            found = await self.page(wanted, limit=min(most, 1000), after=after)
            yield found.rows
            most -= len(found.rows)
            after = found.after
            if after is None:
                return

    async def newest_confirmed(self, *, since: datetime) -> Sequence[ReceiptRow]:
        """The newest ``LAGS`` of those accepted since then, oldest first: for the chart of delivery."""
        wanted = ReceiptFilter(since=since, stage=Stage.CONFIRMED)
        return list(reversed((await self.page(wanted, limit=LAGS)).rows))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Everything of the period is between ``low`` and ``high``; ``by_text``: numbers that an index found."""

    low: int
    high: int
    by_text: Sequence[int]

    @property
    def floor(self) -> int:
        """Where one walk from the newest ends."""
        return max(self.low, self.high - WALK + 1)


def _bounds(conn: Connection, wanted: ReceiptFilter) -> _Bounds:
    low, high = _range(conn, wanted)
    found = () if wanted.text is None else _by_text(conn, wanted.text, high)
    return _Bounds(low, high, found)


def _look(
    conn: Connection, wanted: ReceiptFilter, *, limit: int, after: int | None
) -> tuple[ReceiptList, StageCounts]:
    """What the counts walked over in vain, the page does not walk over again."""
    bounds = _bounds(conn, wanted)
    counts = _counts(conn, wanted, bounds)
    fit = counts.total if wanted.stage is None else counts.of[wanted.stage]
    walks = not _is_unselective(wanted) and not _is_indexed(wanted, bounds)
    if walks and after is None and not fit and counts.more:
        seen_to = _accepted_at(conn, bounds.floor)
        return ReceiptList(rows=[], after=bounds.floor, walked_to=seen_to), counts
    return _page(conn, wanted, bounds, limit=limit, after=after), counts


def _page(
    conn: Connection, wanted: ReceiptFilter, bounds: _Bounds, *, limit: int, after: int | None
) -> ReceiptList:
    low, high = bounds.low, bounds.high
    if after is not None:
        high = min(high, after - 1)
    far = _is_indexed(wanted, bounds) or _is_unselective(wanted)
    floor = low if far else max(low, high - WALK + 1)
    query = select(*_COLUMNS).where(*_where(wanted, bounds), receipts.c.seq.between(floor, high))
    rows: Sequence[Any] = conn.execute(query.order_by(receipts.c.seq.desc()).limit(limit + 1)).all()
    if len(rows) > limit:
        return ReceiptList(rows=[_row(r) for r in rows[:limit]], after=rows[limit - 1].seq, walked_to=None)
    if floor <= low:
        return ReceiptList(rows=[_row(r) for r in rows], after=None, walked_to=None)
    return ReceiptList(rows=[_row(r) for r in rows], after=floor, walked_to=_accepted_at(conn, floor))


def _counts(conn: Connection, wanted: ReceiptFilter, bounds: _Bounds) -> StageCounts:
    if wanted.is_plain and wanted.since is None and wanted.until is None:
        return StageCounts(of=_all_counts(conn), more=False)
    anyhow = replace(wanted, stage=None)
    low, high = bounds.low, bounds.high
    floor = low if _is_indexed(anyhow, bounds) else bounds.floor
    part = (
        select(receipts.c.print_state, receipts.c.status)
        .where(*_where(anyhow, bounds), receipts.c.seq.between(floor, high))
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
    rare = {stage: _count_of(conn, replace(anyhow, stage=stage), bounds) for stage in _RARE}
    found[Stage.CONFIRMED] = max(seen - sum(rare.values()), 0)
    return StageCounts(of=found | rare, more=True, exact=frozenset(s for s in rare if rare[s] < COUNTED))


def _count_of(conn: Connection, wanted: ReceiptFilter, bounds: _Bounds) -> int:
    """Receipts of a state that few are in, up to ``COUNTED``."""
    where = _where(wanted, bounds)
    some = select(receipts.c.seq).where(*where, receipts.c.seq.between(bounds.low, bounds.high))
    return int(conn.execute(select(func.count()).select_from(some.limit(COUNTED).subquery())).scalar_one())


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


def _range(conn: Connection, wanted: ReceiptFilter) -> tuple[int, int]:
    """The numbers between which everything of the period is."""
    low = conn.execute(select(func.min(receipts.c.seq))).scalar_one() or 0
    high = conn.execute(select(func.max(receipts.c.seq))).scalar_one() or 0
    begin = low if wanted.since is None else _first_at(conn, wanted.since - CLOCK_MARGIN, low, high)
    end = high if wanted.until is None else _first_at(conn, wanted.until + CLOCK_MARGIN, low, high)
    return begin, end


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


def _is_unselective(wanted: ReceiptFilter) -> bool:
    """Nearly every receipt fits, or the few that do have an index."""
    return wanted.is_plain and (wanted.stage in (None, Stage.CONFIRMED) or wanted.stage in _RARE)


def _is_indexed(wanted: ReceiptFilter, bounds: _Bounds) -> bool:
    """An index finds something of what is asked for, so nothing is walked over."""
    return wanted.fd_number is not None or bool(bounds.by_text) or wanted.stage in _RARE


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


def _where(wanted: ReceiptFilter, bounds: _Bounds) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        where.append(receipts.c.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(receipts.c.created_at < wanted.until)
    if wanted.stage is not None:
        where += _of_stage(wanted.stage)
    if wanted.fd_number is not None:
        where.append(receipts.c.fn_number.in_(select(met_fns.c.fn_number)))
        where.append(receipts.c.fiscal_doc_number == wanted.fd_number)
    for column, value in (
        (receipts.c.register_id, wanted.register_id),
        (receipts.c.type, None if wanted.kind is None else wanted.kind.value),
        (receipts.c.total_kop, wanted.total_kop),
        (receipts.c.account, wanted.account),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.door is not None:
        where.append(receipts.c.door.is_(None) if wanted.door == "v1" else receipts.c.door == wanted.door)
    if bounds.by_text:
        where.append(receipts.c.seq.in_(bounds.by_text))
    elif wanted.text is not None:
        keys = (receipts.c.idempotency_key, receipts.c.client_key)
        where.append(or_(*(key.startswith(wanted.text, autoescape=True) for key in keys)))
    return where


def _of_stage(stage: Stage) -> list[ColumnElement[bool]]:
    printed, status = receipts.c.print_state, receipts.c.status
    if stage is Stage.CONFIRMED:
        return [status == Status.SYNCED.value]
    rare = receipts.c.seq.in_(select(receipts.c.seq).where(_RARE[stage]))
    if stage is Stage.DEAD:
        return [rare, status == Status.FAILED.value]
    return [rare, status.in_(_LIVE), printed.in_(_PRINT_STATES[stage])]


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
