"""What an answer means: one row for each class, and nothing that raises."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.heartbeat.answer import AnswerOutcome, not_sent, read_answer, read_fault
from kkt_adapter.fiscal.heartbeat.settings import Profile
from kkt_adapter.runtime.http import HttpAnswer, HttpFault, HttpFaultKind

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}


def read(status: int, body: Any = None, *, profile: Profile = Profile.ODOO, **headers: str) -> AnswerOutcome:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = HttpAnswer(status=status, headers=JSON | named, body=content)
    return read_answer(answer, profile=profile, now=NOW)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"ack_event_id": 7}, "taken"),
        (201, {}, "taken"),
        (204, b"", "not_ours"),  # a success without JSON is not our back office
        (200, b"OK", "not_ours"),
        (200, [1], "not_ours"),
        (200, b"<!doctype html><form>", "not_ours"),
        (200, b'\n <html>{"ack_event_id": 7}', "not_ours"),
        (302, b"", "not_ours"),
        (400, {"error": "x"}, "refused_body"),
        (401, {}, "refused_token"),
        (403, {}, "refused_token"),
        (404, b"<html>", "wrong_address"),
        (405, {}, "not_ours"),
        (409, {}, "other_instance"),
        (413, b"", "too_large"),
        (429, b"", "busy"),
        (503, b"", "busy"),
        (500, b"", "server_error"),
        (502, b"<html>", "server_error"),
        (507, b"", "server_error"),
    ],
)
def test_every_status_has_its_class(status: int, body: Any, kind: str) -> None:
    outcome = read(status, body)
    assert outcome.kind == kind
    assert outcome.hit == (kind == "taken") == (outcome.error is None)


def test_a_page_that_calls_itself_html_is_none_of_ours_whatever_it_holds() -> None:
    answer = HttpAnswer(status=200, headers={"Content-Type": "text/html; charset=utf-8"}, body=b"{}")
    assert read_answer(answer, profile=Profile.WEBHOOK, now=NOW).kind == "not_ours"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (HttpFaultKind.TIMEOUT, "timeout"),
        (HttpFaultKind.CONNECTION, "connection"),
        (HttpFaultKind.CLOSED, "connection"),
        (HttpFaultKind.TLS, "tls"),
        (HttpFaultKind.TOO_LARGE, "not_ours"),
        (HttpFaultKind.BAD_HTTP, "not_ours"),
    ],
)
def test_every_fault_is_a_miss_with_its_cause(kind: HttpFaultKind, expected: str) -> None:
    outcome = read_fault(HttpFault(kind, "why"))
    assert (outcome.kind, outcome.hit) == (expected, False)
    assert outcome.error is not None


def test_a_failure_of_ours_is_a_miss_that_names_it() -> None:
    outcome = not_sent(ValueError("no such column"))
    assert (outcome.kind, outcome.hit) == ("not_sent", False)
    assert outcome.error is not None
    assert "no such column" in outcome.error.en


@pytest.mark.parametrize(
    ("profile", "hint"),
    [(Profile.ODOO, "db filter"), (Profile.ONEC, "/hs/"), (Profile.WEBHOOK, "wrong address")],
)
def test_a_wrong_address_is_explained_in_the_words_of_the_profile(profile: Profile, hint: str) -> None:
    outcome = read(404, {}, profile=profile)
    assert outcome.error is not None
    assert hint in outcome.error.en


@pytest.mark.parametrize(
    ("body", "acked", "all_acked"),
    [
        ({"ack_event_id": 7}, 7, False),
        ({"ack_event_id": 0}, 0, False),
        ({}, None, False),
        ({"ack_event_id": "7"}, None, False),
        ({"ack_event_id": True}, None, False),
        ({"ack_event_id": -1}, None, False),
        ({"ack_event_id": 7.5}, None, False),
    ],
)
def test_only_a_whole_number_acknowledges(body: Any, acked: int | None, all_acked: bool) -> None:
    outcome = read(200, body)
    assert (outcome.acked, outcome.all_acked) == (acked, all_acked)


@pytest.mark.parametrize("body", [b"", b"OK", b"null", {}, {"ok": True}])
def test_a_webhook_acknowledges_with_its_status(body: Any) -> None:
    outcome = read(204, body, profile=Profile.WEBHOOK)
    assert (outcome.hit, outcome.all_acked) == (True, True)


def test_a_webhook_that_names_an_event_acknowledges_up_to_it() -> None:
    outcome = read(200, {"ack_event_id": 7}, profile=Profile.WEBHOOK)
    assert (outcome.acked, outcome.all_acked) == (7, False)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (30, 30.0),
        (10, 10.0),
        (1, 10.0),
        (0, 10.0),
        (-5, 10.0),
        (300, 300.0),
        (86_400, 300.0),
        (12.5, 12.5),
        (None, None),
        ("60", None),
        (True, None),
        ([], None),
    ],
)
def test_the_interval_that_is_asked_for_is_clamped(asked: Any, granted: float | None) -> None:
    assert read(200, {"interval_s": asked}).interval_s == granted


@pytest.mark.parametrize("body", [b'{"interval_s": NaN}', b'{"interval_s": Infinity}'])
def test_numbers_that_are_none_are_no_interval(body: bytes) -> None:
    assert read(200, body).interval_s in (None, 300.0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("120", 120.0),
        ("0", 1.0),
        ("99999", 300.0),
        ("Mon, 02 Mar 2026 09:00:45 GMT", 45.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 1.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_honoured_within_reason(status: int, header: str, wait_s: float | None) -> None:
    assert read(status, b"", Retry_After=header).wait_s == wait_s


def test_a_refused_token_is_tried_again_in_five_minutes() -> None:
    assert read(401, {}).wait_s == read(403, {}).wait_s == 300.0


def test_the_beginning_of_a_refusal_is_kept_on_one_line() -> None:
    outcome = read(400, b"line 1\n  line 2 " + "ё".encode() * 5000)
    assert outcome.excerpt is not None
    assert outcome.excerpt.startswith("line 1 line 2 ё")
    assert len(outcome.excerpt) == 500


@given(
    st.integers(100, 599),
    st.binary(max_size=200) | st.sampled_from([b"{}", b'{"ack_event_id":1}', b"[" * 10_000]),
    st.sampled_from(Profile),
    st.text(max_size=20),
)
def test_any_answer_gets_a_verdict(status: int, body: bytes, profile: Profile, header: str) -> None:
    outcome = read(status, body, profile=profile, Retry_After=header)
    assert outcome.hit == (outcome.error is None)
    assert not outcome.hit or 200 <= status < 300
    assert outcome.wait_s is None or 1.0 <= outcome.wait_s <= 300.0
