"""``/Execute`` over the running product: what its clients get, and what is in the FN afterwards."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.api import Json
from tests.support.doors import kkm
from tests.support.doors.kkm import basic, execute, post, receipts_in, result, sale, shop
from tests.support.product import Product, ShiftedClock, product, virtual_registers

from kkt_adapter.fiscal.kkt.virtual import FaultPlan

TWO = virtual_registers("K1", "K2")


async def sold_out(running: Product, *registers: str) -> None:
    """A first receipt on each, so that its shift is open and its lane is at rest."""
    for number, name in enumerate(registers or ("K1", "K2"), start=1):
        first = sale(f"open {name}", NumDevice=number, Cash=1, CheckStrings=CHEAP)

        async def printed(first: Json = first) -> bool:  # asked again where the hold was short
            return bool((await execute(running.client, first))["Status"] == 0)

        await running.until(printed)


CHEAP: list[Any] = [{"Register": {"Name": "Пакет", "Quantity": 1, "Price": 1, "Amount": 1}}]


async def test_a_day_at_one_till(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        client = running.client
        listed = await execute(client, {"Command": "List"})
        assert [unit["NumDevice"] for unit in listed["ListUnit"]] == [1]
        assert listed["ListUnit"][0]["TypeDevice"] == "Фискальный регистратор"
        opened = await execute(client, {"Command": "OpenShift", "IdCommand": "open"})
        assert (opened["Status"], opened["CheckNumber"]) == (0, 2), opened
        sold = await execute(client, sale("first"))
        assert sold["Status"] == 0, sold
        assert (sold["CheckNumber"], sold["SessionNumber"], sold["SessionCheckNumber"]) == (3, 1, 1)
        assert "i=3" in sold["QRCode"]
        assert (sold["NumDevice"], sold["IdCommand"], sold["Cash"]) == (1, "first", 100.0)
        again = await execute(client, sale("first"))
        assert (again["Status"], again["CheckNumber"]) == (0, 3)
        assert again["Warning"]
        found = await result(client, "first")
        assert found["CheckNumber"] == found["Rezult"]["CheckNumber"] == 3
        other = await execute(client, sale("first", Cash=0, ElectronicPayment=100))
        assert (other["Status"], "first" in other["Error"]) == (2, True)
        put_in = await execute(client, {"Command": "DepositingCash", "Amount": "50.00", "IdCommand": "in"})
        assert put_in["Status"] == 0, put_in
        same = await execute(client, {"Command": "DepositingCash", "Amount": "50.00", "IdCommand": "in"})
        assert (same["Status"], bool(same["Warning"])) == (0, True)
        session = await running.get("/v1/pos/session/POS-001")
        assert session["cash_in"] == 50
        shown = await execute(client, {"Command": "XReport"})
        assert shown["Status"] == 0
        data = await execute(client, {"Command": "GetDataKKT"})
        assert (data["Info"]["SessionState"], data["LineLength"]) == (2, 42)
        check = await execute(client, {"Command": "GetDataCheck", "FiscalNumber": 3})
        assert "\r\n" in check["Slip"]
        assert check["RegisterCheck"]["AllSumm"] == 100
        missing = await execute(client, {"Command": "GetDataCheck", "FiscalNumber": 99})
        assert missing["Status"] == 2
        closed = await execute(client, {"Command": "CloseShift", "IdCommand": "z"})
        assert (closed["Status"], closed["CheckNumber"]) == (0, 4), closed
        repeated = await execute(client, {"Command": "ZReport", "IdCommand": "z"})
        assert (repeated["Status"], repeated["CheckNumber"]) == (0, 4)
        assert receipts_in(running) == 1
        await running.check_books()


async def test_twenty_at_once_under_one_id_are_one_receipt(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        found = await asyncio.gather(*(execute(running.client, sale("same")) for _ in range(20)))
        assert {one["Status"] for one in found} == {0}
        assert len({one["CheckNumber"] for one in found}) == 1
        assert receipts_in(running) == 1


async def test_two_equal_coffees_sold_at_once_are_two(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        found = await asyncio.gather(*(execute(running.client, sale(f"c{n}")) for n in range(8)))
        assert {one["Status"] for one in found} == {0}, found
        assert receipts_in(running) == 8
        assert (await execute(running.client, sale()))["Status"] == 0  # and one after the other
        assert receipts_in(running) == 9
        await running.check_books()


async def test_a_press_after_a_hold_that_ended_is_asked_about(tmp_path: Path) -> None:
    async with product(tmp_path, registers=TWO, shop=(shop(),)) as running:
        await sold_out(running)
        for name in ("K1", "K2"):
            running.faults(name).set(FaultPlan(paper_out=True))
        first = await execute(running.client, sale("first", NumDevice=1), path="/Execute/async")
        assert first["Status"] == 1
        polled = await execute(running.client, {"Command": "GetRezult", "IdCommand": "first", "Timeout": 1})
        assert (polled["Status"], polled["Rezult"]["Status"], polled["IdCommand"]) == (1, 1, "first")
        for name in ("K1", "K2"):
            running.faults(name).clear()
        pressed = await execute(running.client, sale("second", NumDevice=2))
        assert pressed["Status"] == 2, pressed
        assert "№" in pressed["Error"]
        assert receipts_in(running, "K1") + receipts_in(running, "K2") == 1 + 2
        third = await execute(running.client, sale("third", NumDevice=2))
        assert third["Status"] == 0  # a second one is meant
        await running.check_books()


async def test_an_outcome_that_was_polled_ends_the_guard(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        await execute(running.client, sale("first", Timeout=1))
        assert (await result(running.client, "first"))["Status"] == 0
        assert (await execute(running.client, sale("second")))["Status"] == 0
        assert receipts_in(running) == 2


async def test_an_unreachable_register_is_neither_done_nor_started(tmp_path: Path) -> None:
    """Some clients take Status 0 for printed, some take 4 for printed: an outage is 1 with a text, then 0."""
    async with product(tmp_path, shop=(shop(hold_max_s=1),)) as running:
        await sold_out(running, "POS-001")
        running.break_register(unreachable=True)
        answer = await execute(running.client, sale("first"))
        assert (answer["Status"], bool(answer["Error"])) == (1, True), answer
        polled = await execute(running.client, {"Command": "GetRezult", "IdCommand": "first", "Timeout": 1})
        assert (polled["Status"], polled["Rezult"]["Status"]) == (1, 1), polled
        running.faults().clear()

        async def printed() -> bool:
            running.wake()
            return bool((await execute(running.client, sale("first")))["Status"] == 0)

        await running.until(printed)
        assert receipts_in(running) == 2


async def test_the_guard_outlives_a_restart(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        await sold_out(running, "POS-001")
        running.break_register(paper_out=True)
        first = await execute(running.client, sale("first"), path="/Execute/async")
        assert first["Status"] == 1
        await running.restart()
        pressed = await execute(running.client, sale("second"))
        assert (pressed["Status"], "№" in pressed["Error"]) == (2, True), pressed
        assert receipts_in(running) == 2
        assert (await execute(running.client, sale("first")))["Status"] == 0


async def test_a_refused_receipt_is_printed_under_its_old_id(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, shop=(shop(),), clock=clock) as running:
        await sold_out(running, "POS-001")
        running.break_register(refuse=50)
        asked = asyncio.create_task(execute(running.client, sale("token")))
        while not asked.done():  # its automatic tries
            clock.ahead += timedelta(seconds=1)
            running.wake()
            await asyncio.sleep(0.02)
        refused = await asked
        assert (refused["Status"], "[register_refused]" in refused["Error"]) == (2, True), refused
        running.faults().clear()
        again = await execute(running.client, sale("token"))
        assert again["Status"] == 0, again
        assert receipts_in(running) == 2


async def test_paths_of_real_clients(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        await sold_out(running, "POS-001")
        for path in ("/Execute/sync/", "//Execute", "/execute", "/EXECUTE/SYNC", "//Execute//sync//"):
            found = await execute(running.client, sale(path), path=f"http://localhost:8000{path}")
            assert found["Status"] == 0, (path, found)
        running.break_register(paper_out=True)
        found = await execute(running.client, sale("later"), path="/Execute/Async/")
        assert found["Status"] == 1, found


async def test_who_may_call(tmp_path: Path) -> None:
    page = "https://till.example"
    accounts = (shop(origins=(page,)), shop("other"), shop("web", doors=("atol-online",)))
    pages = ("https://office.example",)  # of the native interface: they open no door
    async with product(tmp_path, shop=accounts, allowed_origins=pages) as running:
        client = running.client
        nobody = await post(client, sale(), authorization=None)
        assert (nobody.status_code, nobody.json()["Status"]) == (401, 2)
        assert nobody.headers["www-authenticate"].startswith("Basic realm=")
        for sender, allowed in ((page, page), ("https://evil.example", None)):
            wrong = await post(client, sale(), authorization=basic("till", "wrong"), Origin=sender)
            assert wrong.status_code == 401
            assert wrong.headers.get("access-control-allow-origin") == allowed, "a page can show why"
        assert (await post(client, sale(), authorization="Bearer x")).status_code == 401
        other_door = await execute(client, sale(), authorization=basic("web"))
        assert (other_door["Status"], "[forbidden]" in other_door["Error"]) == (2, True), other_door
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "https://evil.example", "Content_Type": "text/plain"},
            {"Origin": "null"},
            {"Origin": pages[0]},
            {"Sec_Fetch_Site": "cross-site"},
        ):
            foreign = await post(client, sale(), **headers)
            assert (foreign.status_code, foreign.json()["Status"]) == (403, 2), headers
        assert (await post(client, sale(), authorization=basic("other"), Origin=page)).status_code == 403
        assert receipts_in(running) == 0
        listed = await post(client, sale(), Origin=page, Content_Type="text/plain")
        assert (listed.status_code, listed.json()["Status"]) == (200, 0), listed.text
        assert listed.headers["access-control-allow-origin"] == page
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
        preflight = await client.options("/Execute", headers={"Origin": page, **asked})
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
        assert preflight.headers["access-control-allow-private-network"] == "true"
        refused = await client.options("/Execute", headers={"Origin": "https://evil.example", **asked})
        assert (refused.status_code, refused.json()["Status"]) == (403, 2)
        assert receipts_in(running) == 1


async def test_an_account_for_clients_without_credentials(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(anonymous=True),)) as running:
        assert (await execute(running.client, sale(), authorization=None))["Status"] == 0
        for none in ("Basic Og==", basic("User", "")):  # ":" and "User:", as the sources of clients have it
            assert (await execute(running.client, sale(), authorization=none))["Status"] == 0
        wrong = await post(running.client, sale(), authorization=basic("User", "x"))
        assert wrong.status_code == 401
        proxied = await post(running.client, sale(), authorization=None, X_Forwarded_For="10.0.0.1")
        assert proxied.status_code == 401


async def test_an_account_reads_its_own_only(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(), shop("other"))) as running:
        await execute(running.client, sale("mine"))
        ask = {"Command": "GetRezult", "IdCommand": "mine"}
        foreign = await execute(running.client, ask, authorization=basic("other"))
        assert (foreign["Status"], foreign["Rezult"]["Status"]) == (3, 3)
        data = {"Command": "GetDataCheck", "FiscalNumber": 0}
        assert (await execute(running.client, data, authorization=basic("other")))["Status"] == 2
        same = await execute(running.client, sale("mine"), authorization=basic("other"))
        assert (same["Status"], same["Warning"]) == (0, "")  # the same text of another account is another key
        assert receipts_in(running) == 2


REST: list[tuple[Any, int, str | None]] = [
    ({"Command": "KkmRegOfd"}, 2, "not_supported"),
    ({"Command": "PayByPaymentCard", "Amount": 10}, 2, "not_supported"),
    ({"Command": "GetWeight"}, 2, "not_supported"),
    ({"Command": "MakeCoffee"}, 3, "unknown_command"),
    ({"Command": "GetGoodCodeData", "BarCode": "4607008138555"}, 0, None),
    ({"Command": "GetGoodCodeData"}, 2, "no_code"),
    ({"Command": "PrintDocument", "CheckStrings": [{"PrintText": {"Text": "x"}}]}, 0, None),
    (sale(IsFiscalCheck=False, CheckStrings=[{"PrintText": {"Text": "x"}}]), 0, None),
    (sale(NumDevice=7), 3, "no_device"),
    (sale(Cash=99), 2, "sums_differ"),
    (sale(PayByProcessing=True), 2, "card_terminal"),
    (sale(TypeCheck=1, TaxVariant=5), 3, "no_device"),
    ({"Command": "GetRezult", "IdCommand": "nobody"}, 3, "unknown_id"),
    ({"Command": "GetRezult"}, 2, "no_id"),
    (b"[]", 2, "wrong_type"),
    (b"{", 2, "malformed_json"),
]


async def test_what_is_answered_to_the_rest(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        for command, status, code in REST:
            found = await execute(running.client, command)
            assert found["Status"] == status, found
            assert code is None or found["Error"].endswith(f"[{code}]"), found
            for run in ("смена", "лиценз"):
                assert run not in found["Error"].lower()
        assert receipts_in(running) == 0
        scraped = (await running.call("GET", "/metrics")).text
        assert 'kkt_kkmserver_commands_total{command="GetWeight",status="2"} 1' in scraped
        assert "kkt_kkmserver_held 0" in scraped


async def test_a_body_with_pictures(tmp_path: Path) -> None:
    logo = {"PrintImage": {"Image": "Qk0" + "A" * 3_000_000}}
    async with product(tmp_path, shop=(shop(),)) as running:
        found = await execute(running.client, sale("p", CheckStrings=[logo, *kkm.GOODS, logo]))
        assert found["Status"] == 0, found
        long = sale("q", CheckStrings=[{"PrintText": {"Text": "x" * 1_100_000}}, *kkm.GOODS])
        assert (await execute(running.client, long))["Status"] == 2
        assert receipts_in(running) == 1


async def test_a_cash_press_whose_client_left_is_asked_about(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        callers = running.services.press.callers
        command = {"Command": "DepositingCash", "Amount": 10}
        first = await execute(running.client, command | {"IdCommand": "a"})
        assert first["Status"] == 0, first
        assert (await execute(running.client, command | {"IdCommand": "b"}))["Status"] == 0  # two are two
        callers.take_told()
        callers.forgotten(callers.take_told())  # as if nobody had got the answer
        third = await execute(running.client, command | {"IdCommand": "c"})
        assert (third["Status"], "[just_done]" in third["Error"]) == (2, True), third
