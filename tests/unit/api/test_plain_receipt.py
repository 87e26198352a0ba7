"""The quick way of the usual receipt comes to the same request as the models, or leaves it to them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.api import SALE, changed, with_item, with_payment

from kkt_adapter.api.body import json_object
from kkt_adapter.api.schemas.names.forms import LINE, PAYMENT, RECEIPT
from kkt_adapter.api.schemas.plain_receipt import plain_request
from kkt_adapter.api.schemas.receipt import read_by_models

TEXTS = "|1|1.5|100|20%|20%%|vat20|none|full_payment|4|osn|cash|card|sale|refund|correction|шт|kg|Чай\n|\x01"
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([*TEXTS.split("|"), "x" * 300, " ", None, True, False, {}, []]),
    st.integers(min_value=-1, max_value=2_000),
    st.decimals(min_value=0, max_value=1_000, places=2).map(str),
)
AMOUNTS = st.sampled_from([100, 1, "100.00", 0, "0", 99.5])
LINES = st.dictionaries(st.sampled_from(sorted(LINE.names)), VALUES, max_size=4).flatmap(
    lambda more: st.fixed_dictionaries({"name": st.just("Чай"), "price": AMOUNTS}).map(
        lambda usual: usual | more
    )
)
PAYMENTS = st.dictionaries(st.sampled_from(sorted(PAYMENT.names)), VALUES, max_size=2).map(
    lambda more: {"type": "cash", "amount": 100} | more
)
DOCUMENTS = st.builds(
    lambda more, lines, payments: {**SALE, "items": lines, "payments": payments, **more},
    st.dictionaries(st.sampled_from([*sorted(RECEIPT.names), "unknown"]), VALUES, max_size=2),
    st.lists(LINES, max_size=2),
    st.lists(PAYMENTS, max_size=2),
)


@given(DOCUMENTS)
def test_both_ways_come_to_the_same_request(written: dict[str, Any]) -> None:
    document = json_object(json.dumps(written).encode())
    plain = plain_request(document)
    if plain is None:
        return
    modelled = read_by_models(document)
    assert (modelled.request, modelled.sent.broken, modelled.sent.late) == (plain, (), ())
    assert (modelled.sent.warnings, modelled.ignored) == ((), ())


@pytest.mark.parametrize(
    "written",
    [
        SALE,
        changed(total=100, order_id="42", taxation="osn", internet=False, original_receipt_id=7),
        with_item(vat_rate="20%", sku=15, unit="kg", method="full_payment", subject=1, discount=0),
        with_payment(type="card", amount="100.00"),
    ],
)
def test_the_usual_receipt_goes_the_quick_way(written: dict[str, Any]) -> None:
    document = json_object(json.dumps(written).encode())
    assert plain_request(document) == read_by_models(document).request


@pytest.mark.parametrize(
    "written",
    [
        {},
        changed(customer={"email": "a@b.ru"}),
        changed(unknown=1),
        changed(total=None),
        changed(items=[]),
        changed(payments=[{"type": "cash"}]),
        with_item(qty=1, quantity=1),
        with_item(vat_rate="20%%"),
        with_item(vat_rate=None),
        with_item(price=-1),
        with_item(mark_permission={"uuid": "1", "time": "1"}),
    ],
)
def test_whatever_is_out_of_the_ordinary_is_left_to_the_models(written: dict[str, Any]) -> None:
    assert plain_request(json_object(json.dumps(written).encode())) is None
