"""Requests that version 0.1.0 took, with the hash under which it kept them: each is recognised today.

The file was written by the code of 0.1.0 and never changes.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from kkt_adapter.api.schemas.receipt import read_receipt
from kkt_adapter.fiscal.store import receipt_json

FIRST: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "requests_0_1_0.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("first", FIRST, ids=[one["case"] for one in FIRST])
def test_a_request_of_the_first_version_has_its_hash_of_then(first: dict[str, Any]) -> None:
    reading = read_receipt(first["body"].encode()).sent.first_reading()
    assert reading is not None
    assert receipt_json.first_request_hash(reading).hex() == first["request_hash"]


def test_another_request_has_another_hash() -> None:
    assert len({one["request_hash"] for one in FIRST}) >= 5
