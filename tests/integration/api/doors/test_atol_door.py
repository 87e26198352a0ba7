"""The ATOL Online door of the running product: sign in, register, report, repeat, refuse."""

import asyncio
import base64
from pathlib import Path

import pytest
from tests.support.doors.shops import SECRET, STAMP, client_of, item, item_v4, receipt, shop_settings
from tests.support.product import product, virtual_registers


async def test_a_sale_is_registered_printed_and_told_once(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop_settings(),)) as running:
        shop = await client_of(running)
        answer = await shop.sell("1001")
        assert answer.status_code == 200
        registered = answer.json()
        assert set(registered) == {"uuid", "timestamp", "status", "error"}
        assert (registered["status"], registered["error"], len(registered["uuid"])) == ("wait", None, 36)
        told = await shop.done(registered["uuid"])
        assert (told["status"], told["error"], told["external_id"]) == ("done", None, "1001")
        payload = told["payload"]
        assert payload["total"] == 100
        assert payload["fiscal_document_number"] > 0
        assert isinstance(payload["fn_number"], str)
        assert isinstance(told["daemon_code"], str)
        assert told["device_code"] == "POS-001"

        again = await shop.sell("1001")
        assert again.status_code == 400
        assert again.json()["uuid"] == registered["uuid"]
        assert (again.json()["error"]["code"], again.json()["status"]) == (33, "wait")
        twins = await asyncio.gather(*(shop.sell("1002") for _ in range(10)))
        assert len({one.json()["uuid"] for one in twins}) == 1
        await running.delivered()
        rows = await running.get("/v1/kkt/receipts")
        assert len(rows["items"]) == 2
        first = rows["items"][-1]
        assert (first["door"], first["account"], first["group"], first["client_key"]) == (
            "atol-online",
            "web",
            "POS-001",
            "1001",
        )


async def test_every_refusal_has_the_protocols_form(tmp_path: Path) -> None:
    shops = (shop_settings(), shop_settings("b", groups=["other"]), shop_settings("k", doors=["kkmserver"]))
    async with product(tmp_path, shop=shops) as running:
        shop = await client_of(running)
        refused = await shop.sell("1", items=[item(name="x" * 129, vat={"type": "vat18"})])
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, 32)
        text = refused.json()["error"]["text"]
        assert "receipt.items[0].name: символов 129" in text
        assert "receipt.items[0].vat.type: ставка vat18" in text
        differs = await shop.sell("1", total=150)
        text = differs.json()["error"]["text"]
        assert ("receipt.total" in text, "исправьте итог" in text) == (True, True), "total cannot be left out"
        alone = {"external_id": "1", "timestamp": "today", "receipt": receipt(await shop.inn())}
        undated = await shop.post(alone)
        assert (undated.status_code, undated.json()["error"]["code"]) == (400, 32)
        assert "timestamp" in undated.json()["error"]["text"]

        http = running.client
        path = "/v5/POS-001/sell"
        missing = await http.post(path, json={})
        assert (missing.status_code, missing.json()["error"]["code"]) == (401, 10)
        wrong = await http.post(path, json={}, headers={"Token": "kktd_x.y"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 11)
        token = {"Token": shop.token}
        unknown = await http.post("/v5/POS-001/sold", json={}, headers=token)
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, 31)
        old = await http.get("/possystem/v3/getToken")
        assert old.json()["error"]["code"] == 10
        foreign = await (await client_of(running, "b")).post({}, group="POS-001")
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (401, 20)
        schema = await http.get("/possystem/v4/schema/sell")  # to anybody
        assert (schema.status_code, "receipt" in schema.json()["properties"]) == (200, True)
        assert (await http.get("/possystem/v4/schema/sold")).json()["error"]["code"] == 10
        assert (await http.post("/possystem/v4/schema/sell", json={})).json()["error"]["code"] == 10
        long = await shop.sell("x" * 129)
        assert (long.status_code, long.json()["error"]["code"]) == (400, 32)
        assert "external_id" in long.json()["error"]["text"]
        media = await http.post(path, content=b"{}", headers=token | {"Content-Type": "text/plain"})
        assert (media.status_code, media.json()["error"]["code"]) == (415, 41)
        cyrillic = '{"external_id": "я"}'.encode("cp1251")
        unread = await http.post(path, content=cyrillic, headers=token | {"Content-Type": "application/json"})
        assert (unread.status_code, unread.json()["error"]["code"]) == (400, 40)
        marked = b"\xef\xbb\xbf{}"  # a BOM, and no charset
        read = await http.post(path, content=marked, headers=token | {"Content-Type": "application/json"})
        assert (read.status_code, read.json()["error"]["code"]) == (400, 32)
        large = await http.post(
            path, content=b" " * (1024 * 1024 + 1), headers=token | {"Content-Type": "application/json"}
        )
        assert (large.status_code, large.json()["error"]["code"]) == (400, 40)
        page = await http.post(path, json={}, headers=token | {"Origin": "https://evil.example"})
        assert (page.status_code, page.json()["error"]["code"]) == (403, 14)
        nothing = await http.get("/v5/POS-001/report/nowhere", headers=token)
        assert (nothing.status_code, nothing.json()["error"]["code"]) == (400, 30)
        assert nothing.json()["status"] == "fail"
        unsure = await http.get("/v5/POS-001/report/nowhere", headers={"Token": "kktd_x.y"})
        assert (unsure.json()["error"]["code"], unsure.json()["status"]) == (11, "wait")

        login = await http.post("/v5/getToken", json={"login": "web-login", "pass": "wrong"})
        assert login.content.isascii(), "atol-rb reads no other letters here"
        assert (login.status_code, login.json()["error"]["code"]) == (401, 12)
        assert set(login.json()) == {"error", "timestamp", "status"}, "clients of v5 raise over other members"
        form = await http.get("/v5/getToken", params={"login": "web-login"})
        assert (form.status_code, form.json()["error"]["code"]) == (400, 13)
        door = await http.post("/v5/getToken", json={"login": "k-login", "pass": SECRET})
        assert (door.status_code, door.json()["error"]["code"]) == (403, 14)
        assert (await running.get("/v1/kkt/receipts"))["items"] == []


