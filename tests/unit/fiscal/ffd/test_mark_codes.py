"""Two hundred marking codes, good and damaged: what is read, what is told, what is refused.

No row may change its meaning in silence: an accepted code is the one that was on the package, and whatever
differs from what was sent is told; everything else is refused with a remedy.
"""

import base64
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.receipts import (
    a_line_request,
    a_payment,
    a_profile,
    a_registration,
    a_request,
    checked,
    refusals,
)

from kkt_adapter.fiscal.ffd.marks.damage import Damaged
from kkt_adapter.fiscal.ffd.marks.grammar import MarkKind, check_digit_fits
from kkt_adapter.fiscal.ffd.marks.spelling import read_mark
from kkt_adapter.fiscal.ffd.tags import find

GS = "\x1d"
GTIN = "04690257528523"
KEY, LONG_KEY = "91EE05", "91FFD0"
TAIL_44 = GS + KEY + GS + "92" + "YWCXbmK6SN8vvwoxZFk7WAY8WoJNMGGr6Cgtiuja04c="
TAIL_88 = GS + LONG_KEY + GS + "92" + "dGVzdA/+" * 11
TAIL_4 = GS + "93" + "dGVz"

SHOES = f"01{GTIN}21G+mgsHwDiLNxx"
WATER = "0104607428679137215&K)4p_Tu=?1q"
DAIRY = "010460742867913721zXcV12"
BEER = "0104604278004799215+1Yx.Z"
BLOCK = "010460043993125621JgXJ5.T"
TOBACCO = f"{GTIN}mQ:PDvRAA2pxUAB"
FUR = "RU-430302-AAA0276421"
EGAIS2 = "22N0000154NUCPRZ3R8381461004001003499NKAQ0ZBHVDNLTXZHWMSWGO5FMUH6GXY"
EGAIS3 = "101" + "100" + "12345678" + "X" * 136

FULL = (
    SHOES + TAIL_44,
    SHOES + TAIL_88,
    WATER + TAIL_4,
    DAIRY + TAIL_4,
    BEER + TAIL_4,
    DAIRY + TAIL_4 + GS + "3103001250",
    BLOCK + GS + "8005112000" + TAIL_4,
    BLOCK + GS + "8005112000" + TAIL_4 + GS + "24010000",
    SHOES + GS + "17260131" + "10LOT7" + TAIL_44,
    SHOES + TAIL_4 + GS + "7003" + "2607010000",
    f"01{GTIN}21!\"%&'()*+,-./_:;<=>" + TAIL_44,
    f"01{GTIN}21ab(cd)ef(g" + TAIL_44,
)
"""Codes with every separator, as a scanner that is set up right sends them."""

_US = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?@#$^&|"
_RU = 'ёйцукенгшщзхъфывапролджэячсмитьбю.ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"№;:?/'


def typed_russian(code: str) -> str:
    return code.translate(str.maketrans(_US, _RU))


def in_base64(code: str) -> str:
    return base64.b64encode(code.encode("latin-1")).decode()


def printed(code: str) -> str:
    """As under the symbol: brackets around each identifier, no separators."""
    serial, *parts = code[18:].split(GS)
    names = [
        next(n for n in ("8005", "3103", "7003", "240", part[:2]) if part.startswith(n)) for part in parts
    ]
    rest = "".join(f"({name}){part[len(name) :]}" for name, part in zip(names, parts, strict=True))
    return f"(01){code[2:16]}(21){serial}{rest}"


@dataclass(frozen=True, slots=True)
class Good:
    """Accepted: the code on the package, its element of 1163, whether something is told of the spelling."""

    sent: str
    code: str
    tag: int
    data: str
    remark: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """Refused with this code of violation."""

    sent: str
    code: str


def gs1(sent: str, code: str, *, remark: bool = False) -> Good:
    return Good(sent, code, 1305, code.split(GS)[0], remark)


