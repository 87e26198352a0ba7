"""Callbacks of shops that are not over well: what waits for another try, and what was given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.queries.door_receipts import CallbackShown, callback_shown_of
from kkt_adapter.fiscal.store.tables import OWED_ROWS, callbacks, receipts
from kkt_adapter.runtime.db.protocol import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackOwed:
    """``account``: the shop's id; ``client_key``: what the shop calls the receipt."""

    receipt_id: str
    account: str
    client_key: str
    callback: CallbackShown


class CallbackBook:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def owed(self, *, limit: int) -> Sequence[CallbackOwed]:
        """Tried in vain or given up, newest first."""
        return await self._db.read(lambda c: _owed(c, limit))


def _owed(conn: Connection, limit: int) -> list[CallbackOwed]:
    query = (
        select(callbacks, receipts.c.id, receipts.c.client_key)
        .join(receipts, receipts.c.seq == callbacks.c.receipt_seq)
        .where(OWED_ROWS)
        .order_by(callbacks.c.receipt_seq.desc())
        .limit(limit)
    )
    return [_of(row) for row in conn.execute(query)]


def _of(row: Any) -> CallbackOwed:
    return CallbackOwed(
        receipt_id=row.id, account=row.account, client_key=row.client_key, callback=callback_shown_of(row)
    )
