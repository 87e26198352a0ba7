"""What every request passes: names, pages, limits, ids; over a real server where the wire matters."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.support.api import SALE, Edge, a_key, client_of, post_receipt, served, server_of
from tests.support.clock import ManualClock

from kkt_adapter.runtime.log import with_subject

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST_ID = "3f0c9a52-58a8-4c11-9d0a-0a4c6a5d2f10"
ODOO = "https://odoo.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge.app(allowed_origins=(ODOO,))) as opened:
        yield opened


@pytest.fixture
def key() -> str:
    return a_key()


async def test_a_client_may_bring_its_own_request_id(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-Id": REQUEST_ID})
    assert answer.headers["x-request-id"] == answer.json()["id"] == REQUEST_ID


@pytest.mark.parametrize("wrong", ["", "1", "x" * 5000, REQUEST_ID + "\t", REQUEST_ID.upper(), "<script>"])
async def test_what_is_no_uuid_is_replaced_by_one(client: httpx2.AsyncClient, wrong: str) -> None:
    answer = await client.get("/health", headers={"X-Request-Id": wrong})
    assert answer.headers["x-request-id"] != wrong
    assert len(answer.headers["x-request-id"]) == 36


async def test_every_answer_has_an_id_of_its_own(client: httpx2.AsyncClient) -> None:
    answers = [await client.get("/health") for _ in range(3)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


async def test_the_id_of_a_refusal_is_in_the_log(client: httpx2.AsyncClient) -> None:
    with capture_logs([with_subject]) as lines:
        answer = await post_receipt(client, {}, **{"X-Request-Id": REQUEST_ID})
    assert answer.status_code == 422
    line = next(line for line in lines if line["event"] == "request_refused")
    assert (line["request_id"], line["code"]) == (REQUEST_ID, "VALIDATION_ERROR")


async def test_unknown_fields_are_logged_by_name_without_their_values(
    client: httpx2.AsyncClient, key: str
) -> None:
    with capture_logs() as lines:
        answer = await post_receipt(client, SALE | {"loyalty_card": "7777-1234"}, key=key)
    assert answer.status_code == 200
    [line] = [line for line in lines if line["event"] == "unknown_fields_ignored"]
    assert line["fields"] == ("loyalty_card",)
    assert "7777" not in str(lines)


async def test_people_read_the_language_they_prefer(client: httpx2.AsyncClient) -> None:
    russian = await post_receipt(client, {}, **{"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"})
    english = await post_receipt(client, {})
    assert russian.json()["title"] == "Запрос не соответствует правилам"
    assert english.json()["title"] == "The request does not fit"
    assert russian.json()["code"] == english.json()["code"]


async def test_an_unforeseen_failure_is_told_to_the_log_and_not_to_the_client(edge: Edge) -> None:
    async with client_of(edge.failing_app()) as client:
        with capture_logs() as lines:
            answers = [await post_receipt(client), await client.get("/v1/kkt/buffer/status")]
    for answer in answers:
        assert answer.status_code == 500
        assert answer.json()["code"] == "INTERNAL"
        assert answer.json()["id"] == answer.headers["x-request-id"]
        assert "secret" not in answer.text
    failures = [line for line in lines if line["event"] == "request_failed"]
    assert [str(line["exc_info"]) for line in failures] == ["secret of /var/lib"] * 2


async def test_a_request_that_the_end_of_the_service_cuts_off_is_told_to_come_again(
    edge: Edge, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = await edge.stored()
    with edge.printing_held():
        async with server_of(edge.app()) as server:
            server.config.timeout_graceful_shutdown = 0
            port = server.servers[0].sockets[0].getsockname()[1]
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                asking = asyncio.create_task(post_receipt(client, key=key))
                await edge.until_stored(before + 1)
                server.should_exit = True
                answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR")
    assert answer.headers["retry-after"] == "2"
    assert "Idempotency-Key" in answer.json()["detail"]
    assert "Exception in ASGI application" not in caplog.text


async def test_a_request_is_logged_where_that_is_wanted(edge: Edge) -> None:
    async with client_of(edge.app(access_log=True)) as client:
        with capture_logs() as lines:
            await client.get("/health")
    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/health", 200)


async def test_answers_of_the_interface_are_not_kept_by_caches(client: httpx2.AsyncClient, key: str) -> None:
    answer = await post_receipt(client, key=key)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/v1/kkt/receipts", "/health", "/docs", "/"])
async def test_a_foreign_name_is_not_answered(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Host": "evil.example:8000"})
    assert answer.status_code == 403
    assert (answer.json()["code"], answer.json()["reason"]) == ("FORBIDDEN", "HOST")


async def test_a_configured_name_is_answered(edge: Edge) -> None:
    async with client_of(edge.app(allowed_hosts=("till-7",))) as client:
        assert (await client.get("/health", headers={"Host": "till-7:8443"})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", ODOO + ".evil.example"]
)
async def test_a_foreign_page_cannot_print_a_receipt(
    client: httpx2.AsyncClient, key: str, edge: Edge, origin: str
) -> None:
    before = await edge.stored()
    answer = await post_receipt(client, key=key, Origin=origin)
    assert answer.status_code == 403
    assert (answer.json()["code"], answer.json()["reason"]) == ("FORBIDDEN", "ORIGIN")
    assert "access-control-allow-origin" not in answer.headers
    assert await edge.stored() == before


async def test_the_adapters_own_page_may_call_it(client: httpx2.AsyncClient, key: str) -> None:
    answer = await post_receipt(client, key=key, Origin="http://localhost:8000")
    assert answer.status_code == 200


async def test_a_listed_page_may_call_and_reads_answers_and_refusals(
    client: httpx2.AsyncClient, key: str
) -> None:
    for answer in (
        await post_receipt(client, key=key, Origin=ODOO),
        await post_receipt(client, {}, Origin=ODOO),
    ):
        assert answer.headers["access-control-allow-origin"] == ODOO
        assert "Idempotency-Replayed" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_listed_page_asks_first_and_is_answered_without_a_token(edge: Edge) -> None:
    asking = {
        "Origin": ODOO,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        "Access-Control-Request-Private-Network": "true",
    }
    async with client_of(edge.app(auth_open=False, allowed_origins=(ODOO,))) as client:
        answer = await client.options("/v1/kkt/receipt", headers=asking)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ODOO
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {name.strip() for name in allowed.split(",")} == {
        "idempotency-key",
        "authorization",
        "content-type",
    }
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-private-network"] == "true"


async def test_a_foreign_page_asks_first_and_is_refused(client: httpx2.AsyncClient) -> None:
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert (await client.options("/v1/kkt/receipt", headers=asking)).status_code == 403


async def test_a_credential_that_asks_too_often_waits(edge: Edge) -> None:
    clock = ManualClock()
    async with client_of(edge.app(auth_open=False, rate_limit_per_s=3, clock=clock)) as client:

        async def ask(token: str) -> httpx2.Response:
            return await client.get("/v1/kkt/buffer/status", headers={"Authorization": edge.bearer(token)})

        assert [(await ask("viewer")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await ask("viewer")
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("RATE_LIMITED", "1")
        assert (await ask("read")).status_code == 200, "others are not affected"
        assert (await client.get("/v1/health")).status_code == 200
        await clock.advance(1)
        assert (await ask("viewer")).status_code == 200


@pytest.mark.parametrize("settings", [{"auth_open": True, "rate_limit_per_s": 1}, {"rate_limit_per_s": 0}])
async def test_nobody_waits_while_the_limit_is_off(edge: Edge, settings: dict[str, Any]) -> None:
    async with client_of(edge.app(clock=ManualClock(), **settings)) as client:
        answers = [await client.get("/v1/kkt/buffer/status") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}


async def test_more_requests_than_the_queue_takes_are_turned_away_at_once(edge: Edge, key: str) -> None:
    before = await edge.stored()
    async with client_of(edge.app(max_in_flight=2)) as client:
        with edge.printing_held():
            waiting = [asyncio.create_task(post_receipt(client, key=f"{key}-{n}")) for n in range(2)]
            await edge.until_stored(before + 2)
            refused = await post_receipt(client, key=key, Accept="text/event-stream")
            assert refused.status_code == 503
            assert (refused.json()["code"], refused.headers["retry-after"]) == ("OVERLOADED", "1")
            assert (await client.get("/health")).status_code == 200
            assert (await client.get("/v1/health")).status_code == 200
        assert [(await task).status_code for task in waiting] == [200, 200]
        assert (await post_receipt(client, key=key)).status_code == 200, "a place is free again"


async def test_refused_and_failed_requests_give_their_places_back(edge: Edge) -> None:
    async with client_of(edge.failing_app(max_in_flight=1)) as client:
        for _ in range(3):
            assert (await post_receipt(client, {})).status_code == 422
        with capture_logs():
            answers = [await post_receipt(client) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {500}


async def exchange(port: int, *parts: bytes, pause_s: float = 0.0, half_close: bool = False) -> bytes:
    """Send bytes as they are, read until the server closes or the answer is complete."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(60):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            return head + await reader.readexactly(length)
    finally:
        writer.close()


