"""The buyer's page over the real product."""

from pathlib import Path
from typing import Any

from tests.support.product import Product, product, sale

BUYER: dict[str, Any] = {"email": "ivan@mail.example", "inn": "500100732259", "name": "Иван Петров"}


async def page(running: Product, path: str) -> Any:
    return await running.client.get(path)


async def test_the_page_shows_the_slip_and_hides_the_buyer(tmp_path: Path) -> None:
    async with product(tmp_path, public_url="https://shop.example") as running:
        answer = await running.post(sale(name="Чайник", customer=BUYER))
        receipt_id = answer.json()["receipt_id"]
        links = running.services.app.state.services.buyer.links
        url = (await running.receipt(receipt_id))["receipt_url"]
        assert url == links.of(receipt_id) == answer.json()["receipt_url"]
        again = await running.post(sale(name="Чайник", customer=BUYER), key="again")
        repeated = await running.post(sale(name="Чайник", customer=BUYER), key="again")
        assert again.content == repeated.content
        english = await running.post(
            sale(name="Чайник", customer=BUYER), key="again", **{"Accept-Language": "en"}
        )
        assert english.json()["receipt_url"] == again.json()["receipt_url"]
        path = url.removeprefix("https://shop.example")
        shown = await page(running, path)
        assert shown.status_code == 200
        assert "Чайник" in shown.text
        assert "kkt-online.nalog.ru" in shown.text
        assert "<svg" in shown.text
        for secret in ("ivan@mail.example", "500100732259", "Петров"):
            assert secret not in shown.text
        assert "i•••@mail.example" in shown.text
        assert shown.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in shown.headers["x-robots-tag"]
        assert "set-cookie" not in shown.headers
        pdf = await page(running, f"{path}?format=pdf")
        assert pdf.content.startswith(b"%PDF")

        await running.restart()
        assert (await page(running, path)).text == shown.text
        (running.settings.data_dir / "receipt_links_secret").unlink()  # another machine: the database has it
        await running.restart()
        assert (await page(running, path)).status_code == 200

        unknown = await page(running, f"/r/{links.token('01a22746-5a99-7d2a-9368-bb8f065e21d1')}")
        await running.restart(receipt_pages=False)
        off = await page(running, path)
        assert "receipt_url" not in (await running.post(sale())).json()
        assert (await running.receipt(receipt_id))["receipt_url"] is None
        nonsense = await page(running, "/r/nonsense")
        assert {one.status_code for one in (unknown, off, nonsense)} == {404}
        assert unknown.text == off.text == nonsense.text
        asked = [await page(running, path) for _ in range(40)]
        assert 429 in {one.status_code for one in asked}
