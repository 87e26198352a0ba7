"""How a body comes in."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from kkt_adapter.api.intake import announces_body, is_json, read_already, read_within, too_large
from kkt_adapter.api.problems import RefusedByStatus


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
    assert await read_within(receive, most=3, deadline_s=1) == b"abc"


async def test_a_body_that_grows_too_large_is_refused_on_the_way() -> None:
    receive = arriving([part(b"ab", more=True), part(b"cd", more=True)])
    with pytest.raises(RefusedByStatus) as refusal:
        await read_within(receive, most=3, deadline_s=1)
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
        await read_within(receive, most=3, deadline_s=1)
