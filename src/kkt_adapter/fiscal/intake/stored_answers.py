"""What a receipt that is stored already is answered: again, as of now, and in English where that is asked."""

import asyncio
import json
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from kkt_adapter.fiscal.intake import known_keys
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.intake.known_keys import Known
from kkt_adapter.fiscal.intake.wording import STATES, in_english, not_printed_yet
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.fiscal.printing.lane_rows import Unprinted, one_unprinted
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.kernel.errors import (
    AdapterError,
    IdempotencyConflict,
    IdempotencyInProgress,
    StorageError,
    Text,
)
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import about, get_logger

TWIN_WAIT_S = 15.0  # idempotency.md


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The answer, ready to send. ``replayed``: the key was known."""

    body: bytes
    replayed: bool
    reason: Text | None = None  # why it is not printed, where it is not


class StoredAnswers:
    """Reads only; holds nothing of its own."""

    def __init__(self, *, database: Database, registers: Registers, waiting: Waiting) -> None:
        self._db = database
        self._registers = registers
        self._waiting = waiting
        self._log = get_logger("intake").bind()

    async def replay(self, known: Known, request_hash: bytes, sent: AsSent) -> Acceptance:
        """What the key got before, or what became of its receipt.

        Raises:
            IdempotencyConflict, IdempotencyInProgress: another request has the key, or is not finished.
        """
        about(receipt_id=known.receipt_id)
        if known.request_hash != request_hash and not is_first_reading(known, sent):
            raise IdempotencyConflict(
                f"This Idempotency-Key belongs to another receipt ({known.receipt_id}). Use a new key.",
                f"Этот Idempotency-Key уже занят другим чеком ({known.receipt_id}). Возьмите новый ключ.",
                receipt_id=known.receipt_id,
            )
        if known.answer is not None:
            return Acceptance(body=known.answer.encode(), replayed=True)
        waiter = self._waiting.join(known.receipt_id)
        if waiter is not None:
            try:
                async with asyncio.timeout(TWIN_WAIT_S):
                    answer = await waiter
            except TimeoutError:
                raise IdempotencyInProgress(
                    "The first request with this key is not finished yet. Try again.",
                    "Первый запрос с этим ключом ещё выполняется. Повторите.",
                    receipt_id=known.receipt_id,
                    retry_after=2,
                ) from None
            if answer is not None:
                return Acceptance(body=answer.encode(), replayed=True)
        return await self.state_of_now(known.receipt_id)

    async def state_of_now(self, receipt_id: str) -> Acceptance:
        """A receipt that was stored and not printed when its first request ended."""

        def read(conn: Connection) -> tuple[Unprinted | None, str | None]:
            row = one_unprinted(conn, receipt_id)
            return row, None if row is None else known_keys.answer_of(conn, row.seq)

        row, answer = await self._db.read(read)
        if row is None:
            raise StorageError("the receipt of this key is gone", "чек этого ключа не найден")
        if answer is not None:
            return Acceptance(body=answer.encode(), replayed=True)
        unit = self._registers.by_id(receipt_json.load(row.payload).register_id)
        trouble, hold = (None, None) if unit is None else (unit.lane.trouble, unit.lane.hold)
        reason = STATES.get(row.print_state) or not_printed_yet(trouble, hold)
        answer = reply.buffered(
            receipt_id,
            Place(stamp=row.stamp, queue_position=row.queue_position),
            reason=reason.ru,
            warnings=receipt_json.load_warnings(row.warnings),
        )
        return Acceptance(body=answer.encode(), replayed=True, reason=reason)

    async def in_english(self, acceptance: Acceptance) -> Acceptance:
        """The same in English; a database that is gone by now costs the language, not the answer."""
        receipt_id = json.loads(acceptance.body)["receipt_id"]
        try:
            stored = await self._db.read(lambda c: known_keys.warnings_of(c, receipt_id))
        except AdapterError as error:
            self._log.warning("warnings_not_read", code=error.code)
            return acceptance
        warnings = receipt_json.load_warnings(stored)
        return replace(
            acceptance, body=in_english(acceptance.body, reason=acceptance.reason, warnings=warnings)
        )


def is_first_reading(known: Known, sent: AsSent) -> bool:
    """Whether version 0.1.0 took this very request under the key."""
    first = sent.first_reading()
    return first is not None and receipt_json.first_request_hash(first) == known.request_hash
