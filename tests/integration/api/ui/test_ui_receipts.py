"""The list of receipts and the page of one, over the real product."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.doors import kkm
from tests.support.pages.ui import Browser, browser_of
from tests.support.product import Product, ShiftedClock, product, sale, virtual_registers

from kkt_adapter.api.ui.pages import ROUTES, registers, shifts
from kkt_adapter.fiscal.queries import receipt_list
from kkt_adapter.fiscal.queries.receipt_filter import ReceiptFilter, Stage

_LINK = re.compile(r'href="/ui/receipts/([0-9a-f-]{36})"')


@dataclass
class Shop:
    product: Product
    browser: Browser

    async def listed(self, query: str = "") -> list[str]:
        """Ids of the receipts that the list shows."""
        answer = await self.browser.get(f"/receipts{query}")
        assert answer.status_code == 200, answer.text
        return _LINK.findall(answer.text)


@asynccontextmanager
async def shop(folder: Path, **settings: Any) -> AsyncIterator[Shop]:
    tills = virtual_registers("POS-001", "POS-002")
    async with (
        product(folder, registers=tills, auth="open", **settings) as started,
        browser_of(started.services.app) as browser,
    ):
        yield Shop(product=started, browser=browser)


async def test_receipts_are_found_by_everything_a_person_knows_of_them(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        first = await at.product.post(sale(kop=12_345, order_id="ORDER-77"), key="till-1/0001")
        second = await at.product.post(sale(till="POS-002"), key="ORDER-77/2")
        await at.product.delivered()
        one, two = first.json()["receipt_id"], second.json()["receipt_id"]
        number = first.json()["fiscal_doc"]["fiscal_doc_number"]
        assert await at.listed() == [two, one]
        for query in (
            "?register=POS-001", "?total=123,45", "?total=123.45", "?text=till-1", "?text=till-1/0001",
            f"?text={one[:20]}", f"?text={one}", f"?text=ORDER-77&number={number}&register=POS-001",
        ):  # fmt: skip
            assert await at.listed(query) == [one], query
        assert set(await at.listed(f"?number={number}")) >= {one}
        for query in (
            "?stage=confirmed", "?kind=sale", "?door=v1", "?since=2020-01-01&until=2099-12-31",
            "?text=ORDER-77", "?text=ORDER",  # the order of one, the key of the other
        ):  # fmt: skip
            assert await at.listed(query) == [two, one], query
        for query in (
            "?stage=dead", "?stage=waiting", "?stage=printing", "?stage=question", "?stage=print_failed",
            "?kind=refund", "?text=nothing", "?total=1", "?until=2020-01-01", "?door=kkmserver",
            f"?text=nothing&number={number}",
        ):  # fmt: skip
            assert await at.listed(query) == [], query


async def test_a_filter_that_does_not_fit_is_named(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        for query in ("?total=a lot", "?since=yesterday", "?stage=x", "?kind=x", "?number=-1"):
            answer = await at.browser.get(f"/receipts{query}")
            assert answer.status_code == 200
            assert 'role="alert"' in answer.text and query[1:].partition("=")[0] in answer.text
            assert (await at.browser.get(f"/receipts.csv{query}")).status_code == 422


async def test_pages_follow_each_other_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a page ends because it has looked at enough receipts that do not fit."""
    monkeypatch.setattr(receipt_list, "WALK", 3)
    async with shop(tmp_path) as at:
        ids = []
        for i in range(9):
            answer = await at.product.post(sale(till="POS-001" if i % 4 else "POS-002"))
            ids.append(answer.json()["receipt_id"])
        await at.product.delivered()
        lists = at.product.services.app.state.services.lists
        for wanted in (ReceiptFilter(), ReceiptFilter(register_id="POS-002"), ReceiptFilter(text="no such")):
            seen: list[str] = []
            after, pages = None, 0
            while True:
                found = await lists.page(wanted, limit=2, after=after)
                seen += [row.id for row in found.rows]
                after, pages = found.after, pages + 1
                if after is None:
                    break
            of_register = [ids[i] for i in range(9) if i % 4 == 0]
            expected = of_register if wanted.register_id else [] if wanted.text else ids
            assert seen == expected[::-1]
            assert pages >= 3


