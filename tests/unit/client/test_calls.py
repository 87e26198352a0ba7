"""When the client sends a call again, how long it waits, and how it reads an answer."""

import json
from decimal import Decimal
from typing import Any

import pytest

from kkt_adapter.client import ApiError, Call, ClientError, NoAnswer, NotTheService, Retry
from kkt_adapter.client.calls import may_repeat, wait_s

READ: Call[Any] = Call(method="GET", path="/v1/kkt/receipts")
KEYED: Call[Any] = Call(method="POST", path="/v1/kkt/receipt", keyed=True)
PLAIN: Call[Any] = Call(method="POST", path="/v1/kkt/circuit_breaker/reset")

LOST = NoAnswer("reset", sent=True)
NOT_SENT = NoAnswer("refused", sent=False)


def refused(status: int, code: str, **more: Any) -> ApiError:
    return ApiError(status, {"code": code} | more)


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        # failure, and whether a read, a call with a key, a call without one is sent again
        (NOT_SENT, (True, True, True)),  # nobody was reached
        (LOST, (True, True, False)),  # without a key it might be done twice
        (refused(503, "OVERLOADED"), (True, True, True)),  # refused at the door
        (refused(429, "RATE_LIMITED"), (True, True, True)),
        (refused(409, "IDEMPOTENCY_IN_PROGRESS"), (True, True, False)),  # the first attempt is at work
        (refused(503, "STORAGE_ERROR"), (True, True, False)),
        (refused(500, "INTERNAL"), (True, True, False)),
        (refused(503, "LEASE_LOST"), (True, True, False)),
        (refused(503, "BUFFER_FULL", retry_after=60), (False, False, False)),  # a person must act
        (refused(503, "MAINTENANCE"), (False, False, False)),
        (refused(409, "IDEMPOTENCY_CONFLICT"), (False, False, False)),
        (refused(409, "KKT_OUTCOME_UNKNOWN"), (False, False, False)),
        (refused(422, "VALIDATION_ERROR"), (False, False, False)),
        (NotTheService(502), (True, True, False)),  # a proxy whose upstream is away
        (NotTheService(404), (False, False, False)),
    ],
)
def test_only_what_cannot_be_done_twice_is_sent_again(
    failure: ClientError, again: tuple[bool, bool, bool]
) -> None:
    assert tuple(may_repeat(call, failure) for call in (READ, KEYED, PLAIN)) == again


@pytest.mark.parametrize(
    ("attempt", "failure", "chance", "expected"),
    [
        (1, LOST, 0.0, 0.2),
        (1, LOST, 1.0, 0.1),
        (3, LOST, 0.0, 0.8),
        (9, LOST, 0.0, 5.0),  # the longest
        (1, refused(429, "RATE_LIMITED", retry_after=7), 1.0, 7.0),  # what the service asks for, in full
    ],
)
def test_the_wait_grows_and_follows_the_service(
    attempt: int, failure: ClientError, chance: float, expected: float
) -> None:
    assert wait_s(Retry(), attempt, failure, chance=chance) == pytest.approx(expected)


def test_a_call_with_a_key_gets_one_of_its_own_unless_the_caller_names_it() -> None:
    assert PLAIN.with_key() is None
    assert KEYED.with_key() != KEYED.with_key()
    assert Call(method="POST", path="/x", keyed=True, key="k-1").with_key() == "k-1"


def test_money_is_read_to_the_digit_and_sent_as_text() -> None:
    read = READ.read(200, "application/json", b'{"total": 100.10, "n": 3}')
    assert read == {"total": Decimal("100.10"), "n": 3}
    sent = Call(method="POST", path="/x", body={"amount": Decimal("0.10")}).content()
    assert sent is not None
    assert json.loads(sent) == {"amount": "0.10"}


def test_a_query_leaves_out_what_is_not_said() -> None:
    query = {"full": False, "limit": 5, "cursor": None, "platform": ["Steam", "Uplay"]}
    call: Call[Any] = Call(method="GET", path="/x", query=query)
    assert call.params() == [("full", "false"), ("limit", "5"), ("platform", "Steam"), ("platform", "Uplay")]


def test_a_refusal_brings_its_code_and_every_bad_field() -> None:
    problem = {"code": "VALIDATION_ERROR", "detail": "no", "errors": [{"field": "items", "code": "required"}]}
    with pytest.raises(ApiError, match="VALIDATION_ERROR: no") as caught:
        READ.read(422, "application/problem+json; charset=utf-8", json.dumps(problem).encode())
    assert (caught.value.status, caught.value.code) == (422, "VALIDATION_ERROR")
    assert [one["field"] for one in caught.value.errors] == ["items"]


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "application/json", b"<html>"),
        (404, "text/html", b"<html>"),
        (500, "application/problem+json", b"[]"),
        (302, "text/plain", b""),
    ],
)
def test_what_is_not_the_service_is_named_so(status: int, content_type: str, body: bytes) -> None:
    with pytest.raises(NotTheService):
        READ.read(status, content_type, body)


def test_a_status_that_the_operation_names_is_an_answer() -> None:
    health: Call[Any] = Call(method="GET", path="/v1/health", answers=frozenset({200, 503}))
    assert health.read(503, "application/json", b'{"status":"unhealthy"}') == {"status": "unhealthy"}