PLAIN = [
    *(gs1(code, code) for code in FULL),
    gs1(SHOES, SHOES),  # no check part at all: nothing was cut, and nothing was lost
    gs1(f"01{GTIN}21{'s' * 20}", f"01{GTIN}21{'s' * 20}"),
    gs1(f"01{GTIN}211", f"01{GTIN}211"),
    gs1(f"01{GTIN}2193abcdEFGHIJ", f"01{GTIN}2193abcdEFGHIJ"),  # begins with 93: no part is so placed
    gs1(f"01{GTIN}21abcdefg93wxyz" + TAIL_44, f"01{GTIN}21abcdefg93wxyz" + TAIL_44),  # the tail is there
    gs1(f"01{GTIN}21<GT>abc" + TAIL_4, f"01{GTIN}21<GT>abc" + TAIL_4),
    gs1(SHOES + GS + KEY, SHOES + GS + KEY, remark=True),  # cut after the key
    gs1(SHOES + GS + KEY + GS + "92abc", SHOES + GS + KEY + GS + "92abc", remark=True),
    gs1(FULL[0][:-1], FULL[0][:-1], remark=True),  # one character short
    gs1(FULL[0] + "A", FULL[0] + "A", remark=True),
    Good(TOBACCO, TOBACCO, 1306, f"01{GTIN}21mQ:PDvR"),
    Good("04606203103348a3=EfODAB=UpGbL", "04606203103348a3=EfODAB=UpGbL", 1306, "010460620310334821a3=EfOD"),
    Good(FUR, FUR, 1307, FUR),
    Good("RU-000001-ZZZ9999999", "RU-000001-ZZZ9999999", 1307, "RU-000001-ZZZ9999999"),
    Good(EGAIS2, EGAIS2, 1308, EGAIS2[8:31]),
    Good(EGAIS3, EGAIS3, 1309, "10110012345678"),
    Good("46203397", "46203397", 1301, "46203397", remark=True),
    Good("4620303090780", "4620303090780", 1302, "4620303090780", remark=True),
    Good(GTIN, GTIN, 1303, GTIN, remark=True),
    Good("x", "x", 1300, "x", remark=True),
    Good("a kind of code that nobody knows yet", "a kind of code that nobody knows yet", 1300,
         "a kind of code that nobody knows", remark=True),
    Good("A" * 32, "A" * 32, 1300, "A" * 32, remark=True),
    Good("#" * 256, "#" * 256, 1300, "#" * 32, remark=True),
    Good("12345", "12345", 1300, "12345", remark=True),
]  # fmt: skip

WRITTEN_GS = ("\\u001d", "\\\\u001D", "<GS>", "{GS}", "[GS]", "^]", "\u241d", "\u00e8", " ", GS + GS)

