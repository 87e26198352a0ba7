from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.ofd import RECEIPT_ID, a_receipt_body

from kkt_adapter.emulators.ofd.receipt import ReceiptProblem, read_receipt
from kkt_adapter.fiscal.ofd.http import json_bytes


def problem(body: Any, *, key: str | None = RECEIPT_ID) -> str:
    with pytest.raises(ReceiptProblem) as caught:
        read_receipt(key, body if isinstance(body, bytes) else json_bytes(body))
    return caught.value.reason


def test_a_receipt_of_the_profile_is_read():
    received = read_receipt(RECEIPT_ID, json_bytes(a_receipt_body(fd_number=7)))
    assert (received.receipt_id, received.fd_number, received.code) == (RECEIPT_ID, 7, 3)


def test_a_correction_is_a_document_of_its_own_code():
    assert read_receipt(RECEIPT_ID, json_bytes(a_receipt_body(type="correction"))).code == 31


def test_fiscal_fields_may_stand_in_their_own_object():
    body = a_receipt_body()
    names = ("fn_number", "fiscal_doc_number", "fiscal_sign")
    nested = {**body, "fiscal_doc": {name: body[name] for name in names}}
    for name in names:
        del nested[name]
    assert read_receipt(RECEIPT_ID, json_bytes(nested)).fn_number == body["fn_number"]


@pytest.mark.parametrize("name", sorted(a_receipt_body().keys() - {"hlc"}))
def test_every_field_is_wanted(name: str):
    body = a_receipt_body()
    del body[name]
    assert problem(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not_json"),
        (b"[]", "not_json"),
        (b"\xff", "not_json"),
        (a_receipt_body(type="gift"), "bad_field"),
        (a_receipt_body(fn_number="123"), "bad_field"),
        (a_receipt_body(fiscal_doc_number=0), "bad_field"),
        (a_receipt_body(fiscal_sign="x"), "bad_field"),
        (a_receipt_body(items=[]), "bad_field"),
        (a_receipt_body(payments=["cash"]), "bad_field"),
        (a_receipt_body(total=100), "bad_money"),
        (a_receipt_body(payments=[{"type": "cash", "amount": "100.00"}]), "bad_money"),
    ],
)
def test_what_the_profile_does_not_say_is_refused(body: Any, reason: str):
    assert problem(body) == reason


def test_the_key_is_the_receipt_id():
    assert problem(a_receipt_body(), key=None) == "wrong_key"
    assert problem(a_receipt_body(), key="another") == "wrong_key"


def test_the_payments_make_the_total():
    raw = json_bytes(a_receipt_body()).replace(b'"total":100.00}', b'"total":100.01}')
    assert problem(raw) == "bad_total"


def test_money_has_two_decimals_not_one_and_not_three():
    raw = json_bytes(a_receipt_body())
    for text in (b"100", b"100.0", b"100.000", b"1e2", b"NaN"):
        assert problem(raw.replace(b'"total":100.00}', b'"total":' + text + b"}")) == "bad_money"


@given(st.binary(max_size=200))
def test_random_bytes_are_a_problem_not_a_crash(raw: bytes):
    assert problem(raw)
