"""The receipts that a register has still to print, and what else a lane reads of its rows.

A lane reads them before it prints, when it rests, and again every few seconds. All lanes begin at the same
moment, and nearly none of them finds anything. They share one ``LaneRows``, which asks once for all that ask:
which registers have such rows at all. Only those are looked at one by one.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.shifts import device_cash, session_rows
from kkt_adapter.fiscal.shifts.device_cash import CashOrder
from kkt_adapter.fiscal.store import attempts, orphan_documents
from kkt_adapter.fiscal.store.attempts import OpenAttempt
from kkt_adapter.fiscal.store.fn_contacts import FnContact
from kkt_adapter.fiscal.store.orphan_documents import OrphanDocuments
from kkt_adapter.fiscal.store.tables import (
    PRINT_FAILED_ROWS,
    UNPRINTED_ROWS,
    documents,
    met_fns,
    receipts,
)
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.runtime.db.bulk import bulk
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.together import ReadTogether

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprinted:
    """A receipt that its register has still to print, or whose outcome is not known."""

    seq: int
    payload: str
    print_state: PrintState
    print_attempts: int
    print_due_at: datetime | None  # of a refused receipt that is tried again by itself, or by request
    stamp: HybridTimestamp
    queue_position: int
    warnings: str | None


_UNPRINTED_COLUMNS = (
    receipts.c.seq,
    receipts.c.payload,
    receipts.c.print_state,
    receipts.c.print_attempts,
    receipts.c.print_due_at,
    receipts.c.hlc_local_time,
    receipts.c.hlc_logical_counter,
    receipts.c.queue_position,
    receipts.c.warnings,
)


def unprinted(conn: Connection, register_id: str, *, limit: int) -> list[Unprinted]:
    """The oldest receipts of a register in ``new``, ``printing`` or ``print_unknown``, in HLC order.

    ``seq`` is handed out together with the HLC stamp, in one transaction, so their orders agree.
    """
    rows = conn.execute(
        select(*_UNPRINTED_COLUMNS)
        .where(
            receipts.c.register_id == register_id,
            UNPRINTED_ROWS,
        )
        .order_by(receipts.c.seq)
        .limit(limit)
    )
    return [_unprinted(row) for row in rows]


def any_unprinted(conn: Connection, register_id: str) -> bool:
    """Has a register a receipt that ``unprinted`` would give?"""
    query = select(receipts.c.seq).where(receipts.c.register_id == register_id, UNPRINTED_ROWS).limit(1)
    return conn.execute(query).first() is not None


def registers_with_unprinted(conn: Connection) -> list[str]:
    """All registers that ``any_unprinted`` is true for."""
    return list(conn.execute(select(receipts.c.register_id).where(UNPRINTED_ROWS).distinct()).scalars())


def registers_with_refused(conn: Connection) -> list[str]:
    """All registers that ``refused_due`` gives something for."""
    query = select(receipts.c.register_id).where(PRINT_FAILED_ROWS, receipts.c.print_due_at.is_not(None))
    return list(conn.execute(query.distinct()).scalars())


def refused_due(conn: Connection, register_id: str) -> list[Unprinted]:
    """Refused receipts that are tried again, now or later, the oldest first."""
    rows = conn.execute(
        select(*_UNPRINTED_COLUMNS)
        .where(
            PRINT_FAILED_ROWS,
            receipts.c.register_id == register_id,
            receipts.c.print_due_at.is_not(None),
        )
        .order_by(receipts.c.seq)
        .limit(100)
    )
    return [_unprinted(row) for row in rows]


def one_unprinted(conn: Connection, receipt_id: str) -> Unprinted | None:
    """One receipt by id, whatever its state."""
    row = conn.execute(select(*_UNPRINTED_COLUMNS).where(receipts.c.id == receipt_id)).first()
    return None if row is None else _unprinted(row)


def unprinted_by_seq(conn: Connection, seq: int) -> Unprinted:
    """One receipt by its number, whatever its state."""
    return _unprinted(conn.execute(select(*_UNPRINTED_COLUMNS).where(receipts.c.seq == seq)).one())


def _unprinted(row: Any) -> Unprinted:
    return Unprinted(
        seq=row.seq,
        payload=row.payload,
        print_state=PrintState(row.print_state),
        print_attempts=row.print_attempts,
        print_due_at=row.print_due_at,
        stamp=HybridTimestamp(row.hlc_local_time, row.hlc_logical_counter),
        queue_position=row.queue_position,
        warnings=row.warnings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphansOf:
    """The FN that is in a register now. ``since``: see ``orphan_rows``."""

    register_id: str
    fn_number: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FnRows:
    """``newest``: the last document of an FN that was written down; 0: none. ``contact`` None: never met."""

    newest: int
    contact: FnContact | None


class LaneRows:
    """Each attribute is called with one register's id, or with what its type says; ``unprinted`` with the
    most receipts wanted, too."""

    def __init__(self, database: Database) -> None:
        self.open_attempts: ReadTogether[str, list[OpenAttempt]] = ReadTogether(
            database, _of_few(attempts.open_attempts, attempts.registers_with_open, list)
        )
        self.is_closing: ReadTogether[str, bool] = ReadTogether(
            database, _of_few(session_rows.is_closing, session_rows.registers_closing, bool)
        )
        self.first_order: ReadTogether[str, CashOrder | None] = ReadTogether(
            database, _of_few(device_cash.first_order, device_cash.registers_with_orders, lambda: None)
        )
        self.unprinted: ReadTogether[tuple[str, int], list[Unprinted]] = ReadTogether(
            database, _unprinted_of_many
        )
        self.refused_due: ReadTogether[str, list[Unprinted]] = ReadTogether(
            database, _of_few(refused_due, registers_with_refused, list)
        )
        self.orphans: ReadTogether[OrphansOf, OrphanDocuments] = ReadTogether(database, _orphans)
        self.of_fn: ReadTogether[str, FnRows] = ReadTogether(database, _fns)


def _of_few(
    of_one: Callable[[Connection, str], T],
    having: Callable[[Connection], Collection[str]],
    nothing: Callable[[], T],
) -> Callable[[Connection, Sequence[str]], list[T]]:
    """``of_one`` for those registers that are among ``having``; for one register without asking that."""

    def read(conn: Connection, register_ids: Sequence[str]) -> list[T]:
        some = register_ids if len(register_ids) == 1 else frozenset(having(conn))
        return [of_one(conn, one) if one in some else nothing() for one in register_ids]

    return read


def _unprinted_of_many(conn: Connection, asked: Sequence[tuple[str, int]]) -> list[list[Unprinted]]:
    some = None if len(asked) == 1 else frozenset(registers_with_unprinted(conn))
    return [
        unprinted(conn, register_id, limit=limit) if some is None or register_id in some else []
        for register_id, limit in asked
    ]


def _orphans(conn: Connection, asked: Sequence[OrphansOf]) -> list[OrphanDocuments]:
    having = frozenset(orphan_documents.registers_with_orphans(conn))
    return [_orphans_of(conn, one, having) if having else OrphanDocuments() for one in asked]


def _orphans_of(conn: Connection, asked: OrphansOf, having: frozenset[str]) -> OrphanDocuments:
    if orphan_documents.is_elsewhere(conn, asked.fn_number, having - {asked.register_id}):
        return OrphanDocuments(elsewhere=True)
    return orphan_documents.orphan_rows(conn, asked.register_id, asked.fn_number, since=asked.since)


_NEWEST = bulk(
    (documents.c.fn_number,),
    lambda given: select(
        given.c.fn_number,
        select(func.max(documents.c.fd_number))
        .where(documents.c.fn_number == given.c.fn_number)
        .scalar_subquery(),
        met_fns.c.first_fd,
        met_fns.c.unread_from,
    ).select_from(given.outerjoin(met_fns, met_fns.c.fn_number == given.c.fn_number)),
)


def _fns(conn: Connection, fn_numbers: Sequence[str]) -> list[FnRows]:
    rows = _NEWEST.rows(conn, [(fn_number,) for fn_number in fn_numbers])
    found = {
        fn_number: FnRows(
            newest=newest or 0,
            contact=None if first_fd is None else FnContact(first_fd=first_fd, unread_from=unread_from),
        )
        for fn_number, newest, first_fd, unread_from in rows
    }
    return [found[fn_number] for fn_number in fn_numbers]
