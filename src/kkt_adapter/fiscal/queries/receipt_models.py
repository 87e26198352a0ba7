"""A receipt as it is read back: in lists, and whole with what was tried and what happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome, PrintState, Status
from kkt_adapter.fiscal.model import Receipt, ReceiptKind, ReceiptWarning
from kkt_adapter.fiscal.printing.attempt_commands import Commands, load_commands
from kkt_adapter.fiscal.queries.door_receipts import CallbackShown
from kkt_adapter.fiscal.queries.event_log import LoggedEvent
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc, read_fiscal_doc
from kkt_adapter.kernel.discretion import discreet_json
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.kernel.ids import PosId, ReceiptId, RegisterId
from kkt_adapter.kernel.money import Kopecks


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSummary:
    """A receipt as lists show it. Times are aware UTC; ``last_error`` is without addresses and paths."""

    id: ReceiptId
    pos_id: PosId
    register_id: RegisterId
    kind: ReceiptKind
    key: str
    total_kop: Kopecks
    print_state: PrintState
    status: Status
    fiscal_doc_id: str | None  # FN number, a dash, number of the document; None: not printed
    fiscal_doc: StoredFiscalDoc | None
    retry_count: int
    last_error: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    printed_at: datetime | None
    synced_at: datetime | None
    ofd_id: str | None
    stamp: HybridTimestamp
    server_time: int | None  # Unix seconds
    door: str | None  # the foreign protocol it came by; None: /v1
    account: str | None  # id of the shop's account
    group: str | None  # id of the group of registers it was sent to
    client_key: str | None  # the shop's own key


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to print a receipt or to send it; ``outcome`` None: not known yet."""

    what: AttemptKind
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error: str | None
    commands: Commands | None  # what it cost at its device


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDetail:
    """A receipt with its contents; attempts and events oldest first, at most 200 of each."""

    summary: ReceiptSummary
    receipt: Receipt
    callback: CallbackShown | None  # of the shop that sent it; None: it gave no address
    operator_code: int | None  # with which the operator took the document, when it is an alarm (11, 14)
    warnings: Sequence[ReceiptWarning]
    attempts: Sequence[Attempt]
    events: Sequence[LoggedEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage:
    """Newest first; ``next_cursor`` is None on the last page."""

    items: Sequence[ReceiptSummary]
    next_cursor: str | None


def summary(row: Row[Any]) -> ReceiptSummary:
    """A row of ``receipts``."""
    return ReceiptSummary(
        id=row.id,
        pos_id=row.pos_id,
        register_id=row.register_id,
        kind=ReceiptKind(row.type),
        key=row.idempotency_key,
        total_kop=Kopecks(row.total_kop),
        print_state=PrintState(row.print_state),
        status=Status(row.status),
        fiscal_doc_id=None if row.fn_number is None else f"{row.fn_number}-{row.fiscal_doc_number}",
        fiscal_doc=None if row.fiscal_doc is None else read_fiscal_doc(row.fiscal_doc),
        retry_count=row.retry_count,
        last_error=discreet_json(row.last_error),
        next_attempt_at=row.next_attempt_at,
        created_at=row.created_at,
        printed_at=row.printed_at,
        synced_at=row.synced_at,
        ofd_id=row.ofd_id,
        stamp=HybridTimestamp(row.hlc_local_time, row.hlc_logical_counter),
        server_time=row.hlc_server_time,
        door=row.door,
        account=row.account,
        group=row.door_group,
        client_key=row.client_key,
    )


def attempt(row: Row[Any]) -> Attempt:
    """A row of ``attempts``."""
    return Attempt(
        what=AttemptKind(row.what),
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=None if row.outcome is None else AttemptOutcome(row.outcome),
        error=discreet_json(row.error),
        commands=load_commands(row.commands),
    )
