"""The event book: what it takes, and every sign of loss or doubling that it must notice."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from tests.support.clock import START
from tests.support.erp import fiscal_doc

from kkt_adapter.emulators.erp.book import BookFull, ErpBook
from kkt_adapter.emulators.erp.payload import HeartbeatPayload, read_heartbeat
from kkt_adapter.fiscal.heartbeat.feed import FeedEvent, Page
from kkt_adapter.fiscal.heartbeat.payload import Sender, Situation, beat
from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc, read_fiscal_doc
from kkt_adapter.kernel.ids import uuid7
from kkt_adapter.kernel.money import Kopecks

INSTANCES = ("0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11", "1b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c12")


IDS = [uuid7(n) for n in range(4)]


def event(number: int, receipt: int = 1, **changes: Any) -> FeedEvent:
    return replace(
        FeedEvent(
            event_id=number,
            key=f"key-{receipt}",
            receipt_id=IDS[receipt],
            pos_id="POS-001",
            kind=ReceiptKind.SALE,
            total_kop=Kopecks(9775),
            state=Status.PENDING,
            is_printed=False,
            error=None,
            changed_at=START,
            fiscal_doc=None,
        ),
        **changes,
    )


def document(number: int) -> StoredFiscalDoc:
    return read_fiscal_doc(fiscal_doc(number))


def call(*events: FeedEvent, seq: int = 1, instance: int = 0) -> HeartbeatPayload:
    return read_heartbeat(body(*events, seq=seq, instance=instance))


def body(*events: FeedEvent, seq: int = 1, instance: int = 0) -> bytes:
    sender = Sender(adapter_id="a", instance_id=INSTANCES[instance], version="1", started_at=START)
    situation = Situation(state="online", disk_free_bytes=1, points=[])
    return beat(sender, situation, Page(events=events, has_more=False), seq=seq, at=START).body


@pytest.fixture
def book() -> ErpBook:
    return ErpBook()


def faults(book: ErpBook) -> dict[str, int]:
    state = book.state()
    names = ("repeated", "conflicts", "order_faults", "document_faults", "identity_faults")
    return {name: state[name] for name in names if state[name]}


def test_events_are_stored_once_and_the_last_one_is_acknowledged(book: ErpBook) -> None:
    assert book.take(call(event(3), event(7))) == 7
    assert book.take(call(seq=2)) == 7
    assert list(book.stored) == [3, 7]
    assert faults(book) == {}


def test_the_same_event_again_is_a_repetition_and_another_one_a_conflict(book: ErpBook) -> None:
    book.take(call(event(3)))
    book.take(call(event(3), seq=2))
    book.take(call(event(3, total_kop=Kopecks(9776)), seq=3))
    assert faults(book) == {"repeated": 1, "conflicts": 1}


def test_an_event_that_comes_after_a_later_one_is_out_of_order(book: ErpBook) -> None:
    book.take(call(event(7)))
    book.take(call(event(3, receipt=2), seq=2))
    assert faults(book) == {"order_faults": 1}


def test_fiscal_attributes_neither_change_nor_vanish(book: ErpBook) -> None:
    book.take(call(event(1, is_printed=True, fiscal_doc=document(1))))
    book.take(call(event(2, is_printed=True, fiscal_doc=document(1)), seq=2))
    assert faults(book) == {}
    book.take(call(event(3, is_printed=True, fiscal_doc=document(2)), seq=3))
    book.take(call(event(4), seq=4))
    assert faults(book) == {"document_faults": 2}


def test_a_seq_that_goes_back_or_instances_that_take_turns_are_two_adapters(book: ErpBook) -> None:
    book.take(call(seq=5))
    book.take(call(seq=1, instance=1))  # a restart
    assert faults(book) == {}
    book.take(call(seq=1, instance=1))
    book.take(call(seq=6, instance=0))  # the old one is back
    assert faults(book) == {"identity_faults": 2}


def test_a_full_book_takes_nothing_of_a_call(book: ErpBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kkt_adapter.emulators.erp.book.MAX_KEPT", 1)
    with pytest.raises(BookFull):
        book.take(call(event(1), event(2)))
    assert book.stored == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"printed": True},  # without its document
        {"fiscal_doc": {"fn_number": "9999078902013267"}},  # without being printed
        {"total": 97.75},
        {"total": "97.7"},
        {"state": "done"},
        {"kind": "sell"},
        {"changed_at": "2026-03-02T09:00:00"},
        {"items": []},
        {"customer": {"email": "a@b.ru"}},
        {"error": "x" * 201},
        {"event_id": 0},
    ],
)
def test_what_is_missing_unknown_or_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    sent = json.loads(body(event(1)))
    sent["events"][0] |= changes
    with pytest.raises(ValidationError):
        read_heartbeat(json.dumps(sent).encode())


def test_ids_that_do_not_rise_and_pages_that_are_too_long_are_refused() -> None:
    with pytest.raises(ValidationError, match="rise"):
        call(event(2), event(1))
    with pytest.raises(ValidationError):
        call(*(event(n) for n in range(1, 202)))
