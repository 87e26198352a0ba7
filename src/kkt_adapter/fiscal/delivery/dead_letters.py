"""The dead letter queue: what could not be delivered, with its error trail, until a person acts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from kkt_adapter.fiscal.delivery.letter_models import (
    DeadLetter,
    LetterDetail,
    LetterPage,
    LetterPreview,
    LetterResolved,
    LetterRetried,
    ManyLetters,
    letter_detail,
    letter_of,
)
from kkt_adapter.fiscal.lifecycle import LetterOutcome, LetterResolution, Status, delivery_move
from kkt_adapter.fiscal.store import counters, events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.tables import FAILED_ROWS, dlq, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, DeadLetterNotFound, InvalidInput
from kkt_adapter.runtime.db.protocol import Database

STEP_ROWS = 500  # letters of one commit, when many are moved at once


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which open letters; what is None does not count. ``error``: a part of the last error."""

    register_id: str | None = None
    pos_id: str | None = None
    error: str | None = None
    failed_since: datetime | None = None
    failed_until: datetime | None = None

    def open_ids(self, conn: Connection) -> list[int]:
        """The oldest first."""
        query = (
            select(dlq.c.id)
            .outerjoin_from(dlq, receipts, receipts.c.id == dlq.c.original_receipt_id)
            .where(dlq.c.resolved_at.is_(None))  # by its index, so sorted here and not there
        )
        for column, value in ((receipts.c.register_id, self.register_id), (receipts.c.pos_id, self.pos_id)):
            if value is not None:
                query = query.where(column == value)
        if self.error is not None:
            query = query.where(dlq.c.last_error.contains(self.error, autoescape=True))
        if self.failed_since is not None:
            query = query.where(dlq.c.failed_at >= self.failed_since)
        if self.failed_until is not None:
            query = query.where(dlq.c.failed_at < self.failed_until)
        return sorted(conn.execute(query).scalars())


class DeadLetters:
    """``on_retry`` wakes delivery after a letter went back to the queue."""

    def __init__(self, *, database: Database, clock: Clock, on_retry: Callable[[], object]) -> None:
        self._db = database
        self._clock = clock
        self._on_retry = on_retry

    async def page(self, *, limit: int, cursor: str | None) -> LetterPage:
        """Newest first, open and closed. Raises InvalidInput for a cursor that is not a number."""
        query = select(dlq).order_by(dlq.c.id.desc()).limit(limit + 1)
        if cursor is not None:
            if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 18:
                raise InvalidInput("cursor: take it from next_cursor", "cursor: берите его из next_cursor")
            query = query.where(dlq.c.id < int(cursor))
        rows = await self._db.read(lambda c: c.execute(query).all())
        page = rows[:limit]
        return LetterPage(
            items=[letter_of(row) for row in page],
            next_cursor=str(page[-1].id) if len(rows) > limit else None,
        )

    async def preview(self, wanted: LetterFilter, *, limit: int) -> LetterPreview:
        """Open letters that fit: what ``retry_many`` and ``resolve_many`` would move."""
        return await self._db.read(lambda c: _preview(c, wanted, limit))

    async def get(self, id: int) -> LetterDetail:
        """One letter with the trail of its send attempts. Raises DeadLetterNotFound."""
        return await self._db.read(lambda c: letter_detail(c, _row(c, id)))

    async def retry(self, id: int, *, by: str) -> LetterRetried:
        """Back to ``pending`` with a retry count of 0; the letter is closed as ``retried``.

        Raises:
            DeadLetterNotFound: no such letter.
            Conflict: it is closed already.
        """
        now = self._clock.now()

        def write(conn: Connection) -> LetterRetried:
            moved = _retry(conn, _open_row(conn, id), at=now, by=by)
            return LetterRetried(letter=letter_of(_row(conn, id)), is_pending=moved > 0)

        done = await self._db.write(write)
        self._on_retry()
        return done

    async def resolve(
        self, id: int, *, note: str, by: str, outcome: LetterOutcome | None = None
    ) -> LetterResolved:
        """Close a letter by hand; its receipt stays ``failed``. ``outcome`` None: ``written_off`` is assumed.
        Raises like ``retry``.
        """
        now = self._clock.now()

        def write(conn: Connection) -> DeadLetter:
            row = _open_row(conn, id)
            _resolve(conn, row, at=now, by=by, note=note, outcome=outcome or LetterOutcome.WRITTEN_OFF)
            return letter_of(_row(conn, id))

        return LetterResolved(letter=await self._db.write(write), outcome_assumed=outcome is None)

    async def retry_many(
        self, wanted: LetterFilter, *, expected_count: int, by: str, note: str | None = None
    ) -> ManyLetters:
        """``retry`` for every open letter that fits, in steps of 500. Letters that somebody closed meanwhile
        are passed over. ``note``: why; kept with each letter and its event.

        Raises:
            Conflict: not ``expected_count`` letters fit; nothing was done.
        """
        now = self._clock.now()
        done = await self._for_many(
            wanted, expected_count, lambda conn, row: _retry(conn, row, at=now, by=by, note=note)
        )
        self._on_retry()
        return done

    async def resolve_many(
        self,
        wanted: LetterFilter,
        *,
        expected_count: int,
        note: str,
        by: str,
        outcome: LetterOutcome | None = None,
    ) -> ManyLetters:
        """``resolve`` for every open letter that fits; as ``retry_many``."""
        now, said = self._clock.now(), outcome or LetterOutcome.WRITTEN_OFF
        done = await self._for_many(
            wanted,
            expected_count,
            lambda conn, row: _resolve(conn, row, at=now, by=by, note=note, outcome=said),
        )
        return replace(done, outcome_assumed=outcome is None)

    async def _for_many(
        self, wanted: LetterFilter, expected_count: int, do: Callable[[Connection, Any], object]
    ) -> ManyLetters:
        ids = await self._db.read(lambda c: wanted.open_ids(c))
        if len(ids) != expected_count:
            raise Conflict(
                f"{len(ids)} open dead letters fit, not {expected_count}: look again, then repeat with the "
                "new number",
                f"подходит записей: {len(ids)}, а не {expected_count}: посмотрите ещё раз и повторите с "
                "новым числом",
                count=len(ids),
            )
        done = 0
        for begin in range(0, len(ids), STEP_ROWS):
            step = ids[begin : begin + STEP_ROWS]

            def write(conn: Connection, step: Sequence[int] = step) -> int:
                rows = [row for row in (_row(conn, number) for number in step) if row.resolved_at is None]
                for row in rows:
                    do(conn, row)
                return len(rows)

            done += await self._db.write(write)
        return ManyLetters(matched=len(ids), done=done)