SPELLED = [
    # what scanners put in front
    *(
        gs1(front + code, code)
        for code in FULL[:3]
        for front in ("]d2", "]C1", "]Q3", GS, "\u00e8", "]d2" + GS)
    ),
    *(gs1("]d2" + code, code) for code in (FULL[5], FULL[6], SHOES)),
    gs1("\u0438" + FULL[0], FULL[0]),  # E8 in CP1251
    gs1("\u0448" + FULL[2], FULL[2]),  # E8 in CP866
    gs1("\\u001d" + FULL[0], FULL[0]),
    gs1("<GS>" + FULL[0], FULL[0]),
    Good("]d2" + TOBACCO, TOBACCO, 1306, f"01{GTIN}21mQ:PDvR"),
    Good(GS + TOBACCO, TOBACCO, 1306, f"01{GTIN}21mQ:PDvR"),
    Good("]Q0" + EGAIS2, EGAIS2, 1308, EGAIS2[8:31]),
    # how separators are written
    *(
        gs1(code.replace(GS, written), code)
        for code in (FULL[0], FULL[1], FULL[2], FULL[5], FULL[6], FULL[7])
        for written in WRITTEN_GS
    ),
    gs1(FULL[0] + GS, FULL[0]),
    gs1(FULL[0].replace(GS, "<gs>"), FULL[0]),
    # around and between
    *(gs1(around.format(FULL[2]), FULL[2]) for around in (" {}", "{} ", "{}\r\n", "\t{}", "{}\n")),
    gs1(f"01 {GTIN} 21 G+mgsHwDiLNxx 91EE05 92" + FULL[0][-44:], FULL[0]),
    Good(f" {TOBACCO}\r", TOBACCO, 1306, f"01{GTIN}21mQ:PDvR"),
    Good(f"{FUR}\n", FUR, 1307, FUR),
    # printed form
    *(gs1(printed(code), code) for code in (*FULL[:8], FULL[9], FULL[10], FULL[11], SHOES)),
    gs1(f"(01) {GTIN} (21) G+mgsHwDiLNxx (91) EE05 (92) " + FULL[0][-44:], FULL[0]),
    gs1(f"(01){GTIN}(21)a(93)bc(93)dGVz", f"01{GTIN}21a(93)bc" + TAIL_4),  # the first is in the serial
    gs1(f"(01){GTIN}(21)a(bc{TAIL_4}", f"01{GTIN}21a(bc" + TAIL_4),
    gs1(f"(01){GTIN}(21)abc{GS}(93)dGVz", f"01{GTIN}21abc" + TAIL_4),
    # Russian keyboard
    *(gs1(typed_russian(code), code) for code in FULL),
    gs1(typed_russian("]d2" + FULL[0]), FULL[0]),
    gs1(typed_russian(FULL[0].replace(GS, "<GS>")), FULL[0]),
    gs1(typed_russian(FULL[0]).replace(GS, "<GS>"), FULL[0]),
    gs1(typed_russian(FULL[0].replace(GS, " ")), FULL[0]),
    Good(typed_russian(TOBACCO), TOBACCO, 1306, f"01{GTIN}21mQ:PDvR"),
    Good(typed_russian(EGAIS2), EGAIS2, 1308, EGAIS2[8:31]),
    Good(typed_russian(FUR), FUR, 1307, FUR),
    # base64
    *(gs1(in_base64(code), code) for code in FULL),
    gs1(in_base64(GS + FULL[0]), FULL[0]),
    gs1(in_base64("\u00e8" + FULL[0]), FULL[0]),
    gs1(in_base64("]d2" + FULL[0]), FULL[0]),
    Good(in_base64(TOBACCO), TOBACCO, 1306, f"01{GTIN}21mQ:PDvR"),
]  # fmt: skip

