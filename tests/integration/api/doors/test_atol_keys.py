"""Keys of the ATOL Online door: what they count in, how long they live, and what they never double."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.integration.fiscal.housekeeping.test_retention import forget, rows
from tests.support.doors import kkm
from tests.support.doors.shops import SECRET, STAMP, client_of, item_v4, receipt, shop_settings
from tests.support.product import Product, ShiftedClock, product, sale, virtual_registers

from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.fiscal.store.tables import buffer_events, receipts, report_keys
from kkt_adapter.settings import GroupSettings

KEY = "1001"  # what shops use


async def test_the_same_text_through_every_door_is_a_receipt_of_its_own_though_answers_are_lost(
    tmp_path: Path,
) -> None:
    shops = (shop_settings(), kkm.shop())
    async with product(tmp_path, shop=shops) as running:
        web = await client_of(running)
        await running.sell()  # the shift is open, the FN has a document
        lost = FaultPlan(timeout_after=1)
        running.faults().set(lost)
        native = await running.post(sale(), key=KEY)
        assert native.status_code == 200
        await running.state_of(native.json()["receipt_id"], print_state="printed")
        running.faults().set(lost)
        uuid = (await web.sell(KEY)).json()["uuid"]
        assert (await web.done(uuid))["status"] == "done"
        running.faults().set(lost)
        await kkm.execute(running.client, kkm.sale(KEY))
        assert (await kkm.result(running.client, KEY))["Status"] == 0

        repeated = [
            (await running.post(sale(), key=KEY)).json()["receipt_id"] == native.json()["receipt_id"],
            (await web.sell(KEY)).json()["uuid"] == uuid,
            (await kkm.execute(running.client, kkm.sale(KEY)))["Status"] == 0,
        ]
        assert repeated == [True, True, True]
        kept = (await running.get("/v1/kkt/receipts"))["items"]
        assert [row["door"] for row in kept] == ["kkmserver", "atol-online", None, None]
        keys = await running.read(lambda c: c.execute(receipts.select()).all())
        assert len({row.receipt_key for row in keys}) == len({row.fiscal_doc_number for row in keys}) == 4
        assert kkm.receipts_in(running) == 4


async def test_a_key_counts_in_its_group_for_all_accounts_and_versions(tmp_path: Path) -> None:
    both = ["POS-001", "POS-002"]
    shops = (
        shop_settings(groups=both, convert=True),
        shop_settings("b", groups=both, convert=True, duplicate_http=200),
    )
    registers = virtual_registers("POS-001", "POS-002")
    async with product(tmp_path, registers=registers, shop=shops) as running:
        one, other = await client_of(running), await client_of(running, "b")
        old = await client_of(running, version="v4", prefix="")
        answers = await asyncio.gather(*(one.sell(KEY) for _ in range(20)))
        uuids = {answer.json()["uuid"] for answer in answers}
        assert len(uuids) == 1
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
        (uuid,) = uuids
        assert (await old.sell(KEY, items=[item_v4()])).json()["uuid"] == uuid
        same = await other.sell(KEY)
        assert (same.status_code, same.json()["uuid"], same.json()["error"]) == (200, uuid, None)
        refund = await one.sell(KEY, operation="sell_refund")
        assert (refund.json()["uuid"], refund.json()["error"]["code"]) == (uuid, 33)
        assert "external_id" in refund.json()["warnings"]

        inn = (await running.unit("POS-002").profile()).registration.user_inn.strip()
        body = {"external_id": KEY, "timestamp": STAMP, "receipt": receipt(inn)}
        elsewhere = await one.post(body, group="POS-002")
        assert elsewhere.status_code == 200
        assert elsewhere.json()["uuid"] != uuid

        assert (await other.report(uuid))["error"]["code"] == 30, "an account reads its own documents only"
        assert (await one.done(uuid))["status"] == "done"
        events = [e["metadata"].get("warning") for e in (await running.receipt(uuid))["events"]]
        assert "KEY_REPEATED_WITH_OTHER_CONTENT" in events

        await running.restart()
        after = await client_of(running)
        assert (await after.sell(KEY)).json()["uuid"] == uuid
        assert await rows(running, receipts) == 2


async def test_a_group_that_is_gone_is_told_at_the_start_and_was_carries_its_keys(tmp_path: Path) -> None:
    async def gone(running: Product) -> list[str]:
        found = await running.read(lambda c: c.execute(buffer_events.select()).all())
        return [row.metadata for row in found if row.event_type == "group_gone"]

    def named(group: str, *was: str) -> dict[str, Any]:
        made = GroupSettings(id=group, registers=("K1",), was=was)
        return {"group": (made,), "shop": (shop_settings(groups=[group]),)}

    registers = virtual_registers("K1")
    async with product(tmp_path, registers=registers, **named("old")) as running:
        inn = (await running.unit("K1").profile()).registration.user_inn.strip()
        body = {"external_id": KEY, "timestamp": STAMP, "receipt": receipt(inn)}
        old = await client_of(running, group="old")
        uuid = (await old.post(body)).json()["uuid"]
        assert (await old.done(uuid))["status"] == "done"

        await running.restart(**named("new", "old"))
        assert await gone(running) == []
        new = await client_of(running, group="new")
        again = await new.post(body)
        assert (again.json()["uuid"], again.json()["error"]["code"]) == (uuid, 33)
        assert (await new.report(uuid))["status"] == "done"
        assert (await new.post(body, group="old")).json()["error"]["code"] == 20
        assert kkm.receipts_in(running, "K1") == 1

        await running.restart(**named("third"))
        (told,) = await gone(running)
        assert '"old"' in told


async def test_a_shops_receipt_is_told_for_32_days_whatever_is_forgotten(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, shop=(shop_settings(), kkm.shop())) as running:
        web = await client_of(running)
        await running.sell()
        uuid = (await web.sell(KEY)).json()["uuid"]
        await web.done(uuid)
        cash = {"Command": "DepositingCash", "Amount": 50, "IdCommand": KEY}
        assert (await kkm.execute(running.client, cash))["Status"] == 0
        await running.sell()
        await running.delivered()
        clock.ahead = timedelta(days=31)
        await forget(running, receipts_live=timedelta(days=7))
        assert await rows(running, receipts) == 1
        web = await client_of(running)
        assert (await web.report(uuid))["status"] == "done"
        assert (await web.sell(KEY)).json()["uuid"] == uuid
        assert (await kkm.execute(running.client, cash))["Warning"], "it was carried out before"
        clock.ahead = timedelta(days=33)
        await forget(running, receipts_live=timedelta(days=7))
        assert await rows(running, receipts) == await rows(running, report_keys) == 0


async def test_a_repetition_after_a_failure_is_still_the_first_document(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, shop=(shop_settings(),)) as running:
        web = await client_of(running)
        await running.sell()
        running.faults().set(FaultPlan(refuse=100))
        uuid = (await web.sell(KEY)).json()["uuid"]

        async def failed() -> bool:
            clock.leap(8)
            return bool((await web.report(uuid))["status"] == "fail")

        await running.until(failed)
        running.faults().clear()
        again = await web.sell(KEY)
        assert (again.json()["uuid"], again.json()["error"]["code"]) == (uuid, 33)
        assert (await web.report(uuid))["status"] == "fail"
        assert kkm.receipts_in(running) == 1


async def test_bitrix_as_its_handler_does_it(tmp_path: Path) -> None:
    """cashboxatolfarmv5.php: token in the query, only HTTP 200 with a uuid counts, 401 renews once."""
    async with product(tmp_path, shop=(shop_settings(duplicate_http=200),)) as running:
        http, inn = running.client, (await running.unit().profile()).registration.user_inn.strip()
        base = "/possystem/v5"

        async def token() -> str:
            credentials = {"login": "web-login", "pass": SECRET}
            answer = await http.post(f"{base}/getToken", json=credentials)
            return str(answer.json()["token"])

        async def print_check(held: str) -> str:
            buyer = {"email": "b@example.com", "phone": "+79161234567"}
            document = receipt(inn, client=buyer)
            body = {"external_id": "check|1", "timestamp": STAMP, "receipt": document}
            answer = await http.post(f"{base}/POS-001/sell", params={"token": held}, json=body)
            if answer.status_code == 401:
                answer = await http.post(f"{base}/POS-001/sell", params={"token": await token()}, json=body)
            assert answer.status_code == 200
            return str(answer.json()["uuid"])

        uuid = await print_check("kktd_expired.x")
        assert await print_check(await token()) == uuid
        held = await token()

        async def checked() -> bool:
            answer = await http.get(f"{base}/POS-001/report/{uuid}", params={"token": held})
            assert answer.status_code == 200
            return bool(answer.json()["status"] == "done")

        await running.until(checked)
        assert await rows(running, receipts) == 1
