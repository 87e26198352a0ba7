"""Who asks: proxies, foreign pages, doubled headers, and whose budget a request takes."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
from tests.support.api import SALE, Edge, a_key, client_of, post_receipt, served
from tests.support.clock import ManualClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORWARDED = {"X-Forwarded-For": "203.0.113.9"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge.app()) as opened:
        yield opened


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"])
@pytest.mark.parametrize("path", ["/v1/kkt/receipts", "/api/v1/auth/me"])
async def test_an_open_adapter_refuses_what_a_proxy_forwards_and_says_what_to_do(
    client: httpx2.AsyncClient, path: str, header: str
) -> None:
    answer = await client.get(path, headers={header: "203.0.113.9"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "FORWARDED")
    assert "auth = closed" in answer.json()["detail"]


async def test_a_closed_adapter_answers_behind_a_proxy(edge: Edge) -> None:
    async with client_of(edge.app(auth_open=False)) as client:
        answer = await client.get(
            "/v1/kkt/receipts", headers=FORWARDED | {"Authorization": edge.bearer("till-1")}
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(("trusted", "statuses"), [((), {200, 429}), (("127.0.0.1",), {200})])
async def test_forwarded_addresses_count_from_a_trusted_proxy_only(
    edge: Edge, trusted: tuple[str, ...], statuses: set[int]
) -> None:
    app = edge.app(auth_open=False, rate_limit_per_s=2, clock=ManualClock())
    async with (
        served(app, trusted_proxies=trusted) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        answers = [
            await client.get("/v1/kkt/receipts", headers={"X-Forwarded-For": f"203.0.113.{number}"})
            for number in range(6)
        ]
    found = {200 if answer.status_code == 401 else answer.status_code for answer in answers}
    assert found == statuses


@pytest.mark.parametrize("spelt", ["Bearer {}", "Bearer  {}", "Bearer {} "])
async def test_a_credential_has_one_budget_however_the_header_is_written(edge: Edge, spelt: str) -> None:
    async with client_of(edge.app(auth_open=False, rate_limit_per_s=3, clock=ManualClock())) as client:
        for _ in range(3):
            await client.get("/v1/kkt/receipts", headers={"Authorization": edge.bearer("till-1")})
        answer = await client.get(
            "/v1/kkt/receipts", headers={"Authorization": spelt.format(edge.tokens["till-1"])}
        )
        assert answer.status_code == 429


async def test_wrong_credentials_share_the_budget_of_their_address_and_tills_keep_theirs(edge: Edge) -> None:
    async with client_of(edge.app(auth_open=False, rate_limit_per_s=3, clock=ManualClock())) as client:
        answers = [
            await client.get("/v1/kkt/receipts", headers={"Authorization": f"Bearer guess-{number}"})
            for number in range(5)
        ]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert (await client.get("/v1/kkt/receipts")).status_code == 429, "no credential is no way around"
        till = await client.get("/v1/kkt/receipts", headers={"Authorization": edge.bearer("till-1")})
        assert till.status_code == 200


async def test_requests_without_a_token_take_a_quarter_of_the_places_at_most(edge: Edge) -> None:
    async with client_of(edge.app(auth_open=False, max_in_flight=1)) as client:
        assert (await client.get("/v1/kkt/receipts")).status_code == 401


async def test_a_receipt_without_a_valid_token_is_refused_before_its_body_is_read(edge: Edge) -> None:
    async with (
        served(edge.app(auth_open=False)) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        answer = await client.post(
            "/v1/kkt/receipt",
            content=b" " * 1_000_000,
            headers={"Content-Type": "application/json", "Idempotency-Key": a_key()},
        )
    assert answer.status_code == 401


async def test_only_receipts_may_be_large(client: httpx2.AsyncClient) -> None:
    large = json.dumps(SALE | {"note": "x" * 100_000}).encode()
    assert (await post_receipt(client, large, key=a_key())).status_code == 200
    refused = await client.post("/v1/pos/refund", content=large, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["limit_bytes"]) == (413, 16 * 1024)


async def test_all_large_bodies_together_have_a_bound(edge: Edge) -> None:
    large = json.dumps(SALE | {"note": "x" * 100_000}).encode()
    async with client_of(edge.app(bodies_bytes=50_000)) as client:
        assert (await post_receipt(client, large, key=a_key())).status_code == 503
        assert (await post_receipt(client, key=a_key())).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Referer": "https://evil.example/page"}, 403),
        ({"Referer": "about:blank"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost:8000/docs"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
    ],
)
async def test_a_foreign_page_cannot_press_a_button_that_needs_no_body(
    client: httpx2.AsyncClient, headers: dict[str, str], status: int
) -> None:
    assert (await client.post("/v1/kkt/circuit_breaker/reset", headers=headers)).status_code == status
    assert (await client.get("/v1/kkt/receipts", headers=headers)).status_code == 200, "reads change nothing"


@pytest.mark.parametrize("name", ["Host", "Authorization", "Content-Type", "Idempotency-Key", "Origin"])
async def test_what_two_programs_could_read_differently_may_not_stand_twice(
    client: httpx2.AsyncClient, name: str
) -> None:
    value = {"Host": "localhost", "Content-Type": "application/json", "Origin": "http://localhost:8000"}
    twice = [(name, value.get(name, "x")), (name, value.get(name, "x"))]
    answer = await client.get("/v1/kkt/receipts", headers=twice)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/v1/health", "/v1/kkt/receipts", "/docs", "/openapi.json"]
)
async def test_head_is_where_get_is(client: httpx2.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_head_of_what_is_not_there_is_refused_without_a_body(client: httpx2.AsyncClient) -> None:
    answer = await client.head("/nowhere")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/kkt/receipt", "GET, HEAD, POST"),
        ("PATCH", "/health", "GET, HEAD"),
        ("GET", "/v1/kkt/buffer/sync", "POST"),
        ("PUT", "/v1/pos/maintenance", "GET, HEAD, POST, DELETE"),
    ],
)
async def test_a_wrong_method_is_told_all_right_ones(
    client: httpx2.AsyncClient, method: str, path: str, allow: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}])
async def test_without_a_valid_token_health_is_words_only(edge: Edge, headers: dict[str, str]) -> None:
    async with client_of(edge.app(auth_open=False)) as client:
        told = (await client.get("/v1/health", headers=headers)).json()
        known = (await client.get("/v1/health", headers={"Authorization": edge.bearer("read")})).json()
    assert set(told) == set(known)
    assert set(told["components"]) == set(known["components"])
    for part in told["components"].values():
        assert set(part) <= {"status", "state"}
    assert {"percent_full", "last_check"} <= set(known["components"]["buffer"])
    assert {name.partition(":")[0] for name in known["trouble"]} == set(told["trouble"])


async def test_an_open_adapter_tells_a_proxy_words_only(client: httpx2.AsyncClient) -> None:
    assert "last_check" in (await client.get("/v1/health")).json()["components"]["buffer"]
    told = (await client.get("/v1/health", headers=FORWARDED)).json()
    assert set(told["components"]["buffer"]) == {"status"}


@pytest.mark.parametrize(
    "path", ["/ui/sign-in", "/ui/wish", "/sandbox/clock", "/r/x", "/no/such/path", "/health"]
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_outside_the_interface_is_bounded_too(
    client: httpx2.AsyncClient, path: str, chunked: bool
) -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield b"a" * 16_384

    answer = await client.post(path, content=pieces() if chunked else b"a" * 1_048_576)
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert answer.headers["connection"] == "close"
    assert taken < 8, "the rest is not read"


@pytest.mark.parametrize("path", ["/ui/sign-in", "/ui/", "/r/unknown", "/metrics"])
async def test_pages_and_metrics_use_the_budget_of_their_address(edge: Edge, path: str) -> None:
    app = edge.app(auth_open=False, rate_limit_per_s=2, clock=ManualClock())
    async with client_of(app) as client:
        for _ in range(2):
            assert (await client.get("/v1/kkt/receipts")).status_code == 401
        assert (await client.get(path)).status_code == 429
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/sandbox/clock")])
async def test_an_open_adapter_gives_a_proxy_no_metrics_and_no_buttons(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, headers=FORWARDED)
    assert (answer.status_code, answer.json()["reason"]) == (403, "FORWARDED")
