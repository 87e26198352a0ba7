"""The body of a call: strict at the receiver, and never more than a call may carry."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clock import START
from tests.support.erp import FN, fiscal_doc

from kkt_adapter.emulators.erp.payload import read_heartbeat
from kkt_adapter.fiscal.heartbeat.feed import FeedEvent, Page
from kkt_adapter.fiscal.heartbeat.payload import MAX_BODY_BYTES, Beat, Sender, Situation, beat, event_json
from kkt_adapter.fiscal.heartbeat.points import Point, PointShift, RegisterPoint, WaitingReceipts
from kkt_adapter.fiscal.kkt.driver import KktState, ShiftState
from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.store.fiscal_doc import read_fiscal_doc
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.ids import random_id, uuid7
from kkt_adapter.kernel.money import Kopecks

SENDER = Sender(adapter_id="store12-till3", instance_id=random_id(), version="1.0.0", started_at=START)
REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "heartbeat.md"
POINT = {
    "pos_id": "Касса 1",
    "register": {
        "serial_number": "000000000002",
        "registration_number": "0000000005008570",
        "fn_number": FN,
        "state": "ready",
        "shift": {"number": 14, "state": "open", "opened_at": "2026-03-02T06:00:00.000Z"},
        "fn_valid_until": "2027-05-01",
    },
    "buffer": {"pending": 3, "syncing": 1, "failed": 0, "oldest_pending_at": "2026-03-02T08:59:00.000Z"},
    "breaker": "half_open",
    "ofd_last_ack_at": None,
}


SHOWN = Point(
    pos_id="Касса 1",
    register=RegisterPoint(
        serial_number="000000000002",
        registration_number="0000000005008570",
        fn_number=FN,
        state=KktState.READY,
        shift=PointShift(number=14, state=ShiftState.OPEN, opened_at=START - timedelta(hours=3)),
        fn_valid_until=date(2027, 5, 1),
    ),
    buffer=WaitingReceipts(pending=3, syncing=1, failed=0, oldest_at=START - timedelta(minutes=1)),
    breaker=BreakerState.HALF_OPEN,
    ofd_last_ack_at=None,
)


def event(number: int, *, error: str | None = None) -> FeedEvent:
    return FeedEvent(
        event_id=number,
        key=f"key-{number}",
        receipt_id=uuid7(number),
        pos_id="Касса 1",
        kind=ReceiptKind.SALE,
        total_kop=Kopecks(9775),
        state=Status.PENDING,
        is_printed=False,
        error=error,
        changed_at=START,
        fiscal_doc=None,
    )


def made(events: list[FeedEvent], *, has_more: bool = False, points: int = 1) -> Beat:
    situation = Situation(state="degraded", disk_free_bytes=12, points=[SHOWN] * points)
    page = Page(events=events, has_more=has_more)
    return beat(SENDER, situation, page, seq=1841, at=START + timedelta(seconds=1.5))


def test_a_call_without_events_says_who_sends_and_how_it_is() -> None:
    body = json.loads(made([]).body)
    assert {name: value for name, value in body.items() if name not in ("points", "adapter")} == {
        "version": 1,
        "adapter_id": "store12-till3",
        "instance_id": SENDER.instance_id,
        "seq": 1841,
        "sent_at": "2026-03-02T09:00:01.500Z",
        "events": [],
        "has_more": False,
    }
    assert body["adapter"] == {
        "version": "1.0.0",
        "started_at": "2026-03-02T09:00:00.000Z",
        "state": "degraded",
        "disk_free_bytes": 12,
    }
    assert body["points"] == [POINT]
    assert made([]).last_event_id is None


def test_a_strict_receiver_takes_it() -> None:
    heartbeat = read_heartbeat(made([event(1), event(5, error="нет бумаги")]).body)
    assert [one.event_id for one in heartbeat.events] == [1, 5]
    assert heartbeat.points[0].device.shift is not None


def test_the_example_of_the_reference_is_taken_and_names_every_member_that_is_sent() -> None:
    example = re.search(r"```json\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    shown = json.loads(example[1])
    read_heartbeat(example[1].encode())
    printed = replace(event(991), is_printed=True, fiscal_doc=read_fiscal_doc(fiscal_doc(1)))
    sent = json.loads(made([printed]).body)
    assert members(sent) == members(shown)


def members(value: Any, path: str = "") -> set[str]:
    """The names of all members, with the way to them."""
    if isinstance(value, dict):
        return {f"{path}.{name}" for name in value}.union(
            *(members(inner, f"{path}.{name}") for name, inner in value.items())
        )
    return set[str]().union(*(members(one, path) for one in value)) if isinstance(value, list) else set()


def test_events_that_do_not_fit_are_left_for_the_next_call() -> None:
    events = [event(n, error="ё" * 1000) for n in range(1, 201)]
    call = made(events)
    sent = json.loads(call.body)
    assert len(call.body) <= MAX_BODY_BYTES < len(call.body) + 3000
    assert 0 < len(sent["events"]) < 200
    assert sent["has_more"] is call.has_more is True
    assert call.last_event_id == sent["events"][-1]["event_id"]


def test_one_event_is_sent_even_if_it_does_not_fit() -> None:
    call = made([event(1, error="x" * MAX_BODY_BYTES), event(2)])
    assert (call.last_event_id, call.has_more) == (1, True)


@given(st.lists(st.integers(0, 5000), max_size=200), st.booleans(), st.integers(0, 300))
@settings(max_examples=40)
def test_a_call_carries_a_beginning_of_the_page_and_says_so(
    lengths: list[int], has_more: bool, points: int
) -> None:
    events = [event(n, error="ж" * length) for n, length in enumerate(lengths, 1)]
    call = made(events, has_more=has_more, points=points)
    sent = json.loads(call.body)["events"]
    assert sent == [event_json(one) for one in events[: len(sent)]]
    assert len(call.body) <= MAX_BODY_BYTES or len(sent) <= 1
    assert call.has_more == (has_more or len(sent) < len(events))
    assert call.last_event_id == (sent[-1]["event_id"] if sent else None)
    assert sent or not events
