"""Safeguards of the intake, taken out."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, select
from tests.lab.broken.patching import forget_the_fn, patch

from kkt_adapter.fiscal.intake import buffer, known_keys, rows
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.intake.refusals import refusal
from kkt_adapter.fiscal.intake.stored_answers import Acceptance
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.store.tables import idempotency
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.runtime.db import sqlite_writer


class _Nothing:
    def put(self, connection: Connection, rows: Sequence[Any]) -> None:
        pass


def key_apart() -> None:
    forget_the_fn()
    commit = ReceiptIntake._commit

    async def key_afterwards(self: ReceiptIntake, item: AcceptItem, candidates: Any) -> Any:
        outcome = await commit(self, item, candidates)
        if isinstance(outcome, Accepted):
            await self._db.write(lambda c: _insert_key(c, item, outcome.seq))
        return outcome

    patch(rows, "INSERT_KEYS", _Nothing())
    patch(ReceiptIntake, "_commit", key_afterwards)


def _insert_key(connection: Connection, item: AcceptItem, seq: int) -> None:
    known = select(idempotency.c.seq).where(idempotency.c.key_hash == item.key_hash)
    if connection.execute(known).first() is not None:
        return
    connection.execute(
        insert(idempotency).values(
            seq=seq,
            key_hash=item.key_hash,
            key=item.key,
            request_hash=item.request_hash,
            receipt_id=item.receipt.id,
            created_at=item.at,
        )
    )


def answer_before_commit() -> None:
    commit = ReceiptIntake._commit

    async def hasty(self: ReceiptIntake, item: AcceptItem, candidates: Any) -> Any:
        known = await self._db.read(lambda c: known_keys.find_key(c, item.key_hash))
        if known is not None:
            return known

        if item.attempt is not None:
            candidates[0].unit.lane.release(stored=False)

        async def later() -> None:
            await self._clock.sleep(3.0)
            await commit(self, replace(item, attempt=None), candidates)

        asyncio.create_task(later()).add_done_callback(lambda done: done.cancelled() or done.exception())
        return Accepted(seq=0, stamp=HybridTimestamp(0, 0), queue_position=1, attempt_id=None)

    async def at_once(self: ReceiptIntake, begun: Any, patience: Any) -> None:
        return None

    async def buffered(self: ReceiptIntake, unit: Any, outcome: Accepted, checked: Any) -> Acceptance:
        place = Place(stamp=outcome.stamp, queue_position=outcome.queue_position)
        text = reply.buffered(checked.receipt.id, place, reason="", warnings=())
        return Acceptance(body=text.encode(), replayed=False)

    patch(ReceiptIntake, "_commit", hasty)
    patch(ReceiptIntake, "_answer", at_once)
    patch(ReceiptIntake, "_not_printed", buffered)


def failed_commit_is_fine() -> None:
    transaction: Any = sqlite_writer._Transaction
    commit = transaction.commit

    def careless(self: Any) -> None:
        try:
            commit(self)
        except Exception:
            pass

    patch(transaction, "commit", careless)


def overfilled() -> None:
    """What is undelivered is counted once, for the first receipt of a process."""
    counted = list[int]()

    def as_once(conn: Connection, *, undelivered: int, **given: Any) -> Exception | None:
        counted.append(undelivered)
        return refusal(conn, undelivered=counted[0], **given)

    patch(buffer, "refusal", as_once)


def full_forgets_keys() -> None:
    """Whether there is room is asked before whether the receipt is there already."""
    take = buffer._Batch.take

    def room_first(self: Any, item: Any) -> Any:
        refused = self._refusal(item) if isinstance(item, AcceptItem) else None
        return take(self, item) if refused is None else refused

    patch(buffer._Batch, "take", room_first)
