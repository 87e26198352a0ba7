"""The pages at their door: who gets in, how long, and that no foreign page can act for a person."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.routing import Route
from tests.support.accounts import cheap_hasher
from tests.support.pages.ui import PASSWORD, Browser, browser_of
from tests.support.product import Product, ShiftedClock, product

from kkt_adapter.api.ui.pages import ROUTES
from kkt_adapter.api.ui.routing import UiRoute
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.cli.service.sandbox import DemoSandbox
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.settings import AuthSettings

SECRET = SecretStr("4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c")
ACTIONS = [route for route in ROUTES if route.changes]
GUARDED = [route for route in ACTIONS if route.need is not None]
RIGHTS = {  # who may do what, written down anew: a right that changes by accident is seen here
    None: {"/sign-in", "/sign-out", "/wish"},
    Role.MANAGER: {
        "/questions/letters/{letter_id:int}/retry",
        "/questions/letters/retry",
        "/shifts/sessions/{session_id}/count",
        "/shifts/x",
        "/shifts/z",
        "/shifts/open",
        "/catalogue/start",
        "/catalogue/runs/{run_id}/cancel",
        "/registers/{register_id}/hold",
        "/registers/{register_id}/drain",
        "/registers/{register_id}/release",
        "/shops/callbacks/{receipt_id}",
        "/sandbox/z",
    },
    Role.ADMIN: {
        "/receipts/{id}/reprint",
        "/questions/receipts/{receipt_id}",
        "/questions/cash/{movement:int}",
        "/questions/reports",
        "/questions/letters/{letter_id:int}/resolve",
        "/questions/letters/resolve",
        "/catalogue/schedule",
        "/catalogue/schedule/reset",
        "/settings/people/accounts",
        "/settings/people/accounts/{name}",
        "/settings/people/tokens",
        "/settings/people/tokens/{token_id}/revoke",
        "/sandbox/receipt",
        "/sandbox/refund",
        "/sandbox/fault",
    },
}
PAGES = [route for route in ROUTES if not route.changes and not route.sandbox and "{" not in route.path]


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Product]:
    seams = Seams(sandbox=DemoSandbox(None))
    given: dict[str, Any] = {
        "seams": seams,
        "auth": "closed",
        "sign_in": AuthSettings(secret=SECRET),
    } | settings
    async with product(folder, **given) as started:
        started.services.auth.passwords._hasher = cheap_hasher()
        for role in Role:
            await started.services.auth.accounts.add(f"a.{role.value}", role, password=PASSWORD)
        yield started


def filled(path: str) -> str:
    """A path with something in its places; what it names does not exist."""
    return re.sub(r"{\w+(?::\w+)?}", "1", path)


async def test_the_matrix_of_actions(tmp_path: Path) -> None:
    """Every action without a token, with another's token, from a foreign page, and with each role."""
    assert {(route.path, route.need) for route in ACTIONS} == {
        (path, need) for need, paths in RIGHTS.items() for path in paths
    }
    async with running(tmp_path) as started, browser_of(started.services.app) as nobody:
        pages = started.services.app.late.site.now().app
        served = [
            route.path
            for route in pages.routes
            if isinstance(route, Route) and "POST" in (route.methods or ())
        ]
        assert sorted(served) == sorted(route.path for route in ACTIONS), "nothing is served past the table"
        for route in ACTIONS:
            await refused_without_its_token(nobody, route)
        for route in GUARDED:
            assert (await nobody.post(filled(route.path))).status_code == 401, route.path
        for role in Role:
            async with browser_of(started.services.app) as person:
                assert (await person.sign_in(f"a.{role.value}")).status_code == 303
                for route in ACTIONS:
                    if route.path != "/sign-out":
                        await refused_without_its_token(person, route)
                for route in GUARDED:
                    assert route.need is not None
                    answer = await person.post(filled(route.path))
                    if role.covers(route.need):
                        assert answer.status_code not in (401, 403), (role, route.path, answer.text)
                    else:
                        assert answer.status_code == 403, (role, route.path)


async def refused_without_its_token(browser: Browser, route: UiRoute) -> None:
    path = filled(route.path)
    async with browser_of(browser.client._transport.app) as other:  # type: ignore[attr-defined]
        foreign_token = await other.token()
    for token in ("", foreign_token):
        answer = await browser.post(path, token=token)
        assert answer.status_code == 403, (path, token and "of another session")
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Referer": "https://evil.example/page"},
    ):
        answer = await browser.post(path, headers=headers)
        assert answer.status_code == 403, (path, headers)


