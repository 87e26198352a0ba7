"""A real browser for the pages: Debian's Chromium, headless, watched for everything it should not do."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright
from tests.support.services import missing

AXE = Path(__file__).parents[2] / "data" / "axe" / "axe.min.js"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE_MS = 60_000
DESKTOP: ViewportSize = {"width": 1360, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser for a test; skips where there is none, fails in CI."""
    program = shutil.which("chromium")
    if program is None:
        missing("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Screen:
    """A page, and what was seen of it: ``complaints`` must be empty at the end."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.base}/ui{path}")

    async def sign_in(self, name: str, password: str) -> None:
        await self.go("/sign-in")
        await self.page.fill("[name=username]", name)
        await self.page.fill("[name=password]", password)
        await self.page.click("main button.primary")
        await self.page.wait_for_url("**/ui/")

    async def is_live(self) -> None:
        """Wait until the stream of changes is open."""
        await self.page.wait_for_selector("[data-live-state].on")

    async def check(self) -> None:
        """Nothing hangs over the side, and axe finds nothing serious."""
        name = f"{self.page.url} {self.page.viewport_size}"
        over = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            self.complaints.append(f"{name}: {over} px wider than the screen")
        # eval: the page's own policy refuses a script of ours, and rightly so.
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = await self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        self.complaints += [
            f"{name}: {one['id']} {one['help']}: {json.dumps([n['html'][:160] for n in one['nodes']][:3])}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


@asynccontextmanager
async def screen_of(
    browser: Browser, base: str, *, phone: bool = False, **options: Any
) -> AsyncIterator[Screen]:
    """A fresh visitor. Complains of console errors, exceptions, and requests to any other host."""
    context: BrowserContext = await browser.new_context(
        viewport=PHONE if phone else DESKTOP, has_touch=phone, **options
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    screen = Screen(page=page, base=base)
    host = urlsplit(base).netloc

    def listen(kind: str, told: str) -> None:
        screen.complaints.append(f"{kind}: {told}")

    page.on("console", lambda m: listen("console", m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: listen("exception", str(error)))
    page.on(
        "request",
        lambda r: None if urlsplit(r.url).netloc in ("", host) else listen("request elsewhere", r.url),
    )
    try:
        yield screen
    finally:
        await context.close()
    assert screen.complaints == [], "\n".join(screen.complaints)
