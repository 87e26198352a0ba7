"""The schemas that the door serves agree with what it takes."""

from typing import Any

import jsonschema_rs
import pytest
from tests.support.api import Json
from tests.support.doors.registrations import INN, body, findings, v4_correction
from tests.support.doors.shops import STAMP, item, item_v4, receipt

from kkt_adapter.api.doors.atol.schema import CORRECTION, KINDS, SELL, schema_of

SENT = {"external_id": "1001", "timestamp": STAMP}
V4_SALE = {"receipt": receipt(INN, items=[item_v4()])}
RICH = body(
    items=[item(mark_code={"gs1m": "MDEwNDYwNzAwODEzODU1OQ=="}, payment_object=33, planned_status=1)],
    cashier="Иванова",
    timezone=2,
    additional_user_props={"name": "заказ", "value": "7"},
)


def fits(document: Json, *, version: int = 5, kind: str = SELL) -> bool:
    return bool(jsonschema_rs.is_valid(schema_of(version, kind), SENT | document))


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a_schema(version: int, kind: str) -> None:
    jsonschema_rs.meta.validate(schema_of(version, kind))


@pytest.mark.parametrize(
    ("document", "version", "kind"),
    [
        (body(), 5, SELL),
        (RICH, 5, SELL),
        (V4_SALE, 4, SELL),
        (v4_correction([{"type": "vat22", "sum": 18.03}]), 4, CORRECTION),
    ],
)
def test_what_is_taken_fits(document: Json, version: int, kind: str) -> None:
    assert fits(document, version=version, kind=kind)
    operation = "sell_correction" if kind == CORRECTION else "sell"
    assert findings(document, version=version, operation=operation) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"items": []},
        {"items": [item()] * 101},
        {"items": [item(name="x" * 129)]},
        {"items": [item(payment_object="commodity")]},
        {"items": [item(measure=1)]},
        {"items": [item(vat={"type": "vat18"})]},
        {"items": [item(mark_code={"ean8": "1", "fur": "2"})]},
        {"items": [item(quantity=0)]},
        {"payments": [{"type": 10, "sum": 100}]},
        {"payments": [{"type": 1, "sum": 1}] * 11},
        {"client": {}},
        {"cashier": "x" * 65},
        {"timezone": 12},
        {"additional_check_props": "x" * 17},
    ],
)
def test_what_is_refused_does_not_fit(changes: dict[str, Any]) -> None:
    document = body(**changes)
    assert not fits(document)
    assert findings(document)


def test_an_id_is_needed_and_has_a_bound() -> None:
    assert not jsonschema_rs.is_valid(schema_of(5, SELL), {"timestamp": STAMP, **body()})
    assert not fits(body() | {"external_id": "x" * 129})
