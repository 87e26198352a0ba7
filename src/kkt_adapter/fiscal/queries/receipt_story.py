"""One receipt as a person follows it: what happened to it in order, how long each step took, and its kin."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.ffd.tlv import TlvError
from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.model import Receipt, ReceiptWarning
from kkt_adapter.fiscal.ofd.describe import Described, describe
from kkt_adapter.fiscal.ofd.frame import FrameError
from kkt_adapter.fiscal.printing.attempt_commands import load_commands
from kkt_adapter.fiscal.queries.receipt_filter import Stage, stage_of
from kkt_adapter.fiscal.queries.receipt_kin import Kin, kin_of
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.queries.reported import reported
from kkt_adapter.fiscal.slip import Slip
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.document_bytes import kept_document
from kkt_adapter.fiscal.store.events import EventFacts, EventType
from kkt_adapter.fiscal.store.tables import attempts, buffer_events, callbacks, receipts
from kkt_adapter.kernel.discretion import discreet_json
from kkt_adapter.kernel.errors import AdapterError, ReceiptNotFound
from kkt_adapter.runtime.db.protocol import Database

SHOWN = 200  # attempts and events

# What the other steps or the list of warnings say already.
_TOLD_ELSEWHERE = frozenset(
    {
        EventType.RECEIPT_ADDED,
        EventType.RECEIPT_PRINTED,
        EventType.RECEIPT_SYNCED,
        EventType.RECEIPT_WARNING,
    }
)


# What back offices are told of that ends a step of the way.
_REPORTED = (
    EventType.RECEIPT_ADDED,
    EventType.RECEIPT_PRINTED,
    EventType.PRINT_RECOVERED,
    EventType.RECEIPT_SYNCED,
    EventType.RECEIPT_FAILED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryAttempt:
    """``commands``: by name, how often and milliseconds together; empty: none was timed."""

    what: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    error: str | None
    commands: tuple[tuple[str, int, int], ...]

    @property
    def took_s(self) -> float | None:
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEvent:
    event: str
    level: str
    at: datetime
    facts: EventFacts

    @property
    def plain_facts(self) -> Mapping[str, str | int]:
        """Those that fit into a line."""
        return {name: v for name, v in self.facts.items() if isinstance(v, str | int) and v != ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A point of the timeline. ``name``: accepted, attempt, printed, confirmed, reported, callback, event."""

    name: str
    at: datetime
    report: "OfficeTold | None" = None
    attempt: StoryAttempt | None = None
    event: StoryEvent | None = None
    since_s: float = 0.0  # after the step before


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeTold:
    """A back office said at ``at`` that it has this of the receipt; ``what``: the newest event type in it."""

    office: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What the shop was told of the outcome."""

    state: str
    attempts: int
    last_error: str | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptStory:
    """``fd_number`` and what goes with it are None while the receipt is not printed."""

    id: str
    key: str
    register_id: str
    pos_id: str
    receipt: Receipt
    stage: Stage
    print_state: PrintState
    status: Status
    created_at: datetime
    printed_at: datetime | None
    synced_at: datetime | None
    next_attempt_at: datetime | None
    last_error: str | None
    ofd_id: str | None
    fn_number: str | None
    fd_number: int | None
    fiscal_sign: str | None
    door: str | None
    account: str | None
    warnings: Sequence[ReceiptWarning]
    attempts: Sequence[StoryAttempt]
    events: Sequence[StoryEvent]
    callback: Callback | None
    reports: Sequence[OfficeTold]
    kin: Sequence[Kin]
    tlv: bytes | None  # the signed document: code, length, contents
    ticket: bytes | None  # the operator's answer

    @property
    def steps(self) -> tuple[Step, ...]:
        return steps_of(self)

    @property
    def described(self) -> Described | None:
        return _read(self.tlv)

    @property
    def ticket_described(self) -> Described | None:
        return _read(self.ticket)


class ReceiptStories:
    """Every call is one snapshot of the database."""

    def __init__(self, database: Database, *, receipts: Receipts) -> None:
        self._db = database
        self._receipts = receipts

    async def of(self, receipt_id: str) -> ReceiptStory:
        """Raises ReceiptNotFound."""
        story = await self._db.read(lambda c: _story(c, receipt_id))
        if story is None:
            raise ReceiptNotFound(f"no receipt {receipt_id[:64]}", f"нет чека {receipt_id[:64]}")
        return story

    async def slip(self, receipt_id: str) -> Slip | None:
        """The slip of a printed receipt; None: neither the database nor the FN gives it now."""
        try:
            return await self._receipts.slip(receipt_id)
        except AdapterError:
            return None


def steps_of(story: ReceiptStory) -> tuple[Step, ...]:
    """Everything that happened, in order; of two things at one moment the cause comes first."""
    found = [(story.created_at, 0, Step(name="accepted", at=story.created_at))]
    for one in story.attempts:
        found.append((one.started_at, 1, Step(name="attempt", at=one.started_at, attempt=one)))
    for event in story.events:
        if event.event not in _TOLD_ELSEWHERE:
            found.append((event.at, 2, Step(name="event", at=event.at, event=event)))
    if story.printed_at is not None:
        found.append((story.printed_at, 3, Step(name="printed", at=story.printed_at)))
    if story.synced_at is not None:
        found.append((story.synced_at, 4, Step(name="confirmed", at=story.synced_at)))
    for report in story.reports:
        found.append((report.at, 5, Step(name="reported", at=report.at, report=report)))
    if story.callback is not None and story.callback.done_at is not None:
        found.append((story.callback.done_at, 6, Step(name="callback", at=story.callback.done_at)))
    return _spaced(step for _, _, step in sorted(found, key=lambda one: one[:2]))


def _spaced(steps: Iterable[Step]) -> tuple[Step, ...]:
    shown: list[Step] = []
    for step in steps:
        since_s = (step.at - shown[-1].at).total_seconds() if shown else 0.0
        shown.append(replace(step, since_s=since_s))
    return tuple(shown)


def _read(data: bytes | None) -> Described | None:
    if data is None:
        return None
    try:
        return describe(data)
    except (TlvError, FrameError, ValueError):
        return None


def _story(conn: Connection, receipt_id: str) -> ReceiptStory | None:
    row = conn.execute(select(receipts).where(receipts.c.id == receipt_id)).first()
    if row is None:
        return None
    receipt = receipt_json.load(row.payload)
    kept = None
    if row.fn_number is not None:
        kept = kept_document(conn, fn_number=row.fn_number, fd_number=row.fiscal_doc_number)
    doc = {} if row.fiscal_doc is None else json.loads(row.fiscal_doc)
    return ReceiptStory(
        id=row.id,
        key=row.idempotency_key,
        register_id=row.register_id,
        pos_id=row.pos_id,
        receipt=receipt,
        stage=stage_of(PrintState(row.print_state), Status(row.status)),
        print_state=PrintState(row.print_state),
        status=Status(row.status),
        created_at=row.created_at,
        printed_at=row.printed_at,
        synced_at=row.synced_at,
        next_attempt_at=row.next_attempt_at,
        last_error=discreet_json(row.last_error),
        ofd_id=row.ofd_id,
        fn_number=row.fn_number,
        fd_number=row.fiscal_doc_number,
        fiscal_sign=doc.get("fiscal_sign"),
        door=row.door,
        account=row.account,
        warnings=receipt_json.load_warnings(row.warnings),
        attempts=_attempts(conn, row.seq),
        events=_events(conn, row.id),
        callback=_callback(conn, row.seq),
        kin=kin_of(conn, row, receipt),
        reports=_reports(conn, row.id),
        tlv=None if kept is None else kept.tlv,
        ticket=None if kept is None else kept.ticket,
    )


def _attempts(conn: Connection, seq: int) -> list[StoryAttempt]:
    rows = conn.execute(
        select(attempts).where(attempts.c.receipt_seq == seq).order_by(attempts.c.id).limit(SHOWN)
    )
    return [
        StoryAttempt(
            what=row.what,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=row.outcome,
            error=discreet_json(row.error),
            commands=tuple((n, len(ms), sum(ms)) for n, ms in (load_commands(row.commands) or {}).items()),
        )
        for row in rows
    ]


def _events(conn: Connection, receipt_id: str) -> list[StoryEvent]:
    rows = conn.execute(
        select(buffer_events)
        .where(buffer_events.c.receipt_id == receipt_id)
        .order_by(buffer_events.c.id)
        .limit(SHOWN)
    )
    return [
        StoryEvent(
            event=row.event_type,
            level=row.level,
            at=row.timestamp,
            facts=discreet_json(json.loads(row.metadata)) if row.metadata else {},
        )
        for row in rows
    ]


def _reports(conn: Connection, receipt_id: str) -> list[OfficeTold]:
    """What back offices have acknowledged of it: several events in one call are one report."""
    rows = conn.execute(
        select(buffer_events.c.id, buffer_events.c.event_type)
        .where(buffer_events.c.receipt_id == receipt_id, buffer_events.c.event_type.in_(_REPORTED))
        .order_by(buffer_events.c.id)
        .limit(SHOWN)
    )
    told: dict[tuple[str, datetime], OfficeTold] = {}
    for row in rows:
        for one in reported(conn, row.id):
            told[one.office, one.at] = OfficeTold(office=one.office, what=row.event_type, at=one.at)
    return list(told.values())


def _callback(conn: Connection, seq: int) -> Callback | None:
    row = conn.execute(select(callbacks).where(callbacks.c.receipt_seq == seq)).first()
    if row is None:
        return None
    return Callback(
        state=row.state, attempts=row.attempts, last_error=discreet_json(row.last_error), done_at=row.done_at
    )
