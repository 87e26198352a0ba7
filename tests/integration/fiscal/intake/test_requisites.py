"""Every requisite in every FFD version: API, virtual FN, operator's emulator; equal field by field."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.product import Product, product, virtual_registers
from tests.support.requisites import (
    BANK_AGENT,
    INDUSTRY,
    LINE_CASES,
    PHONE,
    RECEIPT_CASES,
    SUPPLIER,
    body,
    within,
)

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.emulators.ofd.control import kept_json
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.virtual import VirtualRegister
from kkt_adapter.settings import RegisterSettings, Transport

Json = dict[str, Any]
VERSIONS = ("1.05", "1.1", "1.2")
NEEDS_AN_AUTOMATIC_DEVICE = "device"  # 1001 of the registration


def a_register(version: str) -> RegisterSettings:
    (one,) = virtual_registers(version, ffd_version=version, marked_goods=version == "1.2")
    return one


async def kept(shop: Product, doc: Json) -> Json:
    async def arrived() -> Json | None:
        found = shop.ofd.book.document(doc["fn_number"], doc["fiscal_doc_number"])
        return None if found is None else kept_json(found)

    found = await shop.until(arrived)
    assert isinstance(found, dict)
    return found


async def test_what_the_till_says_is_what_the_operator_reads(tmp_path: Path) -> None:
    async with product(tmp_path, registers=[a_register(version) for version in VERSIONS]) as shop:
        sold: list[tuple[str, Json, Json, bool]] = []
        for version in VERSIONS:
            for name, fields, expected, new in (*LINE_CASES, *RECEIPT_CASES):
                in_line = any(name == one[0] and fields is one[1] for one in LINE_CASES)
                wanted = body(fields) if in_line else body(**fields)
                answer = await shop.post(wanted | {"pos_id": version})
                if name == NEEDS_AN_AUTOMATIC_DEVICE or (new and version != "1.2"):
                    assert answer.status_code == 422, (version, name, answer.text)
                    assert all(error["remedy"] for error in answer.json()["errors"])
                    continue
                assert answer.status_code == 200, (version, name, answer.text)
                sold.append((f"{version} {name}", answer.json()["fiscal_doc"], expected, in_line))
        for title, doc, expected, in_line in sold:
            (read,) = (await kept(shop, doc))["document"].values()
            shown = read["items"][0] if in_line else read
            assert within(shown, expected) == expected, title


async def test_what_is_read_back_is_described_to_the_last_requisite(tmp_path: Path) -> None:
    """The client of these tests compares every answer with /openapi.json and finds undescribed members."""
    buyer = {"name": "Иванов", "inn": "7707083893", "phone": PHONE, "email": "buyer@example.com"}
    reason = {"type": "self", "date": "2026-03-01", "operation": "sale"}
    whole = [body(one) for _, one, _, _ in LINE_CASES] + [body(**one) for _, one, _, _ in RECEIPT_CASES]
    whole += [body(customer=buyer), body(type="correction", correction=reason)]
    async with product(tmp_path, registers=[a_register("1.2")]) as shop:
        posted = [await shop.post(one | {"pos_id": "1.2"}) for one in whole]
        accepted = [answer.json()["receipt_id"] for answer in posted if answer.status_code == 200]
        assert len(accepted) >= len(whole) - 1, "all but what needs an automatic device"
        for receipt_id in accepted:
            answer = await shop.client.get(f"/v1/kkt/receipt/{receipt_id}")
            assert answer.status_code == 200


async def test_a_machine_names_itself_or_the_one_that_its_program_says(tmp_path: Path) -> None:
    """1036, in registers that were registered for automatic devices (1001)."""
    seams = Seams(driver=automatic)
    async with product(tmp_path, registers=[a_register(v) for v in VERSIONS], seams=seams) as shop:
        for version in VERSIONS:
            for said, number in ({"device_number": "A-17"}, "A-17"), ({}, "M-1"):
                answer = await shop.post(body() | said | {"pos_id": version})
                assert answer.status_code == 200, (version, answer.text)
                (read,) = (await kept(shop, answer.json()["fiscal_doc"]))["document"].values()
                assert read["machineNumber"] == number, version
                slip = await shop.client.get(f"/v1/kkt/receipt/{answer.json()['receipt_id']}/slip")
                assert number in slip.text


def automatic(driver: KktDriver) -> KktDriver:
    """Its FN begins its life in a vending machine."""
    assert isinstance(driver, VirtualRegister)
    fn = driver._fn
    fn._new_registration = replace(fn._new_registration, auto_mode=True, machine_number="M-1")
    return driver


async def test_the_http_profile_carries_the_whole_document(tmp_path: Path) -> None:
    settings: Any = {"ofd_transport": Transport.HTTP, "registers": [a_register("1.2")]}
    async with product(tmp_path, **settings) as shop:
        line = {"agent": BANK_AGENT, "supplier": SUPPLIER, "excise_tax": "1.50", "country": "643"}
        wanted = body(
            line | {"vat_rate": "22", "unit": "кг", "line_attribute": "a"},
            pos_id="1.2",
            customer={"email": "a@b.ru", "name": "ООО Ромашка", "inn": "7707083893"},
            industry=[INDUSTRY],
            cashless=[{"amount": 100, "method": 1, "id": "x"}],
            cashier={"name": "Кассир Иванова"},
            taxation="osn",
            timezone=2,
        )
        told = (await kept(shop, (await shop.post(wanted)).json()["fiscal_doc"]))["body"]
        (item,) = told["items"]
        assert told["profile"] == 2
        phones = {"phones": ["+74951234567", "+74957654321"], "transfer_phones": ["+78005553535"]}
        assert item["agent"] == BANK_AGENT | phones
        assert (item["supplier"], item["excise_tax"], item["country"]) == (SUPPLIER, Decimal("1.50"), "643")
        assert (item["measure"], item["method"], item["vat"]) == (11, 4, Decimal("18.03"))
        assert told["industry"] == [INDUSTRY]
        assert told["cashless"] == [{"amount": Decimal("100.00"), "method": 1, "id": "x"}]
        assert (told["taxation"], told["cashier"], told["timezone"]) == ("osn", {"name": "Кассир Иванова"}, 2)
        assert told["customer"] == wanted["customer"]
        detail = (await shop.get("/v1/kkt/receipts"))["items"][0]["id"]
        shown = await shop.receipt(detail)
        assert shown["items"][0]["agent"] == item["agent"]
        assert (shown["industry"], shown["timezone"]) == ([INDUSTRY], 2)


async def test_a_correction_by_sums_reaches_both_kinds_of_operators(tmp_path: Path) -> None:
    sums = [{"vat_rate": "20", "amount": 120}, {"vat_rate": "none", "amount": 2}]
    wanted = {
        "pos_id": "1.05",
        "type": "correction",
        "correction": {"type": "self", "date": "2025-12-01", "number": "1", "sums": sums},
        "payments": [{"type": "cash", "amount": 122}],
    }
    for transport in (Transport.RELAY, Transport.HTTP):
        settings: Any = {"ofd_transport": transport, "registers": [a_register("1.05")]}
        async with product(tmp_path / transport, **settings) as shop:
            answer = (await shop.post(wanted)).json()
            await shop.delivered()
            found = await kept(shop, answer["fiscal_doc"])
            if transport is Transport.RELAY:
                (read,) = found["document"].values()
                assert within(read, {"nds18": 0, "ndsNo": 0}) == {"nds18": 2000, "ndsNo": 200}
            else:
                assert found["body"]["items"] == []
                assert found["body"]["correction"]["sums"][0] == {
                    "vat_rate": "20",
                    "amount": Decimal("120.00"),
                    "vat": Decimal("20.00"),
                }
            slip = await shop.client.get(f"/v1/kkt/receipt/{answer['receipt_id']}/slip")
            assert "СУММА НДС 20%" in slip.text