DAMAGED = [
    # the scanner drops GS
    *(
        Bad(code.replace(GS, ""), "mark_code_separator")
        for code in (FULL[0], FULL[1], FULL[6], FULL[8], FULL[9])
    ),
    Bad(in_base64(FULL[0].replace(GS, "")), "mark_code_separator"),
    Bad(typed_russian(FULL[0].replace(GS, "")), "mark_code_separator"),
    Bad("]d2" + FULL[0].replace(GS, ""), "mark_code_separator"),
    Bad(f"01{GTIN}21{'s' * 21}", "mark_code_separator"),
    Bad(FULL[0].replace(GS, "", 1), "mark_code_separator"),  # 92 without its key
    Bad(SHOES + GS + (KEY + "92" + "a" * 44), "mark_code_separator"),
    Bad(FULL[5].replace("dGVz" + GS, "dGVz"), "mark_code_separator"),
    Bad(FULL[6].replace("112000" + GS, "112000"), "mark_code_separator"),
    # short enough to be a serial number: nobody can tell
    Bad(FULL[2].replace(GS, ""), "mark_code_ambiguous"),
    Bad(FULL[3].replace(GS, ""), "mark_code_ambiguous"),
    Bad(FULL[4].replace(GS, ""), "mark_code_ambiguous"),
    Bad(DAIRY + "3103001250", "mark_code_ambiguous"),
    Bad(BLOCK + "8005112000" + TAIL_4, "mark_code_ambiguous"),
    Bad(SHOES + KEY, "mark_code_ambiguous"),
    # in place of GS stands what it should not
    *(
        Bad(FULL[0].replace(GS, put), "mark_code_character")
        for put in ("~1", "\u00f8", "\u00b0", "#", "|", "$", "@")
    ),
    Bad(FULL[2].replace(GS, "\\"), "mark_code_character"),
    Bad(SHOES + " " + "lost", "mark_code_character"),
    # a digit is wrong
    *(Bad(code.replace("04690257528523", wrong), "mark_code_check_digit")
      for code in (FULL[0], TOBACCO, printed(FULL[0]), GTIN)
      for wrong in ("04690257528524", "04690257528532", "04690257582523")),
    Bad("46203398", "mark_code_check_digit"),
    Bad("4620303090781", "mark_code_check_digit"),
    Bad(typed_russian(FULL[0].replace(GTIN, "04690257528529")), "mark_code_check_digit"),
    # parts are cut, mixed up or too many
    Bad(f"01{GTIN}", "mark_code_parts"),
    Bad(f"01{GTIN}21", "mark_code_parts"),
    Bad(f"01{GTIN}1726013110LOT7", "mark_code_parts"),
    Bad(SHOES + GS + "93dGV", "mark_code_parts"),
    Bad(SHOES + GS + "91EE0" + GS + "92" + "a" * 44, "mark_code_parts"),
    Bad(SHOES + GS + "9", "mark_code_parts"),
    Bad(SHOES + GS + "xx12", "mark_code_parts"),
    Bad(BLOCK + GS + "800511200" + TAIL_4, "mark_code_parts"),
    Bad(BLOCK + GS + "800511200A" + TAIL_4, "mark_code_parts"),
    Bad(FULL[2] + TAIL_4, "mark_code_parts"),
    Bad(FULL[2] + GS + FULL[2], "mark_code_parts"),
    Bad(SHOES + "<GS>lost", "mark_code_parts"),
    Bad("x" + FULL[0], "mark_code_parts"),
    Bad("x" + SHOES, "mark_code_parts"),
    Bad(TOBACCO[:-1], "mark_code_parts"),
    Bad(TOBACCO[:21], "mark_code_parts"),
    Bad(TOBACCO + "A", "mark_code_parts"),
    Bad(FUR[:-1], "mark_code_parts"),
    Bad(FUR.lower(), "mark_code_parts"),
    Bad(EGAIS2[:-1], "mark_code_parts"),
    Bad(EGAIS2.lower(), "mark_code_parts"),
    Bad(EGAIS3[:-1], "mark_code_parts"),
    Bad("abc" + GS + "93dGVz", "mark_code_parts"),
    # letters of two alphabets
    Bad(FULL[0].replace("m", "ь"), "mark_code_layout"),
    Bad(typed_russian(FULL[0]) + "a", "mark_code_layout"),
    Bad(SHOES.replace("D", "В"), "mark_code_layout"),
    # no code
    Bad("", "mark_code_shape"),
    Bad("   ", "mark_code_shape"),
    Bad("код", "mark_code_shape"),
    Bad("съешь ещё этих мягких булок", "mark_code_shape"),
    Bad("a\x00b", "mark_code_shape"),
    Bad("a\nb", "mark_code_shape"),
    Bad("x" * 257, "mark_code_shape"),
    Bad("x" * 2000, "mark_code_shape"),
]  # fmt: skip

GOOD = [*PLAIN, *SPELLED]


def test_there_are_two_hundred_codes() -> None:
    sent = [*(row.sent for row in GOOD), *(row.sent for row in DAMAGED)]
    assert len(set(sent)) == len(sent) >= 200


