"""Tags 2000 to 2116: all named, all decoded, coded values with words."""

import pytest

from kkt_adapter.fiscal.ffd.meanings import meaning
from kkt_adapter.fiscal.ffd.tags import registry
from kkt_adapter.fiscal.ffd.tlv import decode
from kkt_adapter.fiscal.ofd.describe import document_json, nodes

NAMED = {
    *range(2000, 2008),
    *range(2100, 2117),
}
WITHOUT_WORDS = {2001, 2002, 2104, 2000, 2101, 2007, 2114, 2115, 2006, 2103, 2116}
"""Numbers, texts and times; the last three have no list of values in any source."""


def test_every_tag_of_marking_is_named_in_both_languages() -> None:
    known = registry()
    assert {number for number in known if 2000 <= number <= 2116} >= NAMED
    assert all(known[number].name_en and known[number].name_ru for number in NAMED)


@pytest.mark.parametrize("tag", sorted(NAMED - WITHOUT_WORDS))
def test_a_coded_value_has_words(tag: int) -> None:
    assert any(meaning(tag, value) for value in range(5))


def test_the_answer_to_a_request_of_a_register_is_decoded() -> None:
    """As a register on the market was answered on 2021-08-12: 2114, 2105 and 2005."""
    answer = bytes.fromhex("42080400 80071561 39080100 00 D5070100 05")
    found = {node.tag: node for node in nodes(decode(answer))}
    assert found[2114].text == "2021-08-12 11:35:28"
    assert found[2105].meaning is not None
    assert found[2105].meaning.en == "the request is well formed"
    assert found[2005].meaning is not None
    assert found[2005].meaning.en == "checked by the FN, checked by the marking system"


def test_a_notification_of_a_sale_is_decoded_with_its_parts() -> None:
    code = b"010469025752852321abc\x1d93dGVz"
    inside = (
        (2000).to_bytes(2, "little") + len(code).to_bytes(2, "little") + code
        + (2110).to_bytes(2, "little") + b"\1\0\1"
        + (2106).to_bytes(2, "little") + b"\1\0\x0f"
    )  # fmt: skip
    raw = (2007).to_bytes(2, "little") + len(inside).to_bytes(2, "little") + inside
    (item,) = nodes(decode(raw))
    assert [(part.tag, part.text) for part in item.children] == [
        (2000, code.decode()),
        (2110, "1"),
        (2106, "15"),
    ]
    assert document_json(decode(raw))["marked_item"][0]["marking_code"] == code.decode()