def head_of_post(*lines: str, key: str) -> bytes:
    return "\r\n".join(
        [
            "POST /v1/kkt/receipt HTTP/1.1",
            "Host: 127.0.0.1",
            f"Idempotency-Key: {key}",
            "Content-Type: application/json",
            *lines,
            "",
            "",
        ]
    ).encode()


async def test_a_receipt_is_accepted_over_the_wire_on_one_connection_again_and_again(
    edge: Edge, key: str
) -> None:
    async with (
        served(edge.app()) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        answers = [await post_receipt(client, key=f"{key}-{n}") for n in range(3)]
    assert len({answer.json()["receipt_id"] for answer in answers}) == 3


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_two_mebibytes_is_refused_and_the_refusal_can_be_read(
    edge: Edge, key: str, chunked: bool
) -> None:
    before = await edge.stored()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(32):
            yield b" " * 65536

    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    async with (
        served(edge.app()) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        body = parts() if chunked else b" " * (2 * 1024 * 1024)
        answer = await client.post("/v1/kkt/receipt", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert answer.headers["connection"] == "close"
        assert (await client.get("/health")).status_code == 200
    assert await edge.stored() == before


async def test_a_body_in_chunks_is_accepted(edge: Edge, key: str) -> None:
    body = json.dumps(SALE).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body))) + b"0\r\n\r\n"
    async with served(edge.app()) as port:
        answer = await exchange(port, head_of_post("Transfer-Encoding: chunked", key=key), chunks)
    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_body_that_stalls_is_given_up(edge: Edge, key: str) -> None:
    before = await edge.stored()
    async with served(edge.app(body_deadline_s=0.1)) as port:
        answer = await exchange(port, head_of_post("Content-Length: 100", key=key), b'{"pos_id"')
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"REQUEST_TIMEOUT"' in answer
    assert await edge.stored() == before


