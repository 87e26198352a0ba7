"""The body of one call (docs/reference/heartbeat.md), cut to what a call may carry. No I/O."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kkt_adapter.fiscal.heartbeat.feed import Page
from kkt_adapter.kernel.timefmt import iso

Json = dict[str, Any]

VERSION = 1
MAX_EVENTS = 200  # of one call
MAX_BODY_BYTES = 256 * 1024  # of one call; a single event is sent even if it does not fit

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: stays the same as long as the process lives."""

    adapter_id: str
    instance_id: str  # new with every start
    version: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The adapter as it is now; ``points`` are JSON-ready, see ``points.py``."""

    state: str  # online, degraded, offline
    disk_free_bytes: int
    points: Sequence[Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One call, ready to be sent."""

    body: bytes
    last_event_id: int | None  # None: it carries no events
    printed: tuple[tuple[int, str], ...]  # event and receipt of those that say printed
    has_more: bool


def beat(sender: Sender, situation: Situation, page: Page, *, seq: int, at: datetime) -> Beat:
    """``seq`` counts the calls to one back office, from 1 at each start."""
    head: Json = {
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
        "points": list(situation.points),
    }
    start = _encode(head)[:-1]
    end = ',"events":[%s],"has_more":%s}'
    events: list[str] = []
    size = len(start.encode()) + len(end)
    for event in page.events:
        text = _encode(event)
        size += len(text.encode()) + 1
        if events and size > MAX_BODY_BYTES:
            break
        events.append(text)
    has_more = page.has_more or len(events) < len(page.events)
    return Beat(
        body=(start + end % (",".join(events), "true" if has_more else "false")).encode(),
        last_event_id=page.events[len(events) - 1]["event_id"] if events else None,
        printed=tuple(
            (event["event_id"], event["receipt_id"])
            for event in page.events[: len(events)]
            if event["printed"]
        ),
        has_more=has_more,
    )
