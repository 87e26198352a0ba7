"""A shop's receipt as its door tells of it: in work, done, or failed for good."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.printing.registration import stored_facts
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.tables import callbacks, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.protocol import Database


class DoorOutcome(StrEnum):
    WAIT = "wait"
    DONE = "done"
    FAIL = "fail"


class CallbackState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorReceipt:
    """What a door needs of a receipt. ``document``: the member ``fiscal_doc`` of a printed one."""

    seq: int
    id: str
    door: str
    account: str
    group: str | None
    client_key: str
    register_id: str
    facts: Mapping[str, Any]
    outcome: DoorOutcome
    total_kop: int
    created_at: datetime
    document: Mapping[str, Any] | None = None
    error: str | None = None  # why it failed


COLUMNS = (
    receipts.c.seq,
    receipts.c.id,
    receipts.c.door,
    receipts.c.account,
    receipts.c.door_group,
    receipts.c.client_key,
    receipts.c.register_id,
    receipts.c.door_facts,
    receipts.c.print_state,
    receipts.c.print_due_at,
    receipts.c.total_kop,
    receipts.c.created_at,
    receipts.c.fiscal_doc,
    receipts.c.last_error,
)


def has_outcome() -> ColumnElement[bool]:
    """SQL: printed, or refused with no try to come."""
    failed = and_(receipts.c.print_state == PrintState.PRINT_FAILED.value, receipts.c.print_due_at.is_(None))
    return or_(receipts.c.print_state == PrintState.PRINTED.value, failed)


def outcome_of(print_state: str, print_due_at: datetime | None) -> DoorOutcome:
    """A refused receipt has failed only when no try of the register is to come."""
    if print_state == PrintState.PRINTED:
        return DoorOutcome.DONE
    if print_state == PrintState.PRINT_FAILED and print_due_at is None:
        return DoorOutcome.FAIL
    return DoorOutcome.WAIT


def door_receipt(row: Any) -> DoorReceipt:
    """From a row of ``COLUMNS`` that has a door."""
    outcome = outcome_of(row.print_state, row.print_due_at)
    return DoorReceipt(
        seq=row.seq,
        id=row.id,
        door=row.door,
        account=row.account,
        group=row.door_group,
        client_key=row.client_key,
        register_id=row.register_id,
        facts=json.loads(row.door_facts) if row.door_facts else {},
        outcome=outcome,
        total_kop=row.total_kop,
        created_at=row.created_at,
        document=None if row.fiscal_doc is None else json.loads(row.fiscal_doc, parse_float=Decimal),
        error=row.last_error if outcome is DoorOutcome.FAIL else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackShown:
    """How a shop is told; ``url`` without its query, which may hold a secret."""

    url: str
    state: CallbackState
    attempts: int
    last_error: str | None
    due_at: datetime | None  # None: it is over
    done_at: datetime | None


def callback_shown(conn: Connection, seq: int) -> CallbackShown | None:
    """What a receipt's page says of its callback."""
    row = conn.execute(select(callbacks).where(callbacks.c.receipt_seq == seq)).first()
    return None if row is None else callback_shown_of(row)


def callback_shown_of(row: Any) -> CallbackShown:
    """A row of ``callbacks``."""
    state = CallbackState(row.state)
    return CallbackShown(
        url=row.url.partition("?")[0],
        state=state,
        attempts=row.attempts,
        last_error=row.last_error,
        due_at=row.due_at if state is CallbackState.WAITING else None,
        done_at=row.done_at,
    )


class DoorReceipts:
    """Reads for doors; and the one note that a door leaves in a receipt's timeline."""

    def __init__(self, *, database: Database, registers: Registers, clock: Clock) -> None:
        self._db = database
        self._registers = registers
        self._clock = clock

    async def by_id(self, receipt_id: str) -> DoorReceipt | None:
        """None: there is no such receipt, or it came by no door."""

        def read(conn: Connection) -> DoorReceipt | None:
            query = select(*COLUMNS).where(receipts.c.id == receipt_id, receipts.c.door.is_not(None))
            row = conn.execute(query).first()
            return None if row is None else door_receipt(row)

        return await self._db.read(read)

    async def registration(self, register_id: str) -> Registration | None:
        """The facts of a register; also of one that is no longer configured. None: it has never told."""
        try:
            return (await self._registers.unit(register_id).profile()).registration
        except AdapterError:
            return await self._db.read(lambda conn: stored_facts(conn, register_id))

    async def note_other_content(self, receipt_id: str, *, client_key: str) -> None:
        """The key of this receipt came again with another content: somebody should look at it."""
        entry = events.entry(
            EventType.RECEIPT_WARNING,
            self._clock.now(),
            receipt_id=receipt_id,
            level=EventLevel.WARNING,
            warning="KEY_REPEATED_WITH_OTHER_CONTENT",
            client_key=client_key,
        )
        await self._db.write(lambda conn: events.write(conn, [entry]))
