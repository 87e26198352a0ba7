"""The sandbox of a demonstration: an owner's first five minutes, without a screen."""

import re
from pathlib import Path
from typing import Any

from tests.support.accounts import cheap_hasher
from tests.support.pages.ui import PASSWORD, browser_of
from tests.support.product import product

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.cli.service.sandbox import DemoSandbox
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.runtime.auth.roles import Role

_REFUND = re.compile(r'href="/ui/sandbox\?refund=([0-9a-f-]{36})"')
COFFEE: dict[str, Any] = {
    "pos_id": "POS-001",
    "kind": "sale",
    "name": "Кофе",
    "price": "250,50",
    "quantity": "2",
    "vat": "22",
    "payment": "card",
}


async def test_an_owners_first_five_minutes(tmp_path: Path) -> None:
    ofd = OfdEmulator()
    await ofd.start()
    sandbox = DemoSandbox(ofd)
    seams = Seams(driver=sandbox.met, sandbox=sandbox)
    try:
        async with (
            product(tmp_path, ofd=ofd, demo=True, seams=seams, auth="open") as started,
            browser_of(started.services.app) as owner,
        ):
            started.services.auth.passwords._hasher = cheap_hasher()
            await started.services.auth.accounts.add("admin", Role.ADMIN, password=PASSWORD)
            assert "Sign in to post receipts" in (await owner.get("/sandbox")).text
            await owner.sign_in("admin", next="/sandbox")
            for key in "123":
                posted = await owner.post("/sandbox/receipt", key=key, **COFFEE)
                assert posted.headers["location"] == "/ui/sandbox?said=said.sandbox.printed"
            again = await owner.post("/sandbox/receipt", key="3", **COFFEE)
            assert again.status_code == 303
            await started.delivered()
            page = (await owner.get("/sandbox")).text
            sales = _REFUND.findall(page)
            assert len(sales) == 3, "the form that was sent twice made one receipt"
            assert "Refund receipt no." in (await owner.get(f"/sandbox?refund={sales[0]}")).text
            await owner.post("/sandbox/refund", receipt_id=sales[0], key="r")
            await started.delivered()
            refunds = await started.get("/v1/kkt/receipts", limit=1)
            assert (refunds["items"][0]["type"], refunds["items"][0]["total"]) == ("refund", 501.0)
            closed = await owner.post("/sandbox/z", pos_id="POS-001", key="z")
            assert closed.headers["location"] == "/ui/sandbox?said=said.sandbox.closed"

            wrong = await owner.post("/sandbox/receipt", key="4", **COFFEE | {"price": "a lot", "name": ""})
            assert wrong.status_code == 422 and 'role="alert"' in wrong.text

            await owner.post("/sandbox/fault", fault="paper_out", on="1")
            stored = await owner.post("/sandbox/receipt", key="5", **COFFEE)
            assert stored.headers["location"] == "/ui/sandbox?said=said.sandbox.buffered"
            assert "out of paper" in (await owner.get("/")).text
            await owner.post("/sandbox/fault", fault="paper_out", on="0")
            await owner.post("/sandbox/fault", fault="ofd_down", on="1")
            assert sandbox.faults == {"ofd_down"}
            await owner.post("/sandbox/fault", fault="ofd_down", on="0")
            await started.delivered()
            unknown = await owner.post("/sandbox/fault", fault="no such", on="1")
            assert unknown.status_code == 422
    finally:
        await ofd.stop()


async def test_a_product_that_is_no_demonstration_has_no_sandbox(tmp_path: Path) -> None:
    async with (
        product(tmp_path, auth="open") as started,
        browser_of(started.services.app) as browser,
    ):
        assert (await browser.get("/sandbox")).status_code == 404
        assert (await browser.post("/sandbox/receipt")).status_code == 404
        assert "/ui/sandbox" not in (await browser.get("/")).text