async def test_counts_agree_with_the_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(tmp_path) as at:
        await at.product.sell(3)
        await at.product.delivered()
        lists = at.product.services.app.state.services.lists
        for wanted in (ReceiptFilter(), ReceiptFilter(register_id="POS-001"), ReceiptFilter(text="x")):
            counts = await lists.counts(wanted)
            found = await lists.page(wanted, limit=50)
            assert counts.total == len(found.rows) and not counts.more
            assert counts.of[Stage.CONFIRMED] == len(found.rows)

        monkeypatch.setattr(receipt_list, "COUNTED", 2)
        since = at.product.clock.now() - timedelta(days=1)
        counts = await lists.counts(ReceiptFilter(since=since))
        assert counts.of[Stage.CONFIRMED] == 2 and counts.is_least(Stage.CONFIRMED)
        assert counts.of[Stage.DEAD] == 0 and not counts.is_least(Stage.DEAD), "few are counted to the last"
        assert ">0+<" not in (await at.browser.get("/receipts?stage=dead")).text
        monkeypatch.setattr(receipt_list, "WALK", 2)
        found, counts = await lists.look(ReceiptFilter(since=since, total_kop=1), limit=50)
        assert (list(found.rows), found.after, counts.more) == ([], 2, True)
        assert found.walked_to is not None
        assert ">0+<" not in (await at.browser.get("/receipts?total=0.01")).text, "none seen is no number"


