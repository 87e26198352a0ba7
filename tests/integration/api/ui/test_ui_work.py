"""What people do on the pages: decide, settle, close a shift; over the product with a signed-in browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import insert, select
from tests.support.accounts import cheap_hasher
from tests.support.catalog_api import settings_for
from tests.support.pages.ui import PASSWORD, Browser, browser_of
from tests.support.product import TILL, Product, product
from tests.support.registers.doubt import a_shop, asked, in_doubt

from kkt_adapter.api.ui.texts import TEXTS
from kkt_adapter.bootstrap.drivers import KINDS
from kkt_adapter.catalog.reads.query import Sort
from kkt_adapter.catalog.runs import RunStatus
from kkt_adapter.catalog.store.changes import HISTORY_FIELDS, STATUS, ChangeKind
from kkt_adapter.emulators.g2a import G2AEmulator
from kkt_adapter.emulators.ofd import OfdFaultMode
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings
from kkt_adapter.fiscal.lifecycle import AttemptKind, LetterOutcome
from kkt_adapter.fiscal.model import DocumentCode, ReceiptKind
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.tables import callbacks, receipts
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.auth.shop_values import DoorName
from kkt_adapter.settings import Transport


@asynccontextmanager
async def signed_in(shop: Product, role: Role) -> AsyncIterator[Browser]:
    shop.services.auth.passwords._hasher = cheap_hasher()
    await shop.services.auth.accounts.add(f"a.{role.value}", role, password=PASSWORD)
    async with browser_of(shop.services.app) as person:
        assert (await person.sign_in(f"a.{role.value}")).status_code == 303
        yield person


def fields(page: str, path: str) -> dict[str, Any]:
    """The hidden fields of the form that is sent to ``path``."""
    form = re.search(rf'<form[^>]*action="/ui{re.escape(path)}".*?</form>', page, re.S)
    assert form is not None, path
    found = dict[str, Any](re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form.group(0)))
    found.pop("_token")
    return found


async def test_an_administrator_adopts_the_document_that_is_on_the_tape(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        path = f"/questions/receipts/{receipt_id}"
        async with signed_in(shop, Role.VIEWER) as viewer:
            seen = (await viewer.get("/questions")).text
            assert "An administrator decides." in seen
            assert f'action="/ui{path}"' not in seen
        async with signed_in(shop, Role.ADMIN) as admin:
            page = (await admin.get("/questions")).text
            offered = re.findall(r"Document No. (\d+) is this receipt", page)
            assert len(offered) == 2
            number = offered[0]
            hidden = fields(page, path)
            lacks: list[dict[str, Any]] = [{"decision": "again"}, {"reason": "compared with the tape"}]
            for lacking in lacks:
                refused = await admin.post(path, **hidden, **lacking)
                assert refused.status_code == 422, refused.text
            stale = hidden | {"version": "1:x:1", "decision": "again", "reason": "r"}
            assert (await admin.post(path, **stale)).status_code == 409
            assert await asked(shop) is not None

            said: dict[str, Any] = {"decision": f"adopt:{number}", "reason": "compared with the tape"}
            done = await admin.post(path, **hidden, **said)
            assert (done.status_code, done.headers["location"]) == (
                303,
                "/ui/questions?said=said.question.decided",
            )
            after = (await admin.get("/questions?said=said.question.decided")).text
            assert "No open question" in after
            assert "Decided. The register goes on." in after
        receipt = await shop.state_of(receipt_id, print_state="printed")
        assert receipt["fiscal_doc_id"].endswith(f"-{number}")
        events = (await shop.get("/v1/kkt/buffer/logs", type="print_resolved"))["items"]
        assert events[0]["metadata"]["by"] == "a.admin"


async def test_dead_letters_are_sent_again_and_settled_one_and_many(tmp_path: Path) -> None:
    async with product(
        tmp_path, max_attempts=1, ofd_transport=Transport.HTTP, wake_on_receipt=False, sync_interval_s=30
    ) as shop:
        await shop.break_operator(OfdFaultMode.CODE, code=422)
        for _ in range(4):
            (answer,) = await shop.sell(1)
            await shop.state_of(answer["receipt_id"], print_state="printed")
        while len((await shop.get("/v1/kkt/dlq"))["items"]) < 4:
            assert (await shop.call("POST", "/v1/kkt/buffer/sync")).status_code in (200, 409)
        async with signed_in(shop, Role.ADMIN) as admin:
            page = (await admin.get("/questions")).text
            assert "Open: 4" in page
            resolve = "/questions/letters/1/resolve"
            assert (await admin.post(resolve, reason="told", outcome="")).status_code == 422
            assert (await admin.post(resolve, reason="told", outcome="written_off")).status_code == 303
            assert (await admin.post("/questions/letters/1/retry")).status_code == 409
            assert (await admin.post("/questions/letters/2/retry")).status_code == 303

            none = fields((await admin.get("/questions?till=elsewhere")).text, "/sign-out")
            assert none == {}
            assert "No dead letters" in (await admin.get("/questions?till=elsewhere")).text
            many = "/questions/letters/resolve"
            hidden = fields((await admin.get("/questions")).text, many)
            assert hidden == {"register": "", "till": "", "error": "", "count": "2"}
            said: dict[str, Any] = {"reason": "told by telephone", "outcome": "delivered_otherwise"}
            assert (await admin.post(many, **hidden | said | {"count": "4"})).status_code == 409
            assert (await admin.post(many, **hidden, **said)).status_code == 303
            assert "No dead letters" in (await admin.get("/questions")).text
        closed = {one["id"]: one["resolution"] for one in (await shop.get("/v1/kkt/dlq"))["items"]}
        assert closed == {1: "resolved", 2: "retried", 3: "resolved", 4: "resolved"}


async def test_a_manager_asks_for_x_and_closes_the_shift_once(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        opened = {"pos_id": TILL, "opening_cash": 500}
        session = (await shop.call("POST", "/v1/pos/session/open", opened)).json()
        await shop.sell(2)
        async with signed_in(shop, Role.MANAGER) as manager:
            page = (await manager.get("/shifts")).text
            assert "X report" in page
            x = await manager.post("/shifts/x", **fields(page, "/shifts/x"))
            assert "no document was made" in x.text
            movements = (await manager.get(f"/shifts/sessions/{session['session_id']}")).text
            assert movements.count('<td data-name="What">sale</td>') == 2
            assert (await manager.get("/shifts/sessions/unknown")).status_code == 404
            assert "not counted" in movements
            count = f"/shifts/sessions/{session['session_id']}/count"
            for said, shown in (("a lot", None), ("690,50", "short by 9.50"), ("700", "no difference")):
                answer = await manager.post(count, counted=said)
                assert answer.status_code == (422 if shown is None else 303), answer.text
                page_now = (await manager.get(f"/shifts/sessions/{session['session_id']}")).text
                assert shown is None or shown in page_now
            assert (await manager.post("/shifts/sessions/unknown/count", counted="1")).status_code == 404

            z = fields(page, "/shifts/z")
            first, second = await manager.post("/shifts/z", **z), await manager.post("/shifts/z", **z)
            assert "Z report, shift 1" in first.text
            number = re.search(r"document No. (\d+)", first.text)
            assert number is not None
            assert number.group(0) in second.text
            after = (await manager.get("/shifts")).text
            opening = fields(after, "/shifts/open")
            assert (await manager.post("/shifts/open", **opening)).status_code == 303
        made = [
            d.code for d in shop.archive() if d.code in (DocumentCode.CLOSE_SHIFT, DocumentCode.OPEN_SHIFT)
        ]
        assert made[-3:] == [DocumentCode.OPEN_SHIFT, DocumentCode.CLOSE_SHIFT, DocumentCode.OPEN_SHIFT]


async def test_events_are_found_by_what_level_and_day(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        await shop.sell(3)
        async with signed_in(shop, Role.VIEWER) as viewer:
            page = (await viewer.get("/audit?type=receipt_printed")).text
            assert page.count('aria-label="information"') == 3
            assert 'rel="next"' not in page, "there are no others"
            assert "No event fits" in (await viewer.get("/audit?level=error&since=2099-01-01")).text
            assert (await viewer.get("/audit?since=soon")).status_code == 422
            assert (await viewer.get("/audit?after=999999999999&type=%00")).status_code == 200


async def test_a_run_of_the_catalogue_is_started_followed_and_its_products_are_found(tmp_path: Path) -> None:
    source = G2AEmulator(45)
    await source.start()
    try:
        catalog = settings_for(source, tmp_path, configured=True)
        async with product(tmp_path, catalog=catalog) as shop, signed_in(shop, Role.ADMIN) as admin:
            assert "No products yet" in (await admin.get("/catalogue")).text
            form = fields((await admin.get("/catalogue/runs")).text, "/catalogue/start")
            begun = await admin.post("/catalogue/start", **form)
            again = await admin.post("/catalogue/start", **form)
            assert begun.headers["location"] == again.headers["location"]
            path = begun.headers["location"].removeprefix("/ui").partition("?")[0]
            while "complete" not in (page := (await admin.get(path)).text):
                assert "failed" not in page
            assert "products 45 of 45" in page
            assert (await admin.post(f"{path}/cancel")).status_code == 409

            found = (await admin.get("/catalogue?sort=-price&in_stock=1")).text
            one = re.search(r'href="/ui(/catalogue/products/[^"]+)"', found)
            assert one is not None
            assert "No change yet" in (await admin.get(one.group(1))).text
            source.catalogue.advance(gone=0, repriced=1, new=0, sold_out=0)
            form = fields((await admin.get("/catalogue/runs")).text, "/catalogue/start")
            path = (await admin.post("/catalogue/start", **form)).headers["location"]
            path = path.removeprefix("/ui").partition("?")[0]
            while "complete" not in (page := (await admin.get(path)).text):
                assert "failed" not in page
            assert re.search(r"<dt>Changed</dt><dd>45</dd>", page), "the run says what it changed"
            assert page.count('data-name="Before → after"') == 45
            assert re.search(r">price</span> [\d.]+ → [\d.]+<", page)
            russian = (await admin.get(path, **{"Accept-Language": "ru"})).text
            assert re.search(r">цена</span> \d+,\d\d → \d+,\d\d<", russian)
            changed = (await admin.get(one.group(1))).text
            assert "Price over time" in changed and "data-chart=" in changed
            assert '<td data-name="What">price</td>' in changed
            assert "Nothing fits" in (await admin.get("/catalogue?q=no+such+thing")).text
            assert (await admin.get("/catalogue/products/unknown")).status_code == 404
            assert (await admin.get("/catalogue?cursor=forged")).status_code == 422

            source.faults = source.faults.with_changes({"latency_s": 60})
            form = fields((await admin.get("/catalogue/runs")).text, "/catalogue/start")
            path = (await admin.post("/catalogue/start", **form)).headers["location"]
            path = path.removeprefix("/ui").partition("?")[0]
            assert f'action="/ui{path}/cancel"' in (await admin.get(path)).text
            assert (await admin.post(f"{path}/cancel")).status_code == 303
            while "cancelled" not in (page := (await admin.get(path)).text):
                assert "complete" not in page

            assert (await admin.post("/catalogue/schedule", time="25:00")).status_code == 422
            assert (await admin.post("/catalogue/schedule", time="03:45")).status_code == 303
            assert "Every day at 03:45" in (await admin.get("/catalogue/runs")).text
            assert (await admin.post("/catalogue/schedule/reset")).status_code == 303
            assert "Every day at 03:45" not in (await admin.get("/catalogue/runs")).text
    finally:
        await source.stop()


async def test_a_manager_sets_a_register_aside_and_back(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        await shop.sell(1)
        async with signed_in(shop, Role.VIEWER) as viewer:
            assert f"/registers/{TILL}/hold" not in (await viewer.get("/registers")).text
        async with signed_in(shop, Role.MANAGER) as manager:
            assert (await manager.post(f"/registers/{TILL}/hold")).status_code == 422
            assert (await manager.post("/registers/unknown/hold", reason="r")).status_code == 404
            done = await manager.post(f"/registers/{TILL}/hold", reason="paper is changed")
            assert done.headers["location"] == "/ui/registers?said=said.register.set_aside"
            page = (await manager.get("/registers?said=said.register.set_aside")).text
            assert "paper is changed" in page
            assert "The register is set aside." in page
            assert (await manager.post(f"/registers/{TILL}/release", reason="done")).status_code == 303
            assert (await manager.post(f"/registers/{TILL}/release", reason="done")).status_code == 409
            assert "paper is changed" not in (await manager.get("/registers")).text


async def test_a_callback_that_was_given_up_is_sent_again(tmp_path: Path) -> None:
    async with product(tmp_path) as shop, signed_in(shop, Role.MANAGER) as manager:
        assert "No shop account" in (page := (await manager.get("/shops")).text)
        assert "Every shop knows its outcomes" in page
        (sold,) = await shop.sell(1)
        url = "https://shop.example/paid?token=secret"
        owed = {"account": "web", "url": url, "state": "given_up", "due_at": shop.clock.now(), "attempts": 9}
        seq = select(receipts.c.seq).where(receipts.c.id == sold["receipt_id"]).scalar_subquery()
        await shop.services.database.write(
            lambda c: c.execute(insert(callbacks).values(receipt_seq=seq, last_error="timed out", **owed))
        )
        page = (await manager.get("/shops")).text
        assert "given up" in page
        assert "https://shop.example/paid" in page
        assert "secret" not in page
        done = await manager.post(f"/shops/callbacks/{sold['receipt_id']}")
        assert done.headers["location"] == "/ui/shops?said=said.callback.again"
        assert "given up" not in (await manager.get("/shops")).text


async def test_settings_hide_secrets_and_people_are_for_administrators(tmp_path: Path) -> None:
    secret = "a-bearer-token-that-nobody-may-see"
    office = BackOfficeSettings(name="erp", url="https://user:pa55@erp.example", token=SecretStr(secret))
    async with product(tmp_path, ofd_token=SecretStr(secret), back_office=(office,)) as shop:
        async with signed_in(shop, Role.MANAGER) as manager:
            assert (await manager.get("/settings")).status_code == 403
            assert (await manager.get("/settings/people")).status_code == 403
            wrong = await shop.client.request("PUT", "/ui/sign-in")
            assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")
        async with signed_in(shop, Role.ADMIN) as admin:
            page = (await admin.get("/settings")).text
            assert secret not in page
            assert "pa55" not in page
            assert "OFD_TOKEN" in page
            assert "•" in page
            assert "OFD_TOKEN" not in (await admin.get("/settings?q=capacity")).text
            russian = (await admin.get("/settings?q=слушает", **{"Accept-Language": "ru"})).text
            assert "адрес, на котором слушает служба" in russian

            people = "/settings/people"
            assert (await admin.post(f"{people}/accounts", name="b", role="boss")).status_code == 422
            weak = await admin.post(f"{people}/accounts", name="b", role="viewer", password="short")
            assert weak.status_code == 422
            given: dict[str, Any] = {"name": "b.viewer", "role": "viewer", "password": PASSWORD}
            assert (await admin.post(f"{people}/accounts", **given)).status_code == 303
            assert (await admin.post(f"{people}/accounts", **given)).status_code == 409
            assert (await admin.post(f"{people}/accounts/b.viewer", disabled="1")).status_code == 303
            last = await admin.post(f"{people}/accounts/a.admin", role="viewer")
            assert last.status_code == 409

            made = await admin.post(f"{people}/tokens", scope="pos", tills="POS-001", note="till 1")
            token = re.search(r"kkt_[\w-]{43}", made.text)
            assert token is not None
            listed = (await admin.get(people)).text
            assert token.group(0) not in listed
            revoke = re.search(r'action="/ui(/settings/people/tokens/[^"]+/revoke)"', listed)
            assert revoke is not None
            assert (await admin.post(revoke.group(1))).status_code == 303
            assert "revoked" in (await admin.get(people)).text


async def test_every_event_and_movement_has_a_name_in_both_languages() -> None:
    for event in EventType:
        assert f"event.{event}" in TEXTS
    for outcome in LetterOutcome:
        assert f"outcome.{outcome}" in TEXTS
    for kind in ReceiptKind:
        assert f"kind.{kind}" in TEXTS
    for status in RunStatus:
        assert f"run.status.{status}" in TEXTS
    for door in DoorName:
        assert f"door.{door}" in TEXTS
    for scope in Scope:
        assert f"scope.{scope}" in TEXTS
    for driver in KINDS:
        assert f"registers.kind.{driver}" in TEXTS
    for change in ChangeKind:
        assert f"run.change.{change}" in TEXTS
    for field in (*HISTORY_FIELDS, STATUS):
        assert f"product.field.{field}" in TEXTS
    for sort in Sort:
        assert f"catalogue.sort.{sort}" in TEXTS
    for what in AttemptKind:
        assert what is AttemptKind.SEND or f"questions.what.{what}" in TEXTS
