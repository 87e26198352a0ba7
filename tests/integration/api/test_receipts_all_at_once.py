"""A refusal names everything at once, by the client's own names; a key goes before rules that are younger."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.api.schemas.receipt import read_receipt
from kkt_adapter.kernel.ids import random_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

GS = "\x1d"
CODE = f"010469025752852321G+mgsHwDiLNxx{GS}91EE05{GS}92" + "a" * 44
ITEM = {"name": "Test", "price": "100.00", "qty": 1}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    registers = virtual_registers("POS-001", marked_goods=True)
    async with product(tmp_path_factory.mktemp("product"), registers=registers) as one:
        yield one


async def faults(running: Product, body: dict[str, Any]) -> dict[str, str]:
    answer = await running.post(body)
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


async def test_form_and_fiscal_rules_are_told_together(running: Product) -> None:
    body = sale(
        items=[
            ITEM | {"price": "much"},
            ITEM | {"payment_object": 99, "mark_code": CODE.replace(GS, "")},
            {"name": "Test", "price": 1, "qty": None, "tax": "20%%"},
        ],
        payments=[{"method": "shells", "sum": "1.00"}],
        customer={"email": "nobody", "inn": "123"},
        cashier={"name": 7},
    )
    assert await faults(running, body) == {
        "items.0.price": "not_a_number",
        "items.1.payment_object": "unknown_value",
        "items.1.mark_code": "mark_code_separator",
        "items.2.qty": "null_quantity",
        "items.2.tax": "unknown_value",
        "payments.0.method": "unknown_value",
        "customer.email": "contact_email",
        "customer.inn": "buyer_inn",
        "cashier.name": "wrong_type",
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            sale(items=[ITEM | {"price": "x", "total": "5.00"}]),
            {"items.0.price"},
        ),  # and no total
        (sale(items=[]), {"items"}),
        (sale(payments=[], customer={"phone": "1"}), {"payments", "customer.phone"}),
        (sale(type="gift", correction={"type": "self", "date": "2100-01-01"}), {"type"}),
        (sale(type="correction", correction={"date": "x"}), {"correction.type", "correction.date"}),
        (sale(total="x", taxation=2), {"total", "taxation"}),
        (sale(pos_id="", taxation=77), {"pos_id", "taxation"}),  # of which till? form only
        (sale(till="NOWHERE", taxation=77), {"pos_id", "taxation"}),
    ],
)
async def test_a_placeholder_is_never_complained_about(running: Product, body: Any, told: set[str]) -> None:
    assert set(await faults(running, body)) == told


async def test_a_fiscal_finding_and_a_warning_have_the_clients_names(running: Product) -> None:
    assert set(await faults(running, sale(items=[ITEM | {"sum": "90.00"}]))) == {"items.0.sum"}
    answer = await running.post(sale(items=[ITEM | {"measure": "коробка"}]))
    assert [w["field"] for w in answer.json()["warnings"]] == ["items.0.measure"]


async def test_a_broken_form_under_a_known_key_is_still_refused(running: Product) -> None:
    key = random_id()
    assert (await running.post(sale(), key=key)).status_code == 200
    assert (await running.post(sale(items=[ITEM | {"qty": "x"}]), key=key)).status_code == 422


@pytest.mark.parametrize("item", [{"qty": None}, {"vat_rate": "20%%"}])
async def test_what_an_earlier_version_took_replays_and_is_refused_under_a_new_key(
    running: Product, item: dict[str, Any]
) -> None:
    body = sale(items=[{"name": "Test", "price": "100.00"} | item])
    assert (await running.post(body)).status_code == 422
    key = random_id()
    earlier = read_receipt(json.dumps(body).encode()).request
    first = await running.services.intake.accept(earlier, key=key)  # as the version before read it
    again = await running.post(body, key=key)
    assert again.status_code == 200
    assert again.content == first.body


async def test_harmless_spellings_sell(running: Product) -> None:
    gift = {"name": "Подарок", "price": 0, "qty": 1, "vat_rate": 10, "unit": ""}
    noisy = {
        "name": "Test",
        "price": "100.00",
        "qty": 0.1 + 0.2,
        "unit": "кг",
        "subject": "",
        "mark_code": "",
    }
    answer = await running.post(
        sale(
            items=[noisy, gift, ITEM | {"mark_code": "]d2" + CODE.replace(GS, "<GS>")}],
            payments=[{"type": "cash", "amount": 130}, {"type": "card", "amount": 0}],
            customer={"phone": "+7 999 123\u201145\u201167", "inn": " 7707083893 "},
        )
    )
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["status"] == "printed"
    assert [w["code"] for w in said["warnings"]] == ["MARK_NORMALISED"]
    await running.delivered()


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (None, "Чек оформлен"),
        ("ru-RU, en;q=0.5", "Чек оформлен"),
        ("en-US, ru;q=0.5", "The receipt is printed: FD No."),
    ],
)
async def test_a_success_speaks_the_language_asked_for(
    running: Product, language: str | None, message: str
) -> None:
    headers = {} if language is None else {"Accept-Language": language}
    key, body = random_id(), sale(items=[ITEM | {"measure": "коробка"}])
    first = await running.post(body, key=key, **headers)
    assert first.json()["message"].startswith(message)
    assert first.headers["content-language"] == ("en" if "FD" in message else "ru")
    again = await running.post(body, key=key, **headers)
    assert again.content == first.content
    other = (await running.post(body, key=key, **{"Accept-Language": "ru"})).json()
    assert other["fiscal_doc"] == first.json()["fiscal_doc"]
    assert other["message"].startswith("Чек оформлен")
    read = await running.client.get("/v1/kkt/receipt", params={"idempotency_key": key}, headers=headers)
    told = [first.json()["warnings"], read.json()["warnings"]]
    assert told[0] == told[1]
    assert ("has no code of its own" in told[0][0]["message"]) == message.startswith("The")