async def test_files_hold_what_the_filter_finds(tmp_path: Path) -> None:
    async with shop(tmp_path, shop=(kkm.shop("till", groups=("POS-001",)),)) as at:
        await at.product.post(sale(kop=100), key="=HYPERLINK(1)")
        await at.product.post(sale(till="POS-002", kop=250))
        await at.product.delivered()
        answer = await at.browser.get("/receipts.csv?register=POS-001")
        assert "attachment" in answer.headers["content-disposition"]
        (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert (row["total"], row["state"], row["idempotency_key"]) == ("1.00", "confirmed", "'=HYPERLINK(1)")
        both = json.loads((await at.browser.get("/receipts.json")).content)
        assert [one["total"] for one in both] == ["2.50", "1.00"]
        assert json.loads((await at.browser.get("/receipts.json?total=7")).content) == []

        await kkm.execute(at.product.client, kkm.sale("slip-7"))
        sender = {"door": "kkmserver", "account": "till", "client_key": "slip-7"}
        file = (await at.browser.get("/receipts.csv?account=till")).content.decode("utf-8-sig")
        told = [
            json.loads((await at.browser.get("/receipts.json?account=till")).content),
            list(csv.DictReader(io.StringIO(file))),
            (await at.product.get("/v1/kkt/receipts"))["items"][:1],
            (await at.product.get("/v1/export/events"))["events"][-1:],
        ]
        for rows in told:
            assert [{name: row[name] for name in sender} for row in rows] == [sender]
        assert "till slip-7" in (await at.browser.get("/receipts?text=slip-7")).text, "the list names it too"


async def test_a_part_that_is_fetched_anew_comes_alone_and_as_the_page_shows_it(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        await at.product.sell(3)
        await at.product.delivered()
        parts = (
            ("/", "div#attention"),
            ("/", "section#registers"),
            ("/charts", "section#charts"),
            ("/receipts?register=POS-001", "div#receipts-list"),
            ("/shifts", "section#shift-cards"),
            ("/shifts", "section#shift-cash"),
            ("/shifts", "section#shift-sessions"),
            ("/registers", "section#register-list"),
            ("/audit?level=info", "section#events"),
        )
        asked = {(path.partition("?")[0], element.partition("#")[2]) for path, element in parts}
        assert {(route.path, name) for route in ROUTES for name in route.shared} <= asked
        for path, element in parts:
            part = (await at.browser.get(path, **{"HX-Request": "true", "HX-Target": element})).text.strip()
            whole = (await at.browser.get(path)).text
            kind, _, name = element.partition("#")
            assert part.startswith(f"<{kind} ") and part.endswith(f"</{kind}>") and f'id="{name}"' in part
            assert re.sub(r"[\d.]+", "0", part) in re.sub(r"[\d.]+", "0", whole), "ages differ, nothing else"
        other = await at.browser.get("/receipts", **{"HX-Request": "true", "HX-Target": "div#content"})
        assert other.text.startswith("<!doctype html>")


async def test_many_registers_are_shown_in_part_and_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shifts, "CARDS", 1)
    monkeypatch.setattr(registers, "SHOWN", 1)
    async with shop(tmp_path) as at:
        for path, chosen in (("/shifts", "/shifts?register=POS-002"), ("/registers", "/registers?q=002")):
            first, found = (await at.browser.get(path)).text, (await at.browser.get(chosen)).text
            assert "1 more:" in first and "<h3>POS-002</h3>" not in first
            assert "more:" not in found and "<h3>POS-002</h3>" in found
        assert "<option selected>POS-002</option>" in (await at.browser.get("/shifts?register=POS-002")).text


async def test_one_receipt_tells_its_story(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        sold = (await at.product.post(sale(name="<b>Хлеб</b> & Ko"))).json()
        await at.product.delivered()
        refund = sale(name="<b>Хлеб</b> & Ko") | {
            "type": "refund",
            "original_receipt_id": sold["receipt_id"],
        }
        back = (await at.product.post(refund)).json()
        await at.product.delivered()
        day = sold["fiscal_doc"]["fiscal_datetime"][:10]
        sign = sold["fiscal_doc"]["fiscal_sign"]
        wrong = {"type": "self", "date": day, "operation": "sale", "fiscal_sign": sign}
        repaired = [
            (await at.product.post(sale(type="correction", order_id="A-1", correction=wrong))).json()
            for _ in range(2)
        ]
        await at.product.delivered()
        page = (await at.browser.get(f"/receipts/{sold['receipt_id']}")).text
        for one in repaired:
            assert one["receipt_id"] in page, "the correction is linked"
            there = (await at.browser.get(f"/receipts/{one['receipt_id']}")).text
            assert sold["receipt_id"] in there and "corrects" in there
        for part in (
            sold["fiscal_doc"]["fiscal_sign"], sold["fiscal_doc"]["fn_number"], "&lt;b&gt;Хлеб", ">1059<",
            ">1077<", "Confirmed by the operator", "Accepted and stored", "<svg", "КАССОВЫЙ ЧЕК",
        ):  # fmt: skip
            assert part in page, part
        assert "<b>Хлеб" not in page
        assert back["receipt_id"] in page, "the refund is linked"
        assert sold["receipt_id"] in (await at.browser.get(f"/receipts/{back['receipt_id']}")).text
        pdf = await at.browser.get(f"/receipts/{sold['receipt_id']}/slip.pdf")
        assert pdf.content.startswith(b"%PDF") and "attachment" in pdf.headers["content-disposition"]
        html = await at.browser.get(f"/receipts/{sold['receipt_id']}/slip.html")
        assert "attachment" in html.headers["content-disposition"]
        assert (await at.browser.get("/receipts/no-such-receipt")).status_code == 404


async def test_the_chart_compares_with_the_same_weekday_before(tmp_path: Path) -> None:
    clock = ShiftedClock()
    now = clock.now()
    clock.ahead = now.replace(hour=12, minute=0) - now
    async with (
        product(tmp_path, clock=clock, auth="open") as started,
        browser_of(started.services.app) as browser,
    ):
        await started.sell(2)
        await started.delivered()
        sales = started.services.app.state.services.watch.sales
        assert sum(await sales.week_ago()) == 0
        clock.ahead += timedelta(days=7)
        assert sum(await sales.week_ago()) == 2
        assert (await sales.read()).sales == 0
        assert "a week ago" in (await browser.get("/charts")).text
