"""Fifty receipts that are wrong, through the whole product: refused by name, and nothing is left of them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select
from tests.support.product import TILL, Product, product, sale

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import buffer_events, config, idempotency
from kkt_adapter.kernel.ids import random_id

ITEM = {"name": "Test", "price": "100.00", "qty": 1}
CASH = {"type": "cash", "amount": "100.00"}


def item(**changes: Any) -> dict[str, Any]:
    return sale(items=[{name: value for name, value in (ITEM | changes).items() if value is not ...}])


def payment(**changes: Any) -> dict[str, Any]:
    return sale(payments=[{name: value for name, value in (CASH | changes).items() if value is not ...}])


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in sale().items() if key != name}


WRONG: dict[str, Any] = {
    "no till": without("pos_id"),
    "an unknown till": sale(till="NOWHERE"),
    "an empty till": sale(till=""),
    "a till that is a number": sale() | {"pos_id": 1},
    "a till that is too long": sale(till="x" * 65),
    "no type": without("type"),
    "an unknown type": sale(type="gift"),
    "a type that is null": sale(type=None),
    "no items": without("items"),
    "an empty list of items": sale(items=[]),
    "items that are no list": sale(items={"name": "Test"}),
    "an item that is a text": sale(items=["Test"]),
    "too many items": sale(items=[ITEM] * 1001),
    "no name": item(name=...),
    "an empty name": item(name=""),
    "a name that is too long": item(name="x" * 256),
    "no price": item(price=...),
    "a price of nothing": item(price=0),
    "a negative price": item(price=-1),
    "a price that is a word": item(price="much"),
    "a price that is no number": item(price="NaN"),
    "an endless price": item(price="Infinity"),
    "a price beyond measure": item(price="9" * 30),
    "a price that is true": item(price=True),
    "a quantity of nothing": item(qty=0),
    "a negative quantity": item(qty="-1"),
    "a quantity with seven decimals": item(qty="0.0000001"),
    "two quantities that differ": item(quantity=2),
    "a sum that is not the line's": item(total="99.00"),
    "an unknown VAT rate": item(vat_rate=17),
    "the VAT rate of 2018": item(vat_rate=18),
    "an unknown subject": item(subject=99),
    "an unknown method": item(method=8),
    "a unit that is a list": item(unit=["kg"]),
    "a mark code without marked goods": item(mark_code="0104600000000000215ABCDEF"),
    "no payments": without("payments"),
    "an empty list of payments": sale(payments=[]),
    "too many payments": sale(payments=[CASH | {"amount": "10"}] * 11),
    "a payment of nothing": payment(amount=0),
    "a negative payment": payment(amount=-100),
    "an unknown payment": payment(type="shells"),
    "payments below the total": payment(amount="99.00"),
    "payments above the total": payment(amount="101.00"),
    "a total that is not the lines'": sale(total="150.00"),
    "a correction without its data": sale(type="correction"),
    "a correction of tomorrow": sale(
        type="correction", correction={"type": "self", "date": "2100-01-01", "number": "1"}
    ),
    "an order without a number": sale(type="correction", correction={"type": "order", "date": "2026-01-15"}),
    "a buyer's INN that is none": sale(customer={"inn": "123"}),
    "a cashier's INN that is none": sale(cashier={"name": "Ivan", "inn": "123456789012"}),
    "a taxation that is not registered": sale(taxation=2),
    "an internet sale for cash": sale(internet=True),
    "an attribute that is too long": sale(additional_attribute="x" * 17),
    "a user attribute without a value": sale(user_attribute={"name": "a"}),
    "a document over the limit of the FN": sale(
        items=[{"name": "я" * 128, "price": 1, "qty": 1}] * 400, payments=[CASH | {"amount": 400}]
    ),
    "a list": [sale()],
    "a text": "sale",
    "null": None,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """After all of them the till sells: at the end, as what a sale leaves comes a while after its answer."""
    async with product(tmp_path_factory.mktemp("product")) as one:
        yield one
        (answer,) = await one.sell(1)
        assert answer["status"] == "printed"
        await one.delivered()


async def what_is_stored(running: Product) -> list[Any]:
    def read(conn: Any) -> list[Any]:
        keys = select(func.count()).select_from(idempotency)
        names = select(config.c.name).order_by(config.c.name)
        chore = "_done_at"  # of the day's chores, which come a minute after the start
        settings = [name for name in conn.execute(names).scalars() if not name.endswith(chore)]
        events = select(func.count()).where(buffer_events.c.receipt_id.is_not(None))
        return [
            settings,
            conn.execute(keys).scalar_one(),
            conn.execute(events).scalar_one(),
            counters.read(conn),
        ]

    found: list[Any] = await running.read(read)
    return [*found, len(running.archive())]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_wrong_receipt_is_refused_and_leaves_nothing(running: Product, wrong: Any) -> None:
    before = await what_is_stored(running)
    answer = await running.client.post(
        "/v1/kkt/receipt",
        content=json.dumps(wrong),
        headers={"Content-Type": "application/json", "Idempotency-Key": random_id()},
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"] == "VALIDATION_ERROR"
    assert problem["errors"], "it says which field, and why"
    assert all(error["field"] and error["message"] and error["code"] for error in problem["errors"])
    assert all(error["remedy"] for error in problem["errors"]), "and what to do"
    assert await what_is_stored(running) == before


async def test_a_refused_receipt_makes_no_register_in_demo_mode(tmp_path: Path) -> None:
    async with product(tmp_path, demo=True) as running:
        before = {unit.register_id for unit in running.services.registers.all()}
        for till, body in (
            ("NEW-1", sale(till="NEW-1", kop=0)),
            ("NEW-2", sale(till="NEW-2", taxation=2)),
            ("касса 😀", sale(till="касса 😀")),  # outside CP866
        ):
            refused = await running.post(body)
            assert refused.status_code == 422
            assert all(error["remedy"] for error in refused.json()["errors"])
            assert running.services.registers.find(body["pos_id"]) is None
            assert not running.archive(till)
        assert (await running.post(sale(till="█" * 60))).status_code == 422  # too long for a file's name
        assert {unit.register_id for unit in running.services.registers.all()} == before == {TILL}
        (answer,) = await running.sell(1, till="NEW-1")
        assert answer["status"] == "printed"
        await running.restart()
        (again,) = await running.sell(1, till="NEW-1")
        assert again["fiscal_doc"]["fn_number"] == answer["fiscal_doc"]["fn_number"]
        await running.delivered()
        await running.check_books()


async def test_demo_mode_makes_one_register_for_many_first_receipts_of_a_till(tmp_path: Path) -> None:
    async with product(tmp_path, demo=True) as running:
        answers = await running.sell_at_once(12, tills=("X", "Y", "Z"))
        assert len({answer["fiscal_doc"]["fn_number"] for answer in answers}) == 3
        assert len(running.services.registers.all()) == 4
        await running.delivered()
        await running.check_books()


async def test_a_receipt_that_would_not_be_stored_makes_no_register_in_demo_mode(tmp_path: Path) -> None:
    """Maintenance, a full buffer, a sale that is not delivered, a key that is known: no trace of the till."""
    async with product(tmp_path, demo=True) as running:
        await running.break_operator("down")
        (sold,) = await running.sell(1)
        key = next(iter(running.answers))
        refund = sale(till="NEW", type="refund", original_receipt_id=sold["receipt_id"])
        refused = [
            (409, "REFUND_BLOCKED", await running.post(refund)),
            (409, "IDEMPOTENCY_CONFLICT", await running.post(sale(till="NEW"), key=key)),
        ]
        await running.call("POST", "/v1/pos/maintenance", {"reason": "test"})
        refused.append((503, "MAINTENANCE", await running.post(sale(till="NEW"))))
        await running.call("DELETE", "/v1/pos/maintenance")
        await running.sell(49)
        assert (await running.call("PATCH", "/v1/admin/buffer", {"capacity": 50})).status_code == 200
        refused.append((503, "BUFFER_FULL", await running.post(sale(till="NEW"))))
        for status, code, answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert {unit.register_id for unit in running.services.registers.all()} == {TILL}
        assert not list(running.settings.fn_dir.glob("NEW*"))
        await running.restart()
        assert {unit.register_id for unit in running.services.registers.all()} == {TILL}
        await running.repair_operator()
        await running.delivered()
        assert (await running.sell(1, till="NEW"))[0]["status"] == "printed"
        await running.delivered()
        await running.check_books()
