import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.tags import Tag, TagType, registry
from kkt_adapter.fiscal.ffd.tlv import (
    Element,
    Field,
    Fvln,
    TlvError,
    Value,
    cp866,
    decode,
    element,
    encode,
    first,
    fiscal_sign,
    fiscal_sign_bytes,
    fvln,
    padded,
    quantity_fvln,
    quantity_millionths,
    unixtime,
    vln,
)

at = datetime.fromisoformat  # wall clock, no zone
NOON = at("2025-01-15T12:00")

CP866 = bytes(range(256)).decode("cp866")
LEAVES = [t for t in registry().values() if t.type is not TagType.STLV]
NESTED = [t for t in registry().values() if t.type is TagType.STLV]


def values(tag: Tag) -> st.SearchStrategy[Any]:
    """Everything that may be written under a tag that is not nested."""
    size = tag.size or 64
    match tag.type:
        case TagType.STRING:
            text = st.text(alphabet=CP866, max_size=size)
            return text.map(lambda t: t.rstrip(" ")) if tag.fixed else text
        case TagType.UNIXTIME:
            return st.datetimes(min_value=at("1970-01-01"), max_value=at("2106-02-07T06:28:15")).map(
                lambda m: m.replace(microsecond=0)
            )
        case TagType.VLN:
            return st.integers(0, 256 ** min(size, 8) - 1)
        case TagType.FVLN:
            return st.builds(Fvln, st.integers(0, 256 ** (size - 1) - 1), st.integers(0, 255))
        case TagType.BYTES:
            return st.binary(min_size=size if tag.fixed else 0, max_size=size)
        case _:
            return st.integers(0, 256**size - 1)


def leaf_fields() -> st.SearchStrategy[Field]:
    return st.sampled_from(LEAVES).flatmap(lambda t: st.tuples(st.just(t.number), values(t)))


def fields_of(elements: tuple[Element, ...] | list[Element]) -> list[Field]:
    return [(e.tag, e.value if e.value is not None else fields_of(e.children)) for e in elements]


@pytest.mark.parametrize(
    ("tag", "value", "wire"),
    [
        (1020, 350_50, "fc03 0200 ea88"),
        (1031, 0, "0704 0100 00"),
        (1023, Fvln(1, 0), "ff03 0200 00 01"),
        (1023, Fvln(250, 3), "ff03 0200 03 fa"),
        (1023, Fvln(1234, 3), "ff03 0300 03 d204"),
        (1018, "7702203276", "fa03 0c00 37373032323033323736 2020"),
        (1012, at("2025-01-15T09:00"), "f403 0400 10798767"),
        (1213, 410, "bd04 0200 9a01"),
        (1290, 0x80, "0a05 0400 80000000"),
        (1163, [(1302, "4606203090785")], "8b04 1100 1605 0d00 34363036323033303930373835"),
    ],
)
def test_values_are_written_and_read_as_in_the_notes(tag: int, value: Value, wire: str):
    data = bytes.fromhex(wire)
    assert encode([(tag, value)]) == data
    assert fields_of(decode(data)) == [(tag, value)]


@given(leaf_fields())
def test_what_is_written_is_read_back(field: Field):
    (read,) = decode(encode([field]))
    assert (read.tag, read.value) == field


@pytest.mark.parametrize("tag", LEAVES, ids=lambda t: str(t.number))
def test_every_tag_of_the_dictionary_makes_the_round_trip(tag: Tag):
    samples: dict[TagType, Value] = {
        TagType.STRING: "Ёж№1"[: tag.size or 4],
        TagType.UNIXTIME: at("2026-03-14T15:09"),
        TagType.VLN: 12345,
        TagType.FVLN: Fvln(1_500, 3),
        TagType.BYTES: bytes(range(tag.size or 6)),
    }
    value = samples.get(tag.type, 200)
    (read,) = decode(encode([(tag.number, value)]))
    assert read.value == value


