"""The dead letter queue: what could not be delivered, with its error trail, until a person acts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from kkt_adapter.fiscal.store import counters, events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.tables import FAILED_ROWS, attempts, dlq, receipts
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.discretion import discreet_json
from kkt_adapter.kernel.errors import Conflict, DeadLetterNotFound, InvalidInput
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.db.protocol import Database


class DeadLetters:
    """``on_retry`` wakes delivery after a letter went back to the queue."""

    def __init__(self, *, database: Database, clock: Clock, on_retry: Any) -> None:
        self._db = database
        self._clock = clock
        self._on_retry = on_retry

    async def page(self, *, limit: int, cursor: str | None) -> dict[str, Any]:
        """Newest first, open and closed. Raises InvalidInput for a cursor that is not a number."""
        query = select(dlq).order_by(dlq.c.id.desc()).limit(limit + 1)
        if cursor is not None:
            if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 18:
                raise InvalidInput("cursor: take it from next_cursor", "cursor: берите его из next_cursor")
            query = query.where(dlq.c.id < int(cursor))
        rows = await self._db.read(lambda c: c.execute(query).all())
        page = rows[:limit]
        return {
            "items": [_letter(row) for row in page],
            "next_cursor": str(page[-1].id) if len(rows) > limit else None,
        }

    async def get(self, id: int) -> dict[str, Any]:
        """One letter with the trail of its send attempts, oldest first. Raises DeadLetterNotFound."""

        def read(conn: Connection) -> dict[str, Any]:
            row = _row(conn, id)
            trail = conn.execute(
                select(attempts)
                .join(receipts, receipts.c.seq == attempts.c.receipt_seq)
                .where(receipts.c.id == row.original_receipt_id, attempts.c.what == "send")
                .order_by(attempts.c.id.desc())
                .limit(200)
            ).all()
            return {
                **_letter(row),
                "attempts": [
                    {
                        "started_at": iso(a.started_at),
                        "ended_at": iso(a.ended_at),
                        "outcome": a.outcome,
                        "error": a.error,
                    }
                    for a in reversed(trail)
                ],
            }

        return await self._db.read(read)

    async def retry(self, id: int, *, by: str) -> dict[str, Any]:
        """Back to ``pending`` with a retry count of 0; the letter is closed as ``retried``.

        Raises:
            DeadLetterNotFound: no such letter.
            Conflict: it is closed already.
        """
        now = self._clock.now()

        def write(conn: Connection) -> dict[str, Any]:
            row = _open_row(conn, id)
            moved = conn.execute(
                update(receipts)
                .where(receipts.c.id == row.original_receipt_id, FAILED_ROWS)
                .values(status="pending", retry_count=0, next_attempt_at=None)
            ).rowcount
            _close(conn, id, at=now, by=by, resolution="retried", note=None)
            counters.bump(conn, dlq_open=-1, failed=-moved, pending=moved)
            _note(conn, EventType.DLQ_RETRIED, row.original_receipt_id, now, by=by, dlq_id=id)
            return {**_letter(_row(conn, id)), "status": "pending" if moved else "unchanged"}

        letter = await self._db.write(write)
        self._on_retry()
        return letter

    async def resolve(self, id: int, *, note: str, by: str) -> dict[str, Any]:
        """Close a letter by hand; its receipt stays ``failed``. Raises like ``retry``."""
        now = self._clock.now()

        def write(conn: Connection) -> dict[str, Any]:
            row = _open_row(conn, id)
            _close(conn, id, at=now, by=by, resolution="resolved", note=note)
            counters.bump(conn, dlq_open=-1)
            _note(conn, EventType.DLQ_RESOLVED, row.original_receipt_id, now, by=by, dlq_id=id, note=note)
            return _letter(_row(conn, id))

        return await self._db.write(write)


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


def _close(conn: Connection, id: int, *, at: datetime, by: str, resolution: str, note: str | None) -> None:
    conn.execute(
        update(dlq)
        .where(dlq.c.id == id)
        .values(resolved_at=at, resolved_by=by, resolution=resolution, note=note)
    )


def _note(conn: Connection, event: EventType, receipt_id: str, at: datetime, **facts: Any) -> None:
    events.write(conn, [events.entry(event, at, receipt_id=receipt_id, level=EventLevel.WARNING, **facts)])


def _letter(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "original_receipt_id": row.original_receipt_id,
        "failed_at": iso(row.failed_at),
        "reason": discreet_json(row.reason),
        "fiscal_doc": None if row.fiscal_doc is None else jsontext.decode(row.fiscal_doc),
        "retry_attempts": row.retry_attempts,
        "last_error": discreet_json(row.last_error),
        "resolved_at": iso(row.resolved_at),
        "resolved_by": row.resolved_by,
        "resolution": row.resolution,
        "note": row.note,
    }
