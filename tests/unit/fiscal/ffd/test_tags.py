from collections import Counter
from pathlib import Path

import pytest

from kkt_adapter.fiscal.ffd.reference import page
from kkt_adapter.fiscal.ffd.tags import TagType, find, registry
from kkt_adapter.fiscal.model import FfdVersion

EXACT_SIZE = {
    TagType.UINT8: 1,
    TagType.BITS8: 1,
    TagType.UINT16: 2,
    TagType.UINT32: 4,
    TagType.BITS32: 4,
    TagType.UNIXTIME: 4,
}


def test_tags_stand_in_ascending_order_and_only_once():
    numbers = list(registry())
    assert numbers == sorted(numbers)
    assert len(numbers) > 250


def test_an_unknown_tag_is_not_found():
    assert find(5555) is None


def test_the_dictionary_cannot_be_changed():
    with pytest.raises(TypeError):
        registry()[1] = registry()[2]  # type: ignore[index]


def test_the_dictionary_is_read_once():
    assert registry() is registry()


@pytest.mark.parametrize(
    ("number", "kind", "size", "fixed"),
    [
        (1030, TagType.STRING, 128, False),
        (1018, TagType.STRING, 12, True),
        (1037, TagType.STRING, 20, True),
        (1020, TagType.VLN, 6, False),
        (1023, TagType.FVLN, 8, False),
        (1077, TagType.BYTES, 6, True),
        (1213, TagType.UINT16, 2, True),
        (1290, TagType.BITS32, 4, True),
        (1163, TagType.STLV, 256, False),
        (1192, TagType.STRING, 16, False),
    ],
)
def test_types_and_limits_are_those_of_the_format_tables(number: int, kind: TagType, size: int, fixed: bool):
    tag = registry()[number]
    assert (tag.type, tag.size, tag.fixed) == (kind, size, fixed)


def test_numbers_of_fixed_width_have_the_width_of_their_type():
    wrong = [
        t.number
        for t in registry().values()
        if t.type in EXACT_SIZE and (t.size, t.fixed) != (EXACT_SIZE[t.type], True)
    ]
    assert wrong == []


def test_every_parent_is_a_nested_tag_of_the_dictionary():
    wrong = [
        (t.number, p)
        for t in registry().values()
        for p in t.parents
        if p not in registry() or registry()[p].type is not TagType.STLV
    ]
    assert wrong == []


def test_no_two_tags_of_one_parent_share_a_json_name():
    shared = [
        (parent, name)
        for parent in registry()
        for name, count in Counter(t.json_key for t in registry().values() if parent in t.parents).items()
        if count > 1
    ]
    assert shared == []


def test_product_codes_of_ffd_1_2_stand_only_in_1163():
    codes = [t for t in registry().values() if 1300 <= t.number <= 1325]
    assert len(codes) == 16
    assert all(t.parents == {1163} and t.versions == {FfdVersion.V1_2} for t in codes)


def test_the_tags_of_2025_are_there_in_all_versions():
    for number in (1115, 1119, 1120, 1125, 1234, 1235):
        assert registry()[number].versions == set(FfdVersion)


def test_the_published_name_of_the_correction_base_keeps_its_cyrillic_letter():
    assert registry()[1174].json_key == "\u0441orrectionBase"


def test_lines_and_phones_may_repeat_sums_may_not():
    assert registry()[1059].repeats
    assert registry()[1171].repeats
    assert not registry()[1020].repeats


def test_the_reference_page_is_what_the_dictionary_says():
    written = Path(__file__).parents[4] / "docs" / "reference" / "ffd-tags.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "run: python -m kkt_adapter.fiscal.ffd.reference > docs/reference/ffd-tags.md"
    )
