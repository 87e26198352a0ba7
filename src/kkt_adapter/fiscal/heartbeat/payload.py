"""The body of one call (docs/reference/heartbeat.md), cut to what a call may carry. No I/O."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NotRequired, TypedDict

from kkt_adapter.fiscal.heartbeat.feed import FeedEvent, Page
from kkt_adapter.fiscal.heartbeat.points import Point, RegisterPoint
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.kernel.money import rubles
from kkt_adapter.kernel.timefmt import iso

VERSION = 1
MAX_EVENTS = 200  # of one call
MAX_BODY_BYTES = 256 * 1024  # of one call; a single event is sent even if it does not fit

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class DocumentBody(TypedDict):
    """Times are the register's wall clock."""

    fn_number: str
    fd_number: int
    fiscal_sign: str
    registration_number: str
    shift_number: int
    number_in_shift: int
    fiscalized_at: str
    qr: str


class EventBody(TypedDict):
    """``total`` is rubles as text; the last three stand there when a shop sent the receipt through a door."""

    event_id: int
    idempotency_key: str
    receipt_id: str
    pos_id: str
    kind: str
    total: str
    state: str
    printed: bool
    error: str | None
    changed_at: str | None
    fiscal_doc: DocumentBody | None
    door: NotRequired[str]
    account: NotRequired[str | None]
    client_key: NotRequired[str | None]


class ShiftBody(TypedDict):
    number: int
    state: str
    opened_at: str | None


class RegisterBody(TypedDict):
    serial_number: str | None
    registration_number: str | None
    fn_number: str | None
    state: str | None
    shift: ShiftBody | None
    fn_valid_until: str | None


class BufferBody(TypedDict):
    pending: int
    syncing: int
    failed: int
    oldest_pending_at: str | None


class PointBody(TypedDict):
    pos_id: str
    register: RegisterBody
    buffer: BufferBody
    breaker: str
    ofd_last_ack_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: stays the same as long as the process lives."""

    adapter_id: str
    instance_id: str  # new with every start
    version: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The adapter as it is now."""

    state: str  # online, degraded, offline
    disk_free_bytes: int
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One call, ready to be sent."""

    body: bytes
    last_event_id: int | None  # None: it carries no events
    printed: tuple[tuple[int, str], ...]  # event and receipt of those that say printed
    has_more: bool


def beat(sender: Sender, situation: Situation, page: Page, *, seq: int, at: datetime) -> Beat:
    """``seq`` counts the calls to one back office, from 1 at each start."""
    head: JsonObject = {
        "version": VERSION,
        "adapter_id": sender.adapter_id,
        "instance_id": sender.instance_id,
        "seq": seq,
        "sent_at": iso(at),
        "adapter": {
            "version": sender.version,
            "started_at": iso(sender.started_at),
            "state": situation.state,
            "disk_free_bytes": situation.disk_free_bytes,
        },
        "points": [point_json(point) for point in situation.points],
    }
    start = _encode(head)[:-1]
    end = ',"events":[%s],"has_more":%s}'
    events: list[str] = []
    size = len(start.encode()) + len(end)
    for event in page.events:
        text = _encode(event_json(event))
        size += len(text.encode()) + 1
        if events and size > MAX_BODY_BYTES:
            break
        events.append(text)
    has_more = page.has_more or len(events) < len(page.events)
    return Beat(
        body=(start + end % (",".join(events), "true" if has_more else "false")).encode(),
        last_event_id=page.events[len(events) - 1].event_id if events else None,
        printed=tuple(
            (event.event_id, event.receipt_id) for event in page.events[: len(events)] if event.is_printed
        ),
        has_more=has_more,
    )


def event_json(event: FeedEvent) -> EventBody:
    """One event as a call carries it."""
    doc, shop = event.fiscal_doc, event.sent_by
    shown: EventBody = {
        "event_id": event.event_id,
        "idempotency_key": event.key,
        "receipt_id": event.receipt_id,
        "pos_id": event.pos_id,
        "kind": event.kind.value,
        "total": rubles(event.total_kop),
        "state": event.state.value,
        "printed": event.is_printed,
        "error": event.error,
        "changed_at": iso(event.changed_at),
        "fiscal_doc": None if doc is None else _document(doc),
    }
    if shop is not None:
        shown |= {"door": shop.door, "account": shop.account, "client_key": shop.client_key}
    return shown


def point_json(point: Point) -> PointBody:
    """One till as a call carries it."""
    return {
        "pos_id": point.pos_id,
        "register": _register(point.register),
        "buffer": {
            "pending": point.buffer.pending,
            "syncing": point.buffer.syncing,
            "failed": point.buffer.failed,
            "oldest_pending_at": iso(point.buffer.oldest_at),
        },
        "breaker": point.breaker.value.lower(),
        "ofd_last_ack_at": iso(point.ofd_last_ack_at),
    }


def _document(doc: StoredFiscalDoc) -> DocumentBody:
    return {
        "fn_number": doc.fn_number,
        "fd_number": doc.fd_number,
        "fiscal_sign": doc.fiscal_sign,
        "registration_number": doc.registration_number,
        "shift_number": doc.shift_number,
        "number_in_shift": doc.receipt_number,
        "fiscalized_at": doc.fiscalized_at.isoformat(),
        "qr": doc.qr,
    }


def _register(register: RegisterPoint) -> RegisterBody:
    shift, valid_until = register.shift, register.fn_valid_until
    return {
        "serial_number": register.serial_number,
        "registration_number": register.registration_number,
        "fn_number": register.fn_number,
        "state": None if register.state is None else register.state.value,
        "shift": None
        if shift is None
        else {"number": shift.number, "state": shift.state.value, "opened_at": iso(shift.opened_at)},
        "fn_valid_until": None if valid_until is None else valid_until.isoformat(),
    }
