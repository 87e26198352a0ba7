"""The receipts that a register has still to print, as their rows tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.store.tables import (
    PRINT_FAILED_ROWS,
    UNPRINTED_ROWS,
    receipts,
)
from kkt_adapter.kernel.hlc import HybridTimestamp


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
