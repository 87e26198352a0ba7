"""Callbacks of the running product: whom they reach, whom not, and when they come again."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.api import Json
from tests.support.clock import ManualClock
from tests.support.doors.shops import STAMP, client_of, receipt, shop_settings
from tests.support.product import Product, ShiftedClock, product

from kkt_adapter.api.doors.answers_under_way import AFTER_ANSWER_S, AnswersUnderWay
from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.runtime.pinned_http import AddressRefused, is_listed, is_public, permitted_address
from kkt_adapter.runtime.pinned_post import post_pinned

TLS = Path(__file__).parents[3] / "data" / "tls"


@dataclass
class Receiver:
    """A shop's server on a loopback port."""

    port: int = 0
    status: int = 200
    location: str | None = None
    silent: bool = False  # takes a call and does not answer it
    scheme: str = "http"
    got: list[Json] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/told?key=secret-of-the-shop"

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(json.loads(await request.text()))
        if self.silent:
            await asyncio.Event().wait()
        headers = {"Location": self.location} if self.location else None
        return web.Response(status=self.status, headers=headers)


@asynccontextmanager
async def receiver(tls: str | None = None) -> AsyncIterator[Receiver]:
    """``tls``: the name of a self-signed pair."""
    shop, context = Receiver(), None
    if tls is not None:
        shop.scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / f"{tls}.pem", TLS / f"{tls}.key")
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", shop.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    server: Any = site._server
    shop.port = server.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        await runner.cleanup()


