"""The receipt key: it must never change between versions, or documents would not be found again."""

import re
from base64 import b32encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.receipt_key import RECEIPT_KEY_LENGTH, receipt_key


@pytest.mark.parametrize(
    ("idempotency_key", "key"),
    [
        ("0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11", "HPD24SLRREZOWGQA"),
        ("order-5", "K4O7MVTQ2YRSCE2H"),  # its hash begins with the digit 6
        ("1", "NODLE477GT6ODHLL"),
    ],
)
def test_the_key_of_a_request_is_fixed_for_good(idempotency_key, key):
    assert receipt_key(idempotency_key) == key


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128))
def test_the_key_is_base_32_with_a_letter_in_front(idempotency_key):
    key = receipt_key(idempotency_key)
    assert re.fullmatch(r"[A-Z][A-Z2-7]{15}", key)
    plain = b32encode(sha256(idempotency_key.encode()).digest())[:RECEIPT_KEY_LENGTH].decode()
    assert key[1:] == plain[1:]
    assert key[0] == plain[0] or plain[0].isdigit()