@given(st.lists(st.sampled_from(NESTED), min_size=1, max_size=4), st.lists(leaf_fields(), max_size=4))
def test_nested_tags_make_the_round_trip(parents: list[Tag], fields: list[Field]):
    nested = fields
    for parent in parents:
        nested = [(parent.number, nested)]
    try:
        data = encode(nested)
    except TlvError as error:
        assert "allowed" in error.reason  # the leaves were longer than the parent may be
    else:
        assert fields_of(decode(data)) == nested


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [
        (1020, -1, "negative"),
        (1020, 2**48, "at most 6"),
        (1043, 12.5, "whole number"),
        (1020, "1", "whole number"),
        (1138, 256**6, "at most 6"),
        (1293, 256**8, "at most 8"),
        (1054, 256, "2^8"),
        (1040, 2**32, "2^32"),
        (1040, -1, "2^32"),
        (1213, 65536, "2^16"),
        (1023, 1, "decimals"),
        (1023, Fvln(1, 256), "decimals"),
        (1023, Fvln(256**7, 0), "at most 8"),
        (1018, "1234567890123", "at most 12"),
        (1030, "я" * 129, "at most 128"),
        (1030, "日本", "CP866"),
        (1030, b"bread", "text"),
        (1077, b"12345", "exactly 6"),
        (1077, "123456", "bytes"),
        (1162, bytes(33), "at most 32"),
        (1012, 1736931600, "date and time"),
        (1012, datetime(2025, 1, 15, tzinfo=UTC), "zone"),
        (1012, at("1969-12-31"), "out of range"),
        (1012, at("2107-01-01"), "out of range"),
        (1059, Fvln(1, 1), "list of fields"),
        (1059, 5, "list of fields"),
        (1174, [(1177, "x" * 256), (1177, "x" * 256)], "at most 292"),
        (5555, "text", "bytes"),
        (5555, bytes(65536), "one element"),
        (65536, b"", "one element"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_tag(tag: int, value: Any, reason: str):
    with pytest.raises(TlvError, match=reason.replace("^", r"\^")) as caught:
        encode([(tag, value)])
    assert caught.value.tag == tag


def test_the_innermost_tag_is_named():
    with pytest.raises(TlvError) as caught:
        encode([(3, [(1059, [(1030, "x" * 129)])])])
    assert caught.value.tag == 1030


def test_an_unknown_tag_is_written_from_bytes_and_read_back_raw():
    (read,) = decode(encode([(5555, b"\x01\x02")]))
    assert read == Element(tag=5555, raw=b"\x01\x02")


def test_an_unknown_tag_is_skipped_by_its_length():
    read = decode(bytes.fromhex("b3150300aabbcc 0e04040001000000"))
    assert [e.tag for e in read] == [5555, 1038]
    assert read[1].value == 1


@pytest.mark.parametrize("wire", ["fc030200ea88", "fc030600ea8800000000", "fc030a00ea880000000000000000"])
def test_redundant_zero_bytes_of_a_number_are_accepted(wire: str):
    assert decode(bytes.fromhex(wire))[0].value == 350_50


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        ("fc030000", "a number of no bytes"),
        ("fc030900ffffffffffffffffff", "a number of more than 64 bits"),
        ("ff030000", "a quantity of no bytes"),
        ("ff03010003", "a quantity without digits"),
        ("0e0403000100 00", "three bytes for a uint32"),
        ("f403030001 0203", "three bytes for a time"),
    ],
)
def test_a_value_not_of_its_type_is_kept_raw(wire: str, why: str):
    data = bytes.fromhex(wire)
    (read,) = decode(data)
    assert (read.value, read.raw) == (None, data[4:]), why


def test_padding_of_fixed_strings_is_trimmed_and_spaces_of_free_ones_are_kept():
    inn, name = decode(encode([(1018, "7702203276"), (1030, " bread ")]))
    assert inn.value == "7702203276"
    assert inn.raw == b"7702203276  "
    assert name.value == " bread "


def test_the_strings_of_ffd_1_0_under_numbers_used_again_are_kept_raw():
    (read,) = decode(encode([(3, [])])[:2] + bytes.fromhex("1400 5b041000") + b"www.nalog.gov.ru")
    assert read.children == (Element(tag=1115, raw=b"www.nalog.gov.ru"),)


@pytest.mark.parametrize("size", range(1, 22))
def test_a_cut_element_is_an_error(size: int):
    whole = encode([(3, [(1059, [(1030, "bread"), (1079, 100)])])])
    assert len(whole) == 22
    with pytest.raises(TlvError):
        decode(whole[:size])


def test_the_error_of_a_cut_element_names_the_tag():
    with pytest.raises(TlvError, match="5 bytes announced, 3 left") as caught:
        decode(bytes.fromhex("06040500") + b"bre")
    assert caught.value.tag == 1030


def test_nesting_has_a_bottom():
    data = b""
    for _ in range(2000):
        data = element(1059, data)
    with pytest.raises(TlvError, match="deeper than 10"):
        decode(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes):
    try:
        elements = decode(data)
    except TlvError:
        return
    assert b"".join(element(e.tag, e.raw) for e in elements) == data


@given(st.data())
def test_any_change_of_a_document_is_read_or_refused(data: st.DataObject):
    whole = bytearray(
        encode([(3, [(1020, 100), (1059, [(1030, "bread"), (1023, Fvln(1, 0))]), (1012, NOON)])])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(whole))
    except TlvError:
        pass


