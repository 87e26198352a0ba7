"""What becomes of a scanned code in tag 1163."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.product_code import permission_value, product_code
from kkt_adapter.fiscal.ffd.tags import find
from kkt_adapter.fiscal.model import MarkPermission

GTIN = "04690257528523"
CRYPTO = "\x1d91EE05\x1d92" + "a" * 44
EGAIS2 = "22N0000154NUCPRZ3R8381461004001003499NKAQ0ZBHVDNLTXZHWMSWGO5FMUH6GXY"
EGAIS3 = "101" + "100" + "12345678" + "X" * 136


@pytest.mark.parametrize(
    ("code", "tag", "data"),
    [
        # GS1 data matrix: product and serial number, the check part is cut off
        (f"01{GTIN}21G+mgsHwDiLNxx{CRYPTO}", 1305, f"01{GTIN}21G+mgsHwDiLNxx"),
        (f"]d201{GTIN}21abc\x1d93dGVz", 1305, f"01{GTIN}21abc"),  # scanner says what it read
        (f"\x1d01{GTIN}21abc{CRYPTO}", 1305, f"01{GTIN}21abc"),  # leading FNC1
        (f"(01){GTIN}(21)abc(91)EE05", 1305, f"01{GTIN}21abc"),  # as printed under the symbol
        # damaged: stored by a version that did not see it; never a piece that it may not be
        (f"01{GTIN}21{'s' * 30}", 1300, f"01{GTIN}21{'s' * 14}"),
        ("4620303090785", 1300, "4620303090785"),
        # bare product codes
        ("46203397", 1301, "46203397"),
        ("4620303090780", 1302, "4620303090780"),
        (GTIN, 1303, GTIN),
        # tobacco: 29 characters
        (f"{GTIN}mQ:PDvRAA2pxUAB", 1306, f"01{GTIN}21mQ:PDvR"),
        # fur
        ("RU-430302-AAA0276421", 1307, "RU-430302-AAA0276421"),
        # spirits
        (EGAIS2, 1308, EGAIS2[8:31]),
        (EGAIS3, 1309, "10110012345678"),
        # anything else
        (
            "something else that is longer than thirty-two characters",
            1300,
            "something else that is longer th",
        ),
        ("x", 1300, "x"),
    ],
)
def test_the_kind_of_a_code_decides_its_tag(code, tag, data):
    assert product_code(code) == (tag, data)


@given(st.text(st.characters(min_codepoint=29, max_codepoint=126), min_size=1, max_size=256))
def test_every_code_fits_its_tag(code):
    tag, data = product_code(code)
    known = find(tag)
    assert known is not None
    assert known.size is not None
    assert len(data) == known.size if known.fixed else len(data) <= known.size


@pytest.mark.parametrize(
    ("permission", "value"),
    [
        (MarkPermission(uuid="a", time="1"), "UUID=a&Time=1"),
        (MarkPermission(uuid="a", time="1", inst="i", ver="v"), "UUID=a&Time=1&Inst=i&Ver=v"),
    ],
)
def test_a_permission_as_tag_1265_wants_it(permission, value):
    assert permission_value(permission) == value
