"""Pictures of the pages for the documentation: ``make screenshots`` writes docs/images anew.

Starts a demonstration of its own in an empty folder, posts a morning of receipts, breaks a few things, and
looks at six pages in both themes with Debian's Chromium.
"""

import io
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = {"width": 1280, "height": 860}
PATIENCE_MS = 60_000
GOODS = (
    ("Кофе, 250 мл", 250),
    ("Хлеб «Бородинский» нарезной", 64),
    ("Молоко 3,2 % 1 л", 98),
    ("Сыр «Российский», кг", 890),
)


def main() -> None:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is missing: apt-get install chromium")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demonstration() as (base, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
        newest = seed(base)
        for theme in ("light", "dark"):
            context = browser.new_context(viewport=SIZE, locale="ru-RU", color_scheme=theme)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            sign_in(page, base, password)
            for name, path, wait in (
                ("overview", "/", ".uplot"),
                ("receipts", "/receipts", "tbody tr"),
                ("receipt", f"/receipts/{newest}", ".paper"),
                ("shifts", "/shifts", "h1"),
                ("events", "/audit", "h1"),
                ("sandbox", "/sandbox", ".faults"),
            ):
                page.goto(f"{base}/ui{path}")
                page.locator(wait).first.wait_for()
                whole = name in ("overview", "receipt")
                keep(page.screenshot(full_page=whole), IMAGES / f"{name}-{theme}.png")
                print(f"{name}-{theme}.png")
            context.close()
        browser.close()


def keep(picture: bytes, path: Path) -> None:
    """With a palette: pages have few colours, and the file is a third."""
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


@contextmanager
def demonstration() -> Iterator[tuple[str, str]]:
    """Its address and the password of ``admin``."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kkt_adapter", "serve", "--demo", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--data-dir", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        try:
            password = next(
                found.group(1) for line in process.stdout if (found := re.search(r"admin / (\S+)", line))
            )
            wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}", password
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own address
            return
        except OSError:
            continue
    sys.exit("the demonstration does not answer")


def seed(base: str) -> str:
    """Receipts of three tills; gives the id of one of them."""
    newest = ""
    for number in range(45):
        name, price = GOODS[number % len(GOODS)]
        amount = price * (number % 3 + 1)
        newest = post(
            base,
            {
                "pos_id": f"POS-00{number % 3 + 1}",
                "type": "sale",
                "items": [{"name": name, "price": price, "qty": number % 3 + 1, "vat_rate": 10}],
                "payments": [{"type": "card" if number % 2 else "cash", "amount": amount}],
            },
        )
    return newest


def post(base: str, body: dict[str, object]) -> str:
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{base}/v1/kkt/receipt",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return str(json.load(answer)["receipt_id"])


def sign_in(page: Page, base: str, password: str) -> None:
    page.goto(f"{base}/ui/sign-in")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", password)
    page.click("main button.primary")
    page.wait_for_url("**/ui/")


if __name__ == "__main__":
    main()