async def sold(running: Product, url: str, external_id: str = "1001") -> str:
    """A sale that wants to be told; its uuid."""
    shop = await client_of(running)
    document = receipt(await shop.inn())
    body = {"external_id": external_id, "timestamp": STAMP, "receipt": document}
    answer = await shop.post(body | {"service": {"callback_url": url}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["uuid"])


async def callback_of(running: Product, uuid: str, *, state: str) -> Json:
    async def arrived() -> Json | None:
        found: Json = (await running.receipt(uuid))["callback"]
        return found if found["state"] == state else None

    found: Json = await running.until(arrived)
    return found


async def test_a_shop_is_told_once_and_again_when_a_person_asks(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with receiver() as shop:
        account = shop_settings(callback_hosts=[f"127.0.0.1:{shop.port}"])
        async with product(tmp_path, shop=(account,), clock=clock) as running:
            uuid = await sold(running, shop.url)
            await running.state_of(uuid, print_state="printed")
            clock.leap(4)
            done = await callback_of(running, uuid, state="done")
            assert "secret-of-the-shop" not in json.dumps(done)
            (told,) = shop.got
            assert (told["uuid"], told["status"], told["external_id"]) == (uuid, "done", "1001")
            assert told["payload"]["fiscal_document_number"] > 0
            again = await running.call("POST", f"/v1/kkt/receipt/{uuid}/callback")
            assert again.status_code == 200
            await running.until(lambda: _count(shop, 2))
            events = [e["event"] for e in (await running.receipt(uuid))["events"]]
            assert events.count("callback_done") >= 1


async def test_a_refusing_shop_is_tried_again_later_and_a_redirect_is_not_followed(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with receiver() as shop, receiver() as elsewhere:
        shop.status, shop.location = 302, elsewhere.url
        account = shop_settings(callback_hosts=["127.0.0.1"])
        async with product(tmp_path, shop=(account,), clock=clock) as running:
            uuid = await sold(running, shop.url)
            await running.state_of(uuid, print_state="printed")
            clock.leap(4)
            await running.until(lambda: _count(shop, 1))
            calls = running.services.watching.observer._watched.callbacks

            async def failing() -> bool:
                return calls.failing_since is not None

            await running.until(failing)
            shop.status, shop.location = 204, None
            clock.leap(12)
            await callback_of(running, uuid, state="done")
            assert len(shop.got) == 2
            assert elsewhere.got == []


async def test_a_private_address_is_never_called_without_a_list(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with receiver() as shop, product(tmp_path, shop=(shop_settings(),), clock=clock) as running:
        uuid = await sold(running, shop.url)
        await running.state_of(uuid, print_state="printed")
        clock.leap(4)
        given_up = await callback_of(running, uuid, state="given_up")
        assert given_up["last_error"] == "not a public address"
        assert shop.got == []


async def test_a_host_with_a_certificate_that_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with receiver(tls="one") as shop:
        account = shop_settings(callback_hosts=["127.0.0.1"])
        async with product(tmp_path, shop=(account,), clock=clock) as running:
            uuid = await sold(running, shop.url)
            await running.state_of(uuid, print_state="printed")
            clock.leap(4)

            async def tried() -> Json | None:
                found: Json = (await running.receipt(uuid))["callback"]
                return found if found["last_error"] else None

            failed = await running.until(tried)
            assert (failed["state"], failed["last_error"]) == ("waiting", "TLS")
            assert shop.got == []


async def test_a_malformed_address_is_a_warning_and_the_receipt_is_registered(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop_settings(),)) as running:
        shop = await client_of(running)
        document = receipt(await shop.inn())
        body = {"external_id": "1", "timestamp": STAMP, "receipt": document}
        answer = await shop.post(body | {"service": {"callback_url": "ftp://shop.example"}})
        assert answer.status_code == 200
        assert "callback_url" in answer.json()["warnings"]
        told = await shop.done(answer.json()["uuid"])
        assert (told["status"], told["callback_url"]) == ("done", "")
        assert "callback_url" in told["warnings"]


async def test_a_fail_is_final_until_a_person_forces_it(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with receiver() as shop:
        account = shop_settings(callback_hosts=["127.0.0.1"])
        async with product(tmp_path, shop=(account,), clock=clock) as running:
            await running.sell()
            running.faults().set(FaultPlan(refuse=100))
            uuid = await sold(running, shop.url)
            client = await client_of(running)
            assert (await client.report(uuid))["error"]["code"] == 34

            async def failed() -> bool:
                clock.leap(8)
                return bool((await client.report(uuid))["status"] == "fail")

            await running.until(failed)
            report = await client.report(uuid)
            assert report["error"]["type"] == "driver"
            assert report["payload"] is None
            await callback_of(running, uuid, state="done")
            assert shop.got[-1]["status"] == "fail"

            running.faults().clear()
            refused = await running.call("POST", f"/v1/kkt/receipt/{uuid}/reprint")
            assert (refused.status_code, refused.json()["reason"]) == (409, "SHOP_WAS_TOLD")
            forced = await running.call(
                "POST", f"/v1/kkt/receipt/{uuid}/reprint", {"reason": "магазин подтвердил: не продано"}
            )
            assert forced.status_code == 200, forced.text
            await running.state_of(uuid, print_state="printed")
            clock.leap(4)
            await running.until(lambda: _last_is(shop, "done"))
            assert (await client.report(uuid))["status"] == "done"


async def _count(shop: Receiver, count: int) -> bool:
    await asyncio.sleep(0)
    return len(shop.got) >= count


async def _last_is(shop: Receiver, status: str) -> bool:
    return bool(shop.got and shop.got[-1]["status"] == status)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("not an address", False),
    ],
)
def test_what_is_a_public_address(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("hosts", "host", "port", "listed"),
    [
        (["shop.example"], "shop.example", 8443, True),
        (["Shop.Example"], "shop.example", 443, True),
        (["shop.example:443"], "shop.example", 443, True),
        (["shop.example:443"], "shop.example", 8443, False),
        (["shop.example"], "evil.shop.example", 443, False),
        (["10.0.0.7"], "10.0.0.7", 80, True),
        (["[fd00::7]:8080"], "fd00::7", 8080, True),
    ],
)
def test_a_list_names_hosts_and_ports(hosts: list[str], host: str, port: int, listed: bool) -> None:
    assert is_listed(hosts, host, port) is listed


async def test_a_shop_that_is_slow_or_failing_was_not_told_and_a_name_that_changes_gains_nothing() -> None:
    async with receiver() as shop, receiver() as elsewhere:
        address, url = "127.0.0.1", shop.url.replace("127.0.0.1", "shop.example")  # a name of nobody

        async def post(*, timeout_s: float = 20.0) -> int:
            return await post_pinned(url, b"{}", address=address, timeout_s=timeout_s, headers={})

        assert await post() == 200, (
            "it is called where the name was judged to be, whatever it resolves to now"
        )
        shop.status = 500
        assert await post() == 500
        shop.status, shop.location = 307, elsewhere.url
        assert await post() == 307
        shop.silent = True
        with pytest.raises(TimeoutError):
            await post(timeout_s=0.05)
        assert elsewhere.got == []


async def test_a_name_is_resolved_once_for_a_call() -> None:
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    assert await permitted_address("https://shop.example/x", (), resolve=resolve) == "93.184.216.34"
    assert asked == ["shop.example"]


async def test_a_callback_waits_until_its_answer_has_been_away_for_three_seconds(clock: ManualClock) -> None:
    answers = AnswersUnderWay(clock)
    assert not answers.holds("of an earlier process")
    answers.begins("a")
    await clock.advance(60)
    assert answers.holds("a"), "the answer is still being sent"
    answers.ends("a")
    await clock.advance(AFTER_ANSWER_S - 0.1)
    assert answers.holds("a")
    await clock.advance(0.1)
    assert not answers.holds("a")


async def test_of_a_name_with_both_kinds_only_the_public_address_is_used() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "93.184.216.34"]

    async def inside(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "::1"]

    assert await permitted_address("https://shop.example/x", (), resolve=resolve) == "93.184.216.34"
    with pytest.raises(AddressRefused, match="not a public address"):
        await permitted_address("https://shop.example/x", (), resolve=inside)
    with pytest.raises(AddressRefused, match="not in callback_hosts"):
        await permitted_address("https://other.example/x", ("shop.example",), resolve=resolve)
