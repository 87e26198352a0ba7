"""Which receipts fit a filter, said so that the database takes the right index for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.queries.receipt_filter import ReceiptFilter, Stage
from kkt_adapter.fiscal.store.tables import (
    FAILED_ROWS,
    PRINT_FAILED_ROWS,
    UNDELIVERED_ROWS,
    UNPRINTED_ROWS,
    met_fns,
    receipts,
)

RARE: Mapping[Stage, ColumnElement[bool]] = {  # with an index of their numbers
    Stage.PRINT_FAILED: PRINT_FAILED_ROWS,  # type: ignore[dict-item]
    Stage.WAITING: UNDELIVERED_ROWS,  # type: ignore[dict-item]
    Stage.DEAD: FAILED_ROWS,  # type: ignore[dict-item]
}
BEFORE_PRINT = frozenset({Stage.PRINTING, Stage.QUESTION})  # as few as wait in front of a register
_PRINT_STATES: Mapping[Stage, Sequence[str]] = {  # of receipts that are not delivered
    Stage.PRINTING: (PrintState.NEW.value, PrintState.PRINTING.value),
    Stage.QUESTION: (PrintState.PRINT_UNKNOWN.value,),
    Stage.PRINT_FAILED: (PrintState.PRINT_FAILED.value,),
    Stage.WAITING: (PrintState.PRINTED.value,),
}
_LIVE = (Status.PENDING.value, Status.SYNCING.value)


@dataclass(frozen=True, slots=True)
class SeqBounds:
    """Everything of the period is between ``low`` and ``high``; ``by_text``: numbers that an index found."""

    low: int
    high: int
    by_text: Sequence[int]


def is_found(wanted: ReceiptFilter, bounds: SeqBounds) -> bool:
    """An index finds something of what is asked for, so nothing is walked over."""
    return wanted.fd_number is not None or bool(bounds.by_text)


def walked_over(wanted: ReceiptFilter) -> ColumnElement[bool] | None:
    """Receipts with an index of their numbers, of which what is asked for is a part; None: all receipts."""
    if wanted.stage is not None and wanted.stage in RARE:
        return RARE[wanted.stage]
    if wanted.door is not None and wanted.door != "v1":
        return receipts.c.door == wanted.door
    return None


def where_of(wanted: ReceiptFilter, bounds: SeqBounds) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        where.append(receipts.c.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(receipts.c.created_at < wanted.until)
    if wanted.stage is not None:
        where += _of_stage(wanted.stage, by_index=not is_found(wanted, bounds))
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
        where.append(
            _of_door(
                wanted.door,
                by_index=not is_found(wanted, bounds) and wanted.stage in (None, Stage.CONFIRMED),
            )
        )
    if bounds.by_text:
        where.append(receipts.c.seq.in_(bounds.by_text))
    elif wanted.text is not None:
        keys = (receipts.c.idempotency_key, receipts.c.client_key)
        where.append(or_(*(key.startswith(wanted.text, autoescape=True) for key in keys)))
    return where


def _of_stage(stage: Stage, *, by_index: bool) -> list[ColumnElement[bool]]:
    """``by_index``: through the index of that state; else another index finds the rows."""
    printed, status = receipts.c.print_state, receipts.c.status
    if stage is Stage.CONFIRMED:
        return [status == Status.SYNCED.value]
    rare: list[ColumnElement[bool]] = [RARE[stage]] if by_index and stage in RARE else []
    if by_index and stage in BEFORE_PRINT:
        rare = [receipts.c.seq.in_(select(receipts.c.seq).where(UNPRINTED_ROWS))]
    if stage is Stage.DEAD:
        return [*rare, status == Status.FAILED.value]
    return [*rare, status.in_(_LIVE), printed.in_(_PRINT_STATES[stage])]


def _of_door(door: str, *, by_index: bool) -> ColumnElement[bool]:
    if door == "v1":
        return receipts.c.door.is_(None)
    return (receipts.c.door if by_index else func.coalesce(receipts.c.door, "")) == door