async def test_a_visitor_sees_nothing_and_is_led_to_the_sign_in_and_back(tmp_path: Path) -> None:
    async with running(tmp_path) as started, browser_of(started.services.app) as browser:
        for route in PAGES:
            if route.need is None:
                continue
            answer = await browser.get(f"{route.path}?q=1")
            assert answer.status_code == 303, route.path
            assert answer.headers["location"].startswith("/ui/sign-in?next=")
        part = await browser.get("/", **{"HX-Request": "true"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/ui/sign-in?next=%2F")
        assert (await browser.get("/live")).status_code == 401
        assert (await browser.get("/no/such/page")).status_code == 303
        signed_in = await browser.sign_in("a.viewer", next="/?q=1")
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/ui/?q=1")
        for elsewhere in (
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:1",
            "/a b",
        ):
            await browser.post("/sign-out")
            signed_in = await browser.sign_in("a.viewer", next=elsewhere)
            assert signed_in.headers["location"] == "/ui/", elsewhere


async def test_the_cookie_is_kept_from_scripts_foreign_pages_and_plain_lines(tmp_path: Path) -> None:
    async with (
        running(tmp_path, path_prefix="/kassa") as started,
        browser_of(started.services.app) as browser,
    ):
        first = (await browser.get("/sign-in")).headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=lax", "Path=/kassa/ui"):
            assert part in first
        assert "Secure" not in first
        browser.client.base_url = "https://localhost:8000"
        assert "Secure" in (await browser.get("/sign-in")).headers["set-cookie"]


async def test_a_sign_in_begins_a_new_session_and_a_sign_out_ends_it(tmp_path: Path) -> None:
    async with running(tmp_path) as started, browser_of(started.services.app) as browser:
        await browser.get("/sign-in")
        planted = browser.client.cookies["kkt_session"]
        await browser.sign_in("a.viewer")
        mine = browser.client.cookies["kkt_session"]
        assert mine != planted
        assert (await browser.get("/")).status_code == 200
        await browser.post("/sign-out")
        browser.client.cookies.set("kkt_session", mine, domain="localhost", path="/ui")
        assert (await browser.get("/")).status_code == 303


async def test_a_session_ends_with_its_account_and_by_itself(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with running(tmp_path, clock=clock) as started, AsyncExitStack() as opened:
        accounts, browsers = started.services.auth.accounts, {}
        for name in ("disabled", "role", "password", "untouched"):
            await accounts.add(name, Role.MANAGER, password=PASSWORD)
            browsers[name] = await opened.enter_async_context(browser_of(started.services.app))
            await browsers[name].sign_in(name)
            assert (await browsers[name].get("/")).status_code == 200
        await accounts.change("disabled", disabled=True)
        await accounts.change("role", role=Role.VIEWER)
        await accounts.set_password("password", password="another long sentence")
        clock.leap(11)  # what the gate remembers of an account is at most ten seconds old
        for name, browser in browsers.items():
            assert (await browser.get("/")).status_code == (200 if name == "untouched" else 303), name
        clock.ahead = timedelta(minutes=31)
        assert (await browsers["untouched"].get("/")).status_code == 303, "nobody worked for half an hour"


async def test_wrong_passwords_are_counted_together_with_those_of_the_api(tmp_path: Path) -> None:
    async with running(tmp_path) as started, browser_of(started.services.app) as browser:
        for _ in range(4):
            assert (await browser.sign_in("a.admin", "wrong password!")).status_code == 401
        api = {"username": "a.admin", "password": "wrong password!"}
        assert (await started.client.post("/api/v1/auth/login", json=api)).status_code == 401
        refused = await browser.sign_in("a.admin")
        assert refused.status_code == 429
        assert "Too many wrong passwords" in refused.text


async def test_an_open_service_is_read_without_a_sign_in_but_not_through_a_proxy(tmp_path: Path) -> None:
    async with running(tmp_path, auth="open") as started, browser_of(started.services.app) as browser:
        assert (await browser.get("/")).status_code == 200
        assert "<form" in (await browser.get("/")).text
        forwarded = await browser.get("/", **{"X-Forwarded-For": "203.0.113.7"})
        assert forwarded.status_code == 403
        for route in GUARDED:
            assert (await browser.post(filled(route.path))).status_code == 401, route.path


async def test_every_answer_says_what_a_browser_may_load(tmp_path: Path) -> None:
    async with running(tmp_path, auth="open") as started, browser_of(started.services.app) as browser:
        for path in ("/", "/sign-in", "/no/such/page"):
            answer = await browser.get(path)
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy and "http" not in policy and "default-src 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", answer.text)
        links = re.findall(r'(?:href|src|action|hx-get)="([^"]+)"', (await browser.get("/")).text)
        assert links and all(link.startswith(("/ui/", "#")) for link in links)


async def test_a_first_visit_is_small_and_everything_stays_below_the_prefix(tmp_path: Path) -> None:
    """150 kB with scripts and style, as they go over the line."""
    async with (
        running(tmp_path, auth="open", path_prefix="/kassa") as started,
        browser_of(started.services.app, **{"Accept-Encoding": "gzip"}) as browser,
    ):
        page = await browser.get("/")
        links = set(re.findall(r'(?:href|src|action|hx-get|hx-sse:connect)="([^"#][^"]*)"', page.text))
        assert links and all(link.startswith("/kassa/ui/") for link in links)
        sent = int(page.headers["content-length"])
        for link in links:
            if "/static/" in link:
                answer = await browser.get(link.removeprefix("/kassa/ui"))
                assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
                sent += int(answer.headers["content-length"])
        assert sent < 150_000
        assert (await browser.client.get("/", headers={"Accept": "text/html"})).headers[
            "location"
        ] == "/kassa/ui/"
