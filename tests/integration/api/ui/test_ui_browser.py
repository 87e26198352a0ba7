"""The pages in a real browser: followed live, on a desktop and a telephone, in both languages and themes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.accounts import cheap_hasher
from tests.support.api import server_of
from tests.support.catalog_api import settings_for
from tests.support.pages.browser import chromium, screen_of
from tests.support.pages.ui import PASSWORD
from tests.support.product import TILL, Product, product, sale, virtual_registers
from tests.support.registers.doubt import in_doubt

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.cli.service.sandbox import DemoSandbox
from kkt_adapter.emulators.g2a import G2AEmulator
from kkt_adapter.emulators.g2a.faults import Faults
from kkt_adapter.emulators.ofd import OfdEmulator, OfdFaultMode
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.settings import Transport

LONG = "Общество с ограниченной ответственностью «Хлебобулочный комбинат имени Первого мая», батон нарезной"
CARD = "#registers .register"


@dataclass
class Shown:
    """A demonstration behind its own server."""

    product: Product
    base: str
    sandbox: DemoSandbox


@asynccontextmanager
async def served(started: Product) -> AsyncIterator[str]:
    """The address of a product with an account for each role; open pages are told five times a second."""
    started.services.auth.passwords._hasher = cheap_hasher()
    for role in Role:
        await started.services.auth.accounts.add(f"a.{role.value}", role, password=PASSWORD)
    started.services.app.late.site.now().live._every_s = 0.2
    async with server_of(started.services.app) as server:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def shown(folder: Path) -> AsyncIterator[Shown]:
    ofd = OfdEmulator()
    await ofd.start()
    sandbox = DemoSandbox(ofd)
    seams = Seams(driver=sandbox.met, sandbox=sandbox)
    try:
        async with (
            product(folder, ofd=ofd, demo=True, seams=seams, auth="open") as started,
            served(started) as base,
        ):
            yield Shown(product=started, base=base, sandbox=sandbox)
    finally:
        await ofd.stop()


async def test_a_receipt_is_followed_live_to_its_confirmation_and_a_broken_operator_is_seen(
    tmp_path: Path,
) -> None:
    async with (
        shown(tmp_path) as at,
        chromium() as browser,
        screen_of(browser, at.base, locale="ru-RU") as screen,
    ):
        page = screen.page
        await screen.sign_in("a.admin", PASSWORD)
        assert await page.text_content("h1") == "Обзор"
        await screen.is_live()
        await screen.check()

        await page.click(".sections >> text=Чеки")
        await screen.is_live()
        assert await page.locator("tbody tr").count() == 0
        await at.sandbox.switch("ofd_down", on=True)
        sold = (await at.product.post(sale(name=LONG))).json()
        row = page.locator(f"tbody tr:has(a[href$='{sold['receipt_id']}'])")
        await row.locator("text=передаётся в ОФД").wait_for()
        await row.locator("a").click()
        await page.locator("h1", has_text="Чек №").wait_for()
        await screen.is_live()
        await screen.check()

        await screen.go("/")
        await page.locator(".strip >> text=прервана").wait_for()
        await page.locator(".alert").first.wait_for()
        await page.locator(f"{CARD} >> text=старший").first.wait_for()
        await screen.check()

        await screen.go(f"/receipts/{sold['receipt_id']}")
        await screen.is_live()
        await at.sandbox.switch("ofd_down", on=False)
        await page.locator(".timeline >> text=Подтверждён ОФД").wait_for()
        await page.locator(".head .state-ok").wait_for()
        await screen.check()


async def test_every_page_on_a_telephone_in_english_and_in_the_dark(tmp_path: Path) -> None:
    async with shown(tmp_path) as at, chromium() as browser:
        for name in ("Test", LONG):
            await at.product.post(sale(name=name))
        await at.product.delivered()
        options = {"locale": "en-US", "color_scheme": "dark"}
        async with screen_of(browser, at.base, phone=True, **options) as screen:
            page = screen.page
            await screen.go("/sign-in")
            await screen.check()
            await screen.sign_in("a.admin", PASSWORD)
            sections = await page.locator(".sections a").evaluate_all("all => all.map(a => a.href)")
            assert len(sections) >= 3
            for href in sections:
                await page.goto(href)
                await screen.is_live()
                await screen.check()
            await screen.go("/receipts")
            await page.locator("tbody tr a").first.click()
            await page.locator("h1", has_text="Receipt no.").wait_for()
            await screen.check()

            await page.keyboard.press("?")
            await page.locator("#keys[open]").wait_for()
            await page.keyboard.press("Escape")
            await page.locator(".menu summary").click()
            await page.locator("button:has-text('Русский')").click()
            await page.locator("h1", has_text="Чек №").wait_for()
            assert await page.get_attribute("html", "lang") == "ru"
            await page.locator(".menu summary").click()
            await page.locator("button:has-text('Светлая')").click()
            await page.locator("html[data-theme=light]").wait_for()
            await screen.check()


async def test_a_viewer_sees_no_action_and_pages_work_without_scripts(tmp_path: Path) -> None:
    async with shown(tmp_path) as at, chromium() as browser:
        async with screen_of(browser, at.base, locale="ru-RU", java_script_enabled=False) as screen:
            page = screen.page
            await screen.sign_in("a.admin", PASSWORD)
            await screen.go("/sandbox")
            await page.click("button:has-text('Пробить чек')")
            await page.locator(".said").wait_for()
            await asyncio.wait_for(at.product.delivered(), 20)
            await screen.go("/receipts?kind=sale&stage=confirmed")
            assert await page.locator("tbody tr").count() == 1
            await page.click("tbody tr a")
            assert "Чек №" in (await page.text_content("h1") or "")
            receipt = page.url.removeprefix(f"{at.base}/ui")
        async with screen_of(browser, at.base, locale="en-US") as screen:
            page = screen.page
            await screen.sign_in("a.viewer", PASSWORD)
            for path in ("/", "/receipts", receipt, "/questions", "/shifts", "/sandbox"):
                await screen.go(path)
                assert await page.locator("main form[method=post]").count() == 0, path
            await screen.go("/receipts")
            await screen.is_live()
            await at.product.services.auth.accounts.change("a.viewer", disabled=True)
            at.product.services.auth.gate.forget()  # it would have asked again within ten seconds
            await page.wait_for_selector("text=Sign in")


async def test_a_person_settles_what_waits_and_follows_a_run(tmp_path: Path) -> None:
    """An unknown outcome, a dead letter and a run of the catalogue; each by the weakest role that may."""
    source = G2AEmulator(1200, faults=Faults(latency_s=0.2))
    await source.start()
    waiting: dict[str, Any] = {
        "registers": virtual_registers(TILL, receipt_key="off"),
        "response_budget_s": 0.15,
        "max_attempts": 1,
        "ofd_transport": Transport.HTTP,
        "wake_on_receipt": False,
        "sync_interval_s": 30,
        "catalog": settings_for(source, tmp_path, configured=True),
    }
    try:
        async with product(tmp_path, **waiting) as shop, served(shop) as base, chromium() as browser:
            await shop.break_operator(OfdFaultMode.CODE, code=422)
            (refused,) = await shop.sell(1)
            await shop.state_of(refused["receipt_id"], print_state="printed")
            while not (await shop.get("/v1/kkt/dlq"))["items"]:
                assert (await shop.call("POST", "/v1/kkt/buffer/sync")).status_code in (200, 409)
            await shop.repair_operator()
            unknown = await in_doubt(shop)

            async with screen_of(browser, base, locale="en-US", phone=True) as screen:
                page = screen.page
                await screen.sign_in("a.viewer", PASSWORD)
                await screen.go("/questions")
                await page.locator("text=An administrator decides.").wait_for()
                assert await page.locator("main form[method=post]").count() == 0
                await screen.check()

            async with screen_of(browser, base, locale="ru-RU", color_scheme="dark") as screen:
                page = screen.page
                await screen.sign_in("a.manager", PASSWORD)
                await screen.go("/questions")
                assert await page.locator("input[name=decision]").count() == 0
                await screen.check()
                await page.click("button:has-text('Отправить снова')")
                await page.locator(".said").wait_for()
                await page.locator("text=Отклонённых документов нет").wait_for()

                await screen.go("/catalogue/runs")
                await page.click("button:has-text('Запустить')")
                await page.wait_for_url("**/catalogue/runs/*")
                await screen.is_live()
                await screen.check()
                await page.locator('.bar-part:not([width="0.0"]):not([width="100.0"])').wait_for()
                before = await page.get_attribute(".bar-part", "width")
                source.faults = Faults()
                await page.locator(f'.bar-part:not([width="{before}"])').wait_for()
                await page.locator("text=завершена").wait_for()
                assert await page.get_attribute(".bar-part", "width") == "100.0"
                await screen.check()

            async with screen_of(browser, base, locale="ru-RU") as screen:
                page = screen.page
                await screen.sign_in("a.admin", PASSWORD)
                await page.locator(".alert a >> text=Решить").click()
                await page.locator("input[name=decision][value^=adopt]").first.check()
                await page.fill("main [name=reason]", "сверено с лентой")
                await screen.check()
                await page.click("button:has-text('Решить')")
                await page.locator(".said").wait_for()
                await page.locator("text=Открытых вопросов нет").wait_for()
            assert (await shop.receipt(unknown))["print_state"] == "printed"
            letter = (await shop.get("/v1/kkt/dlq"))["items"][0]
            assert letter["resolution"] == "retried"
    finally:
        await source.stop()