async def test_a_client_that_leaves_does_not_undo_what_the_intake_has_begun(edge: Edge, key: str) -> None:
    before = await edge.stored()
    body = json.dumps(SALE).encode()
    with edge.printing_held():
        async with served(edge.app()) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head_of_post(f"Content-Length: {len(body)}", key=key) + body)
            await edge.until_stored(before + 1)
            writer.transport.abort()
            await asyncio.sleep(0.05)  # the server has seen the reset by now
            kept = await edge.running.get("/v1/kkt/receipt", idempotency_key=key)
            assert kept["print_state"] != "printed"
            edge.running.faults().clear()
            await edge.running.state_of(kept["id"], print_state="printed")


async def test_a_client_that_leaves_within_its_body_stores_nothing_and_fails_nothing(
    edge: Edge, key: str
) -> None:
    before = await edge.stored()
    gone = asyncio.Event()

    def notice(logger: Any, method: str, line: Any) -> Any:
        if line["event"] == "client_gone":
            gone.set()
        return line

    with capture_logs([notice]) as lines:
        async with served(edge.app()) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head_of_post("Content-Length: 100", key=key) + b"{")
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.transport.abort()
            async with asyncio.timeout(60):
                await gone.wait()
    assert await edge.stored() == before
    assert not [line for line in lines if line["log_level"] == "error"]


async def test_a_request_without_a_host_is_refused(edge: Edge) -> None:
    async with served(edge.app()) as port:
        answer = await exchange(port, b"GET /health HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403")