@pytest.mark.parametrize("row", GOOD, ids=lambda row: ascii(row.sent[:60]))
def test_a_good_code_is_read_and_every_change_is_told(row: Good) -> None:
    reading = read_mark(row.sent)
    mark = reading.mark
    assert (mark.code, mark.tag, mark.data) == (row.code, row.tag, row.data)
    assert bool(reading.changes) == (row.sent != row.code)
    assert (mark.remark is not None) == row.remark
    known = find(mark.tag)
    assert known is not None and known.size is not None and len(mark.data) <= known.size


@pytest.mark.parametrize("row", DAMAGED, ids=lambda row: ascii(row.sent[:60]))
def test_a_damaged_code_is_refused_with_what_mends_it(row: Bad) -> None:
    with pytest.raises(Damaged) as refused:
        read_mark(row.sent)
    assert refused.value.code == row.code
    assert all((*refused.value.message, *refused.value.remedy))


@settings(deadline=None)
@given(st.sampled_from(FULL), st.data())
def test_a_cut_code_is_never_another_piece(code: str, data: st.DataObject) -> None:
    """Losing any one character, GS among them, is refused, told, or leaves the piece as it was."""
    place = data.draw(st.integers(0, len(code) - 1))
    whole = read_mark(code).mark
    try:
        reading = read_mark(code[:place] + code[place + 1 :])
    except Damaged:
        return
    in_serial = 18 <= place < len(code.split(GS)[0])  # a serial number has no check digit
    assert in_serial or reading.mark.remark is not None or reading.mark.data == whole.data


@settings(deadline=None)
@given(st.text(max_size=300))
def test_whatever_is_sent_is_read_or_refused(sent: str) -> None:
    try:
        reading = read_mark(sent)
    except Damaged:
        return
    assert reading.mark.code == sent or reading.changes
    assert reading.mark.kind is not MarkKind.UNKNOWN or reading.mark.remark is not None
    assert read_mark(reading.mark.code).mark == reading.mark


@pytest.mark.parametrize("digits", ["46203397", "4620303090780", "04690257528523", "00000000000000"])
def test_the_check_digit_is_that_of_gs1(digits: str) -> None:
    assert check_digit_fits(digits)
    wrong = str((int(digits[-1]) + 1) % 10)
    assert not check_digit_fits(digits[:-1] + wrong)


MARKING = a_profile(registration=a_registration(marked_goods=True))


def lines_with(*codes: str):
    lines = tuple(a_line_request(mark_code=code) for code in codes)
    return a_request(lines=lines, payments=(a_payment(sum(line.price_kop for line in lines)),))


def test_the_document_carries_the_plain_code_and_the_answer_says_what_was_changed() -> None:
    result = checked(lines_with("]d2" + FULL[0].replace(GS, "<GS>")), MARKING)
    assert result.receipt.lines[0].mark_code == FULL[0]
    (warning,) = result.warnings
    assert (warning.code, warning.field, warning.tag) == ("MARK_NORMALISED", "items.0.mark_code", 2000)
    assert "]d2" in warning.message.en and "GS" in warning.message.ru


@pytest.mark.parametrize(
    ("code", "warned"),
    [("46203397", "MARK_IS_BARCODE"), ("x", "MARK_UNKNOWN"), (SHOES + GS + KEY, "MARK_CHECK_PART")],
)
def test_what_is_fine_for_the_document_and_worth_a_look_is_told(code: str, warned: str) -> None:
    assert [w.code for w in checked(lines_with(code), MARKING).warnings] == [warned]


@pytest.mark.parametrize(
    "second", [FULL[0], "]d2" + FULL[0], FULL[0].replace(GS, "<GS>"), in_base64(FULL[0]), SHOES + TAIL_88]
)
def test_a_piece_twice_is_refused_however_its_code_is_written(second: str) -> None:
    refused = refusals(lines_with(FULL[0], second), MARKING)
    assert [(v.field, v.code) for v in refused] == [("items.1.mark_code", "mark_code_twice")]


def test_a_barcode_may_stand_twice() -> None:
    assert len(checked(lines_with("46203397", "46203397"), MARKING).receipt.lines) == 2
