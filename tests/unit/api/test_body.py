"""Bodies: exact, and without a way to hurt the process."""

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from kkt_adapter.api.body import (
    announces_body,
    is_json,
    json_object,
    read_already,
    read_within,
    shown,
    too_large,
)
from kkt_adapter.api.problems import RefusedByStatus, RequestInvalid


def test_numbers_keep_every_digit() -> None:
    read = json_object(b'{"a": 0.1, "b": 100.00000000000000000001, "c": 1e2, "d": 7, "e": 1.10}')
    assert read == {
        "a": Decimal("0.1"),
        "b": Decimal("100.00000000000000000001"),
        "c": Decimal(100),
        "d": 7,
        "e": Decimal("1.1"),
    }
    assert str(read["e"]) == "1.10"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert json_object(b'\xef\xbb\xbf{"a": "\xd0\xb9"}') == {"a": "й"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b"   ", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"a": 1,}', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 01}', "malformed_json"),
        (b'{"a": .5}', "malformed_json"),
        (b'{"a": +1}', "malformed_json"),
        (b'{"a": 1} {"b": 2}', "malformed_json"),
        (b'{"a": "\x01"}', "malformed_json"),
        (b'{"a": "\\x"}', "malformed_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b'{"a": 1e' + b"9" * 30 + b"}", "malformed_json"),
        (b"a=1&b=2", "malformed_json"),
        (b'{"a": "\xff"}', "not_utf8"),
        ('{"a": "й"}'.encode("cp1251"), "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"1", "wrong_type"),
        (b'{"a": 1, "a": 1}', "duplicate_field"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "duplicate_field"),
    ],
)
def test_what_is_not_one_json_object_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        json_object(raw)
    assert [violation.code for violation in refusal.value.violations] == [code]


def test_a_name_written_twice_is_named() -> None:
    with pytest.raises(RequestInvalid) as refusal:
        json_object(b'{"items": [{"price": 1, "price": 100}]}')
    assert refusal.value.violations[0].field == "price"


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_left_to_the_field_it_stands_in(name: str) -> None:
    read = json_object(b'{"a": ' + name.encode() + b"}")
    assert not read["a"].is_finite()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_refusal(raw: bytes) -> None:
    try:
        assert type(json_object(raw)) is dict
    except RequestInvalid as refusal:
        assert refusal.violations


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_any_object_is_read_as_it_was_written(document: dict[str, object]) -> None:
    assert json_object(json.dumps(document).encode()) == document


def test_a_name_is_shown_short_and_printable() -> None:
    assert shown("a\x00b\ud800") == "a?b?"
    assert len(shown("x" * 1000)) == 40


def arriving(messages: Iterable[Message]) -> Receive:
    waiting = iter(messages)

    async def receive() -> Message:
        message = next(waiting, None)
        if message is None:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")
        return message

    return receive


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        (None, True),
        (b"application/json", True),
        (b"Application/JSON; charset=UTF-8", True),
        (b'application/json; charset="utf-8"', True),
        (b"application/json; profile=x", True),
        (b"application/vnd.shop+json", True),
        (b"application/json; charset=windows-1251", False),
        (b"application/x-www-form-urlencoded", False),
        (b"multipart/form-data; boundary=x", False),
        (b"text/plain", False),
        (b"text/json", False),
        (b"application/jsonp", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_only_json_in_utf8_is_json(content_type: bytes | None, accepted: bool) -> None:
    assert is_json(content_type) is accepted


@pytest.mark.parametrize(
    ("length", "refused"),
    [(b"10", False), (b"11", True), (b"9" * 40, True), (b"", False), (b"-1", False), (b"ten", False)],
)
def test_a_body_that_says_it_is_too_large_is_not_read(length: bytes, refused: bool) -> None:
    assert too_large({b"content-length": length}, most=10) is refused


def test_a_body_is_announced_by_its_length_or_by_chunks() -> None:
    assert announces_body({b"content-length": b"1"})
    assert announces_body({b"transfer-encoding": b"chunked"})
    assert not announces_body({b"content-length": b"0"})
    assert not announces_body({})


async def test_a_body_in_parts_is_put_together() -> None:
    receive = arriving([part(b"a", more=True), part(b"", more=True), part(b"bc", more=False)])
    assert await read_within(receive, most=3, deadline_s=60) == b"abc"


async def test_a_body_that_grows_too_large_is_refused_on_the_way() -> None:
    receive = arriving([part(b"ab", more=True), part(b"cd", more=True)])
    with pytest.raises(RefusedByStatus) as refusal:
        await read_within(receive, most=3, deadline_s=60)
    assert refusal.value.row_code == "BODY_TOO_LARGE"


async def test_a_body_that_stalls_is_given_up_at_the_deadline() -> None:
    receive = arriving([part(b"ab", more=True)])
    with pytest.raises(RefusedByStatus) as refusal:
        await read_within(receive, most=3, deadline_s=0.02)
    assert refusal.value.row_code == "REQUEST_TIMEOUT"


async def test_many_small_parts_share_one_deadline() -> None:
    async def trickle() -> Message:
        await asyncio.sleep(0.005)
        return part(b"", more=True)

    with pytest.raises(RefusedByStatus) as refusal:
        await read_within(trickle, most=3, deadline_s=0.03)
    assert refusal.value.row_code == "REQUEST_TIMEOUT"


async def test_a_body_that_was_read_is_given_once_then_the_end_of_the_client_is_waited_for() -> None:
    receive = read_already(b"ab", arriving([{"type": "http.disconnect"}]))
    assert await receive() == part(b"ab", more=False)
    assert (await receive())["type"] == "http.disconnect"


@pytest.mark.parametrize("before", [[], [part(b"a", more=True)]])
async def test_a_client_that_leaves_in_the_middle_is_noticed(before: list[Message]) -> None:
    receive = arriving([*before, {"type": "http.disconnect"}])
    with pytest.raises(ClientDisconnect):
        await read_within(receive, most=3, deadline_s=60)
