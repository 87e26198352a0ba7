"""May this sale be refunded now? (http-api.md#receipts)"""

from dataclasses import dataclass

from sqlalchemy import Connection

from kkt_adapter.fiscal.lifecycle import LetterOutcome, Status
from kkt_adapter.fiscal.store import receipt_lookup
from kkt_adapter.fiscal.store.counters import fill
from kkt_adapter.runtime.db.protocol import Database

NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundDecision:
    allowed: bool
    sync_status: str  # a delivery status, or ``not_found``
    reason: str
    buffer_count: int
    buffer_percent: float


class Refunds:
    def __init__(self, *, database: Database, default_capacity: int) -> None:
        self._db = database
        self._default_capacity = default_capacity

    async def check(self, original: str) -> RefundDecision:
        """``original`` is a fiscal_doc_id, a receipt id, or a fiscal document number (the newest with it)."""

        def read(conn: Connection) -> RefundDecision:
            found = receipt_lookup.find(conn, original)
            filled = fill(conn, default_capacity=self._default_capacity)
            status = NOT_FOUND if found is None else str(found.status)
            state = status if found is None else receipt_lookup.refund_state(conn, found.id, status)
            return RefundDecision(
                allowed=state in (NOT_FOUND, Status.SYNCED, LetterOutcome.DELIVERED_OTHERWISE),
                sync_status=status,
                reason=_reason(state),
                buffer_count=filled.totals.undelivered,
                buffer_percent=filled.percent,
            )

        return await self._db.read(read)


def _reason(status: str) -> str:
    match status:
        case Status.SYNCED:
            return "original receipt is synced / исходный чек передан оператору"
        case "not_found":
            return "original receipt is not known here / исходный чек здесь не найден"
        case LetterOutcome.DELIVERED_OTHERWISE:
            return "original receipt was delivered otherwise / исходный чек передан другим путём"
        case LetterOutcome.WRITTEN_OFF:
            return (
                "original receipt is not synced: it was written off; refund it with refund_force_reason / "
                "исходный чек списан и не передан: для возврата нужна причина (refund_force_reason)"
            )
        case _:
            return f"original receipt is not synced ({status}) / исходный чек ещё не передан оператору"
