"""Requests about sessions and cash: how money is read, what does not fit, and who may send them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.support.api import Edge, Json, client_of
from tests.support.sessions import call, fields, kopecks

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN: Json = {"pos_id": "POS-001", "opening_cash": 500}
BAD_MONEY: tuple[Any, ...] = (-1, "x", "1e3", True, None, [], 0.001)
CASH: Json = {"pos_id": "POS-001", "type": "cash_in", "amount": 100, "reason": "Размен"}
CLOSE: Json = {"pos_id": "POS-001"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge.app()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("amount", "kop"),
    [(100, 10_000), ("100.50", 10_050), (97.75000000000001, 9_775), (0.005, 1), ("0.01", 1), (" 7 ", 700)],
)
async def test_money_is_read_as_in_receipts(client: httpx2.AsyncClient, amount: Any, kop: int) -> None:
    opened = await call(client, "session/open", OPEN | {"opening_cash": amount})
    moved = await call(client, "cash", CASH | {"amount": amount})
    await call(client, "session/close", CLOSE)
    assert (opened.status_code, moved.status_code) == (200, 200), moved.text
    assert kopecks(opened.json()["opening_cash"]) == kopecks(moved.json()["cash_in"]) == kop


@pytest.mark.parametrize("zero", [0, "0", "0.00", 0.0])
async def test_a_drawer_may_begin_empty(client: httpx2.AsyncClient, zero: Any) -> None:
    opened = await call(client, "session/open", OPEN | {"opening_cash": zero})
    moved = await call(client, "cash", CASH | {"amount": zero})
    closed = await call(client, "session/close", CLOSE)
    assert (opened.status_code, list(fields(moved))) == (200, ["amount"])
    assert kopecks(closed.json()["cash_balance"]) == 0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        *[("cash", CASH | {"amount": bad}, "amount") for bad in BAD_MONEY],
        *[("session/open", OPEN | {"opening_cash": bad}, "opening_cash") for bad in BAD_MONEY],
        ("cash", CASH | {"type": "sale"}, "type"),
        ("cash", CASH | {"type": 1}, "type"),
        ("cash", CASH | {"reason": " "}, "reason"),
        ("cash", {n: v for n, v in CASH.items() if n != "reason"}, "reason"),
        ("cash", {n: v for n, v in CASH.items() if n != "pos_id"}, "pos_id"),
        ("session/open", OPEN | {"pos_id": ""}, "pos_id"),
        ("session/open", OPEN | {"session_id": "a\nb"}, "session_id"),
        ("session/open", OPEN | {"session_id": "x" * 129}, "session_id"),
        ("session/close", {}, "pos_id"),
    ],
)
async def test_what_does_not_fit_is_named_and_nothing_is_done(
    client: httpx2.AsyncClient, path: str, body: Any, field: str
) -> None:
    before = (await client.get("/v1/pos/session/POS-001")).json()
    answer = await call(client, path, body)
    assert answer.status_code == 422
    assert list(fields(answer)) == [field]
    assert same(before, (await client.get("/v1/pos/session/POS-001")).json())


@pytest.mark.parametrize(
    "raw", [b'{"pos_id":"POS-001","type":"cash_in","amount":NaN,"reason":"x"}', b"{", b""]
)
async def test_broken_json_is_refused(client: httpx2.AsyncClient, raw: bytes) -> None:
    before = (await client.get("/v1/pos/session/POS-001")).json()
    assert (await client.post("/v1/pos/cash", content=raw)).status_code == 422
    assert same(before, (await client.get("/v1/pos/session/POS-001")).json())


def same(before: Json, after: Json) -> bool:
    """The id of a refusal (there is no session) is its own."""
    return {n: v for n, v in before.items() if n != "id"} == {n: v for n, v in after.items() if n != "id"}


# v viewer, m manager, a admin; tokens: t of till POS-001, o of two other tills, r of scope read
RIGHTS = [
    (("POST", "/v1/pos/session/open", OPEN), "at"),
    (("POST", "/v1/pos/session/close", {"pos_id": "POS-002"}), "ao"),
    (("POST", "/v1/pos/cash", CASH), "at"),
    (("GET", "/v1/pos/cash?pos_id=POS-001", None), "vmatr"),
    (("GET", "/v1/pos/cash?pos_id=POS-003", None), "vmaor"),
    (("GET", "/v1/pos/cash", None), "vmatr"),  # o has several tills and must name one
    (("POST", "/v1/pos/cash/7/resolve", {"action": "done", "reason": "the slip"}), "a"),
    (("GET", "/v1/pos/session/POS-001", None), "vmatr"),
    (("GET", "/v1/pos/session/POS-003", None), "vmaor"),
]
LET_THROUGH = ("CONFLICT", "NOT_FOUND")  # of what is behind the gate
TOKENS = {"v": "viewer", "m": "manager", "a": "admin", "t": "till-1", "o": "till-2", "r": "read"}


@pytest.mark.parametrize(("wanted", "allowed"), RIGHTS)
async def test_a_call_is_for_those_of_the_table(edge: Edge, wanted: Any, allowed: str) -> None:
    method, path, body = wanted
    async with client_of(edge.app(auth_open=False, rate_limit_per_s=0)) as client:
        answers = {
            who: await client.request(method, path, json=body, headers={"Authorization": edge.bearer(token)})
            for who, token in TOKENS.items()
        }
        nobody = await client.request(method, path, json=body)
    async with client_of(edge.app()) as client:
        await call(client, "session/close", CLOSE)
    assert nobody.status_code == 401
    refused = {who for who, answer in answers.items() if answer.status_code == 403}
    assert refused == set(TOKENS) - set(allowed)
    for who in allowed:
        answer = answers[who]
        assert answer.status_code == 200 or answer.json()["code"] in LET_THROUGH, answer.text