async def test_tokens_come_by_get_and_post_and_stay_valid(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with product(tmp_path, shop=(shop_settings(duplicate_http=200, convert=True),)) as running:
        http = running.client
        query = {"login": "web-login", "pass": SECRET}
        first = (await http.get("/possystem/v4/getToken/", params=query)).json()
        assert first["error"] is None
        second = (await http.post("/v4/getToken", json=query, headers={"Token": ""})).json()
        hashed = running.services.auth.shops.hashed
        inn = (await running.unit().profile()).registration.user_inn.strip()
        body = {
            "external_id": "7",
            "timestamp": STAMP,
            "receipt": receipt(inn, items=[item_v4(price="39.99999999", sum="40.00")], total="40"),
        }
        answers = [
            await http.post("/v4/POS-001/sell", json=body, params={name: one["token"]})
            for name, one in (("token", first), ("tokenid", second))  # ssitdikov/ATOL's name for it
        ]
        assert [one.status_code for one in answers] == [200, 200]
        assert answers[0].json()["uuid"] == answers[1].json()["uuid"]
        assert answers[1].json()["error"] is None
        assert running.services.auth.shops.hashed == hashed, "a token is checked without the secret"
        person = await http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {first['token']}"})
        assert person.status_code == 401, "a door's token is nobody's access token"
        report = f"/v4/POS-001/report/{answers[0].json()['uuid']}"
        held = {"Token": first["token"]}
        await running.restart()
        assert (await running.client.get(report, headers=held)).status_code == 200
        await running.restart(shop=(shop_settings("other", login="web-login"),))
        gone = await running.client.get(report, headers=held)
        assert (gone.status_code, gone.json()["error"]["code"]) == (401, 11), "it ends with its account"
    said = "".join(capfd.readouterr())
    assert "receipt_accepted" in said
    assert SECRET not in said
    assert first["token"] not in said


async def test_a_report_says_what_the_checks_of_marking_codes_gave(tmp_path: Path) -> None:
    code = base64.b64encode(b"0104607008138559215Qwerty;Asdfg\x1d93dGVz").decode()
    registers = virtual_registers("POS-001", marked_goods=True)
    async with product(tmp_path, registers=registers, shop=(shop_settings(),)) as running:
        shop = await client_of(running)
        marked = item(name="Туфли", price=60, payment_object=33, mark_code={"gs1m": code})
        sold = await shop.sell("1", items=[item(price=40), marked])
        assert sold.status_code == 200, sold.text
        payload = (await shop.done(sold.json()["uuid"]))["payload"]
        assert payload["marks_result"] == [{"position": 1, "mark_code": code, "result": 0}]
        plain = await shop.done((await shop.sell("2")).json()["uuid"])
        assert "marks_result" not in plain["payload"]


@pytest.mark.parametrize("convert", [False, True])
async def test_v4_on_a_register_of_ffd_1_2_converts_only_when_it_may(tmp_path: Path, convert: bool) -> None:
    async with product(tmp_path, shop=(shop_settings(convert=convert),)) as running:
        shop = await client_of(running, version="v4")
        answer = await shop.sell("1", items=[item_v4()])
        if convert:
            assert (await shop.done(answer.json()["uuid"]))["status"] == "done"
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, 21)