def _preview(conn: Connection, wanted: LetterFilter, limit: int) -> LetterPreview:
    ids = wanted.open_ids(conn)
    shown = conn.execute(select(dlq).where(dlq.c.id.in_(ids[:limit])).order_by(dlq.c.id)).all()
    return LetterPreview(count=len(ids), items=[letter_of(row) for row in shown])


def _retry(conn: Connection, row: Any, *, at: datetime, by: str, note: str | None = None) -> int:
    """Returns how many receipts became pending: one, or none if it was delivered meanwhile."""
    moved = conn.execute(
        update(receipts)
        .where(receipts.c.id == row.original_receipt_id, FAILED_ROWS)
        .values(status=delivery_move(Status.FAILED, Status.PENDING), retry_count=0, next_attempt_at=None)
    ).rowcount
    _close(conn, row.id, at=at, by=by, resolution=LetterResolution.RETRIED, note=note)
    counters.bump(conn, dlq_open=-1, failed=-moved, pending=moved)
    facts = {"by": by, "dlq_id": row.id} | ({} if note is None else {"note": note})
    _note(conn, EventType.DLQ_RETRIED, row.original_receipt_id, at, **facts)
    return moved


def _resolve(conn: Connection, row: Any, *, at: datetime, by: str, note: str, outcome: LetterOutcome) -> None:
    _close(conn, row.id, at=at, by=by, resolution=LetterResolution.RESOLVED, note=note, outcome=outcome)
    counters.bump(conn, dlq_open=-1)
    facts = {"by": by, "dlq_id": row.id, "note": note, "outcome": outcome.value}
    _note(conn, EventType.DLQ_RESOLVED, row.original_receipt_id, at, **facts)


def _row(conn: Connection, id: int) -> Any:
    row = conn.execute(select(dlq).where(dlq.c.id == id)).first()
    if row is None:
        raise DeadLetterNotFound(f"no dead letter {id}", f"нет записи {id} в DLQ")
    return row


def _open_row(conn: Connection, id: int) -> Any:
    row = _row(conn, id)
    if row.resolved_at is not None:
        raise Conflict(
            f"dead letter {id} is closed already ({row.resolution})",
            f"запись {id} уже закрыта ({row.resolution})",
        )
    return row


def _close(
    conn: Connection,
    id: int,
    *,
    at: datetime,
    by: str,
    resolution: LetterResolution,
    note: str | None,
    outcome: LetterOutcome | None = None,
) -> None:
    conn.execute(
        update(dlq)
        .where(dlq.c.id == id)
        .values(
            resolved_at=at,
            resolved_by=by,
            resolution=resolution.value,
            note=note,
            outcome=None if outcome is None else outcome.value,
        )
    )


def _note(conn: Connection, event: EventType, receipt_id: str, at: datetime, **facts: Any) -> None:
    events.write(conn, [events.entry(event, at, receipt_id=receipt_id, level=EventLevel.WARNING, **facts)])