def test_reading_the_largest_payload_of_tiny_elements_is_quick():
    data = element(1054, b"\x01") * 13107  # 64 KiB
    started = time.monotonic()
    assert len(decode(data)) == 13107
    assert time.monotonic() - started < 5


def test_the_first_element_of_a_tag_is_found():
    elements = decode(encode([(1038, 1), (1042, 2), (1042, 3)]))
    found = first(elements, 1042)
    assert found is not None
    assert found.value == 2
    assert first(elements, 1020) is None


def test_a_child_is_found_by_its_tag():
    (item,) = decode(encode([(1059, [(1030, "bread")])]))
    name = item.child(1030)
    assert name is not None
    assert name.value == "bread"
    assert item.child(1043) is None


@given(st.integers(0, 2**64 - 1))
def test_a_number_takes_as_few_bytes_as_it_can(value: int):
    data = vln(value)
    assert int.from_bytes(data, "little") == value
    assert len(data) == 1 or data[-1] != 0


def test_building_blocks_refuse_what_does_not_fit():
    for attempt in (
        lambda: vln(-1),
        lambda: fvln(1, -1),
        lambda: fvln(1, 256),
        lambda: cp866("日"),
        lambda: padded("12345", 4),
        lambda: unixtime(datetime(2025, 1, 1, tzinfo=UTC)),
        lambda: element(1030, bytes(65536)),
        lambda: quantity_fvln(-1),
    ):
        with pytest.raises(TlvError):
            attempt()


def test_padding_fills_with_spaces():
    assert padded("12", 4) == b"12  "
    assert padded("1234", 4) == b"1234"


def test_time_is_the_wall_clock_without_a_zone():
    assert unixtime(at("1970-01-01T00:01")) == b"\x3c\0\0\0"
    assert unixtime(at("1970-01-01") + timedelta(seconds=1, microseconds=999999)) == b"\x01\0\0\0"


@pytest.mark.parametrize(
    ("millionths", "shortest"),
    [
        (0, Fvln(0, 0)),
        (1_000_000, Fvln(1, 0)),
        (10_000_000, Fvln(10, 0)),
        (250_000, Fvln(25, 2)),
        (1_234_000, Fvln(1234, 3)),
        (1, Fvln(1, 6)),
        (1_000_001, Fvln(1_000_001, 6)),
    ],
)
def test_a_quantity_is_written_without_trailing_zeros(millionths: int, shortest: Fvln):
    assert quantity_fvln(millionths) == shortest
    assert quantity_millionths(shortest) == millionths


@given(st.integers(0, 10**15))
def test_quantities_make_the_round_trip(millionths: int):
    assert quantity_millionths(quantity_fvln(millionths)) == millionths


def test_a_quantity_with_kept_zeros_is_the_same_quantity():
    assert quantity_millionths(Fvln(250, 3)) == 250_000
    assert quantity_millionths(Fvln(2_500_000_000, 10)) == 250_000


def test_a_quantity_finer_than_a_millionth_is_refused():
    with pytest.raises(TlvError, match="finer"):
        quantity_millionths(Fvln(1, 7))


@pytest.mark.parametrize("sign", [0, 1, 0x12340000, 0x1A2B3C4D, 0x80000000, 2**32 - 1])
def test_a_fiscal_sign_is_big_endian_behind_two_bytes(sign: int):
    data = fiscal_sign_bytes(sign)
    assert data == b"\x21\x04" + sign.to_bytes(4, "big")
    assert fiscal_sign(data) == sign


def test_a_captured_fiscal_sign_prints_as_on_the_receipt():
    assert fiscal_sign(bytes.fromhex("2104aa107541")) == 2853205313
    assert fiscal_sign(bytes.fromhex("21041a2b3c4d")) == 439041101


@pytest.mark.parametrize("sign", [-1, 2**32])
def test_a_fiscal_sign_beyond_32_bits_is_refused(sign: int):
    with pytest.raises(TlvError):
        fiscal_sign_bytes(sign)


@pytest.mark.parametrize("raw", [b"", b"\x21\x04\0\0\0", b"\x21\x04\0\0\0\0\0"])
def test_a_fiscal_sign_of_another_size_is_refused(raw: bytes):
    with pytest.raises(TlvError):
        fiscal_sign(raw)


@given(st.text(max_size=40))
def test_text_is_written_as_python_writes_cp866(text: str):
    try:
        expected = text.encode("cp866")
    except UnicodeEncodeError:
        with pytest.raises(TlvError, match="CP866"):
            cp866(text)
    else:
        assert cp866(text) == expected
