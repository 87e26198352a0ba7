"""What is refused of a registration of ATOL Online, by the path that its client sent."""

from typing import Any

import pytest
from tests.support.api import Json
from tests.support.doors.registrations import INN, body, findings, translated, v4_correction
from tests.support.doors.shops import item, receipt

from kkt_adapter.api.doors.atol.errors import AtolError, Code


def without(document: Json, *path: Any) -> Json:
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return document


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "receipt"),
        ({"receipt": []}, "receipt"),
        (without(body(), "receipt", "client"), "receipt.client"),
        (body(client={}), "receipt.client.email"),
        (without(body(), "receipt", "company"), "receipt.company"),
        (without(body(), "receipt", "company", "inn"), "receipt.company.inn"),
        (without(body(), "receipt", "items"), "receipt.items"),
        (without(body(), "receipt", "total"), "receipt.total"),
        (without(body(), "receipt", "payments"), "receipt.payments"),
        (body(items=[]), "receipt.items"),
        (body(items=[item()] * 101), "receipt.items"),
        (body(items=["x"]), "receipt.items[0]"),
        (body(payments=[{"type": 1, "sum": 1}] * 11), "receipt.payments"),
        (body(payments=[{"type": 10, "sum": 100}]), "receipt.payments[0].type"),
        (body(payments=[{"type": 1, "sum": "x"}]), "receipt.payments[0].sum"),
        (body(cashier="x" * 65), "receipt.cashier"),
        (body(additional_check_props="x" * 17), "receipt.additional_check_props"),
        (body(additional_user_props={"name": "x" * 65, "value": "1"}), "receipt.additional_user_props.name"),
        (body(internet="maybe"), "receipt.internet"),
        (body(timezone=12), "receipt.timezone"),
        (body(items=[item(name="x" * 129)]), "receipt.items[0].name"),
        (body(items=[item(name="")]), "receipt.items[0].name"),
        (body(items=[item(quantity=0)]), "receipt.items[0].quantity"),
        (body(items=[item(quantity="1.0000001")]), "receipt.items[0].quantity"),
        (body(items=[item(vat={"type": "vat20%"})]), "receipt.items[0].vat.type"),
        (body(items=[item(vat={"type": "vat118"})]), "receipt.items[0].vat.type"),
        (body(items=[item(vat={"type": ["none"]})]), "receipt.items[0].vat.type"),
        (body(items=[item(payment_method="later")]), "receipt.items[0].payment_method"),
        (body(items=[item(payment_object=29)]), "receipt.items[0].payment_object"),
        (body(items=[item(payment_object="commodity")]), "receipt.items[0].payment_object"),
        (body(items=[item(measure=1)]), "receipt.items[0].measure"),
        (body(items=[item(user_data="x" * 65)]), "receipt.items[0].user_data"),
        (body(items=[item(country_code="6433")]), "receipt.items[0].country_code"),
        (body(items=[item(mark_code={"gs1m": "not base64!"})]), "receipt.items[0].mark_code.gs1m"),
        (body(items=[item(mark_code={"ean8": "1", "fur": "2"})]), "receipt.items[0].mark_code"),
        (body(items=[item(agent_info={"type": "another"})]), "receipt.items[0].supplier_info"),
        (
            body(items=[item(agent_info={"type": "friend"}, supplier_info={})]),
            "receipt.items[0].agent_info.type",
        ),
        ({"receipt": receipt(INN), "correction": receipt(INN)}, "correction"),
    ],
)
def test_what_does_not_fit_is_named_by_its_json_path(document: Json, path: str) -> None:
    found = findings(document)
    assert path in found
    assert found[path]


def test_an_empty_object_of_php_is_told_as_one_that_is_left_out() -> None:
    """Bitrix leaves both contacts out when the order has none; PHP then writes ``[]``."""
    left_out = body()
    del left_out["receipt"]["client"]
    assert (
        findings(body(client=[]))
        == findings(left_out)
        == {"receipt.client": "обязательный объект. Передайте его"}
    )


def test_a_v4_correction_needs_its_vats() -> None:
    document = without(v4_correction([]), "correction", "vats")
    assert "correction.vats" in findings(document, version=4, operation="sell_correction")


def test_the_inn_of_another_company_is_an_error_of_its_own() -> None:
    with pytest.raises(AtolError) as caught:
        translated({"receipt": receipt("7707083893")})
    assert caught.value.code is Code.WRONG_INN
    assert INN in caught.value.text


def test_a_finding_of_the_core_has_the_clients_path() -> None:
    sent = translated(body()).parsed.sent
    assert [
        sent.own_name(field)
        for field in ("items.0.total", "payments.1.amount", "total", "customer.phone", "items.2.mark_code")
    ] == [
        "receipt.items[0].sum",
        "receipt.payments[1].sum",
        "receipt.total",
        "receipt.client.phone",
        "receipt.items[2].mark_code",
    ]
