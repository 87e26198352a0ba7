"""Commands about dead letters, against a stand-in: what they ask for and what they show."""

import json

from tests.support.cli import RECEIPT_ID, StandIn, call, page

LETTER = {
    "id": 5,
    "original_receipt_id": RECEIPT_ID,
    "failed_at": "2026-03-14T12:00:00Z",
    "reason": "max_retries_exceeded",
    "retry_attempts": 20,
    "last_error": "HTTP 422",
    "resolved_at": None,
    "resolved_by": None,
    "resolution": None,
    "note": None,
}


def test_dead_letters_are_listed(service: StandIn) -> None:
    closed = {**LETTER, "id": 4, "resolved_at": "2026-03-15T00:00:00Z", "resolution": "retried"}
    service.answer("GET", "/v1/kkt/dlq", page(LETTER, closed))
    _, first, second = call(service, "dead-letters", "list").stdout.splitlines()
    assert first.split()[0] == "5"
    assert "max_retries_exceeded" in first
    assert second.endswith("retried")


def test_a_dead_letter_is_shown_with_its_attempts(service: StandIn) -> None:
    attempt = {
        "started_at": "2026-03-14T11:00:00Z",
        "ended_at": None,
        "outcome": "failed",
        "error": "HTTP 422",
    }
    service.answer("GET", "/v1/kkt/dlq/5", {**LETTER, "fiscal_doc": None, "attempts": [attempt]})
    shown = call(service, "dead-letters", "show", "5").stdout
    assert RECEIPT_ID in shown
    assert "Attempts" in shown


def test_a_dead_letter_goes_back_into_the_queue(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/dlq/5/retry", {**LETTER, "resolution": "retried"})
    assert call(service, "dead-letters", "retry", "5").stdout == "5: retried\n"


def test_a_dead_letter_is_closed_with_a_note(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/dlq/5/resolve", {**LETTER, "resolution": "resolved"})
    said = ("--note", "передан", "--outcome", "delivered_otherwise")
    assert call(service, "dead-letters", "resolve", "5", *said).stdout == "5: resolved\n"
    assert service.last.body == {"note": "передан", "outcome": "delivered_otherwise"}
    for missing in (said[:2], said[2:]):
        assert call(service, "dead-letters", "resolve", "5", *missing).exit_code == 2


def test_many_dead_letters_are_counted_first_and_moved_when_the_number_holds(service: StandIn) -> None:
    problem = {"detail": "12 open", "code": "CONFLICT", "id": "e7", "status": 409, "count": 12}
    service.answer_raw(
        "POST",
        "/v1/kkt/dlq/retry",
        status=409,
        kind="application/problem+json",
        body=json.dumps(problem).encode(),
    )
    counted = call(service, "dead-letters", "retry-many", "--error", "http_422")
    assert counted.exit_code == 1
    assert "--expect 12" in counted.stderr
    assert service.last.body == {"filter": {"error": "http_422"}, "expected_count": 0}
    service.answer("POST", "/v1/kkt/dlq/retry", {"matched": 12, "done": 11, "skipped": 1})
    moved = call(service, "dead-letters", "retry-many", "--expect", "12", "--note", "the article was mended")
    assert (moved.exit_code, moved.stdout) == (0, "11 done, 1 closed by others\n")
    assert service.last.body == {"filter": {}, "expected_count": 12, "note": "the article was mended"}
