"""Where the receipt key goes, and what the request may put there itself."""

from typing import Any

import pytest
from tests.support.receipts import a_correction, a_profile, a_request, checked, refusals, some_defaults

from kkt_adapter.fiscal.model import ReceiptKind, UserAttribute

KEY = "HPD24SLRREZOWGQA"
OURS = UserAttribute(name="receipt_key", value=KEY)
THEIRS = UserAttribute(name="Заказ", value="A-17")
SALE: dict[str, Any] = {}
CORRECTION = {"kind": ReceiptKind.CORRECTION, "correction": a_correction()}
REPAIR = {"kind": ReceiptKind.CORRECTION, "correction": a_correction(fiscal_sign="77")}


@pytest.mark.parametrize(
    ("mode", "changes", "additional", "user", "key"),
    [
        # auto: 1192, else 1084, else nowhere
        ("auto", SALE, KEY, None, KEY),
        ("auto", {"user_attribute": THEIRS}, KEY, THEIRS, KEY),
        ("auto", {"additional_attribute": "x"}, "x", OURS, KEY),
        ("auto", {"additional_attribute": "x", "user_attribute": THEIRS}, "x", THEIRS, None),
        # corrections leave 1192 to the sign of the wrong document, even when there is none
        ("auto", CORRECTION, None, OURS, KEY),
        ("auto", REPAIR, "77", OURS, KEY),
        ("auto", REPAIR | {"user_attribute": THEIRS}, "77", THEIRS, None),
        # 1084: there or nowhere
        ("1084", SALE, None, OURS, KEY),
        ("1084", {"user_attribute": THEIRS}, None, THEIRS, None),
        ("1084", {"additional_attribute": "x"}, "x", OURS, KEY),
        # off
        ("off", SALE, None, None, None),
        ("off", {"additional_attribute": "x", "user_attribute": THEIRS}, "x", THEIRS, None),
        ("off", REPAIR, "77", None, None),
    ],
)
def test_the_place_of_the_key(mode, changes, additional, user, key):
    profile = a_profile(defaults=some_defaults(receipt_key=mode))
    receipt = checked(a_request(**changes), profile).receipt
    assert receipt.additional_attribute == additional
    assert receipt.user_attribute == user
    assert receipt.key == key


@pytest.mark.parametrize("text", ["x", "x" * 16, "№ 5"])
def test_an_additional_attribute_that_fits(text):
    assert checked(a_request(additional_attribute=text)).receipt.additional_attribute == text


@pytest.mark.parametrize(
    ("changes", "field", "tag"),
    [
        ({"additional_attribute": ""}, "additional_attribute", 1192),
        ({"additional_attribute": "x" * 17}, "additional_attribute", 1192),
        ({"additional_attribute": "«x»"}, "additional_attribute", 1192),  # never rewritten, so refused
        ({"user_attribute": UserAttribute(name="", value="x")}, "user_attribute.name", 1085),
        ({"user_attribute": UserAttribute(name="x" * 65, value="x")}, "user_attribute.name", 1085),
        ({"user_attribute": UserAttribute(name="x", value="")}, "user_attribute.value", 1086),
        ({"user_attribute": UserAttribute(name="x", value="x" * 257)}, "user_attribute.value", 1086),
        ({"user_attribute": UserAttribute(name="x", value="a\nb")}, "user_attribute.value", 1086),
    ],
)
def test_an_attribute_that_does_not_fit_is_refused(changes, field, tag):
    found = [(v.field, v.code, v.tag) for v in refusals(a_request(**changes))]
    assert found == [(field, "attribute_text", tag)]
