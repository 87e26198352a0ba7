"""Why a receipt is not stored: maintenance, a full buffer, a sale that may not be refunded yet."""

import math
from datetime import datetime

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.lifecycle import LetterOutcome, Status
from kkt_adapter.fiscal.store.counters import capacity_in_force
from kkt_adapter.fiscal.store.receipt_lookup import refund_state
from kkt_adapter.fiscal.store.runtime_settings import maintenance_mode
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.errors import BufferFull, Maintenance, RefundBlocked

MAINTENANCE_RETRY_S = 60  # at least so long a refused till waits


def refusal(
    conn: Connection,
    *,
    maintenance: str | None,
    stored_capacity: str | None,
    undelivered: int,
    default_capacity: int,
    sale_must_be_synced: str | None,
    forced: bool,
    at: datetime,
) -> Exception | None:
    """Why a receipt is not taken now, by the state that its transaction has read; None: it is taken."""
    if maintenance is not None:
        return Maintenance(
            f"Maintenance mode is on: {maintenance}. Wait until it is ended.",
            f"Включён режим обслуживания: {maintenance}. Дождитесь его окончания.",
            retry_after=_maintenance_left_s(conn, at),
        )
    capacity = capacity_in_force(stored_capacity, configured=default_capacity)
    if capacity and undelivered >= capacity:
        return BufferFull(
            f"Buffer full: {undelivered}/{capacity}. Restore the connection to the operator or raise the "
            "capacity; the first delivered receipt opens it again.",
            f"Buffer full: {undelivered}/{capacity}. Буфер заполнен: восстановите связь с ОФД или увеличьте "
            "ёмкость; приём откроется с первым доставленным чеком.",
            reason="CAPACITY",
            retry_after=60,
        )
    return None if sale_must_be_synced is None else _sale_refusal(conn, sale_must_be_synced, forced=forced)


def _maintenance_left_s(conn: Connection, at: datetime) -> int:
    """Whole seconds until maintenance is estimated to be over; a minute when it should be over already."""
    mode = maintenance_mode(conn)
    if mode is None or mode.until is None:
        return MAINTENANCE_RETRY_S
    return max(MAINTENANCE_RETRY_S, math.ceil((mode.until - at).total_seconds()))


def _sale_refusal(conn: Connection, sale_id: str, *, forced: bool) -> Exception | None:
    """Why this sale may not be refunded now."""
    row = conn.execute(select(receipts.c.id, receipts.c.status).where(receipts.c.id == sale_id)).first()
    if row is None:
        return None
    match refund_state(conn, row.id, row.status):
        case Status.SYNCED | LetterOutcome.DELIVERED_OTHERWISE:
            return None
        case LetterOutcome.WRITTEN_OFF if forced:
            return None
        case LetterOutcome.WRITTEN_OFF:
            return RefundBlocked(
                "The sale being refunded was written off: the operator does not have it. Refund it with "
                "refund_force_reason.",
                "Исходный чек списан: у оператора его нет. Для возврата укажите причину в "
                "refund_force_reason.",
                reason="original receipt is not synced: it was written off",
                sync_status=row.status,
                outcome=LetterOutcome.WRITTEN_OFF.value,
            )
        case state:
            return RefundBlocked(
                f"The sale being refunded is not synced yet ({state}). Try again when it is delivered.",
                f"Исходный чек ещё не передан оператору ({state}). Повторите после его доставки.",
                reason=f"original receipt is not synced: {state}",
                sync_status=row.status,
            )
