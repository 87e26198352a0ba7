"""The one grammar of marking codes: which kind a code is, what identifies the piece, and what damages it.

A code here is plain already: no sign of the scanner before it, separators as GS (``spelling`` sees to that).

Sources: GS1 General Specifications (application identifiers, character set 82, check digit of a GTIN);
parts 21, 91, 92, 93 and 8005 and the shapes of short, fur and alcohol codes as two public implementations
agree on them (docs/reference/marking-codes.md). Characters 9..31 of an EGAIS 2.0 stamp: sourced once.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kkt_adapter.fiscal.ffd.marks.damage import (
    SCAN_AGAIN,
    Damaged,
    lost_separator,
    two_readings,
    wrong_character,
    wrong_check_digit,
    wrong_parts,
    wrong_shape,
)
from kkt_adapter.kernel.errors import Text

MARK_CODE_LIMIT: Final = 256  # tag 2000, the whole code
GS: Final = "\x1d"  # ends a part of variable length in GS1 codes
SERIAL_LIMIT: Final = 20  # GS1 AI 21
UNKNOWN_LIMIT: Final = 32  # tag 1300


class MarkKind(StrEnum):
    GS1 = "gs1"  # 1305: product and serial number, with or without the check part
    SHORT = "short"  # 1306: tobacco pack
    FUR = "fur"  # 1307
    EGAIS2 = "egais2"  # 1308: excise stamp of 68 characters
    EGAIS3 = "egais3"  # 1309: excise stamp of 150 characters
    BARCODE = "barcode"  # 1301, 1302, 1303: EAN-8, EAN-13, ITF-14; names a product, not a piece
    UNKNOWN = "unknown"  # 1300


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMark:
    code: str  # the whole code
    kind: MarkKind
    tag: int  # 1300..1309, the element of 1163
    data: str  # its ASCII value: what identifies the piece
    remark: Text | None = None  # fine for the document, but somebody should look at it


_GS1_LOOK = re.compile(r"01[0-9]{14}")
_GS1_WITHIN = re.compile(r".+?01[0-9]{14}21", re.DOTALL)
_SET_82 = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]*")
_SHORT = re.compile(r"([0-9]{14})([!-~]{7})[!-~]{8}\Z")  # GTIN, serial number, price and check part
_SHORT_LIKE = 40  # characters; a longer text that begins with a GTIN is no pack of tobacco
_FUR_LOOK = re.compile(r"[A-Za-z]{2}-[0-9]{6}-")
_FUR = re.compile(r"[A-Z]{2}-[0-9]{6}-[A-Z0-9]{10}\Z")
_STAMP_LOOK = re.compile(r"[0-9A-Za-z]{60,160}\Z")
_STAMP = re.compile(r"[0-9A-Z]+\Z")
_DIGITS_TAG = {8: 1301, 13: 1302, 14: 1303}

_PREDEFINED = re.compile(r"(?P<name>1[1-35-7]|3[1-6][0-9]{2})(?P<value>[0-9]{6})|20[0-9]{2}")
"""Parts of a fixed length that need no GS after them: dates, measures, variant (20)."""

_VARIABLE = re.compile(
    r"(10|22|24[0-3]|25[0-4]|30|37|39[0-3][0-9]|400|7003|8005|8008|8200|9[0-9])(.+)\Z", re.DOTALL
)
_LENGTHS = {"91": 4, "93": 4, "8005": 6, "7003": 10}  # of parts whose length is certain
_DIGITS_ONLY = frozenset({"8005", "7003"})
_CHECK_LENGTHS = frozenset({44, 88})  # AI 92
_GLUED = re.compile(r"(.{5,})(?:(?P<check>9[13]).{4}|(?P<price>8005)[0-9]{6}|(?P<weight>310[0-9])[0-9]{6})\Z")
"""A serial number that ends like the next part: its separator may be lost. Serial numbers have 5 and more."""


def parse(code: str) -> ParsedMark:
    """What a plain code is.

    Raises:
        Damaged: it begins like a known kind and does not go on like one, or is no code at all.
    """
    if not 0 < len(code) <= MARK_CODE_LIMIT:
        raise wrong_shape(MARK_CODE_LIMIT)
    if _GS1_LOOK.match(code) and (code[16:18] == "21" or _SHORT.match(code) is None):
        return _gs1(code)
    if not (code.isascii() and code.isprintable()):
        raise _unprintable(code)
    if code.isdigit() and len(code) in _DIGITS_TAG:
        return _barcode(code)
    if len(code) > 14 and code[:14].isdigit():
        short = _short(code)
        if short is not None:
            return short
    if _FUR_LOOK.match(code):
        return _fur(code)
    if _STAMP_LOOK.match(code):
        return _stamp(code)
    if _GS1_WITHIN.match(code):
        raise wrong_parts(
            "Something stands before the GS1 code: two codes in one field, or a prefix of the scanner.",
            "Перед кодом GS1 стоит лишнее: два кода в одном поле или префикс сканера.",
        )
    return ParsedMark(
        code=code, kind=MarkKind.UNKNOWN, tag=1300, data=code[:UNKNOWN_LIMIT], remark=_unknown(code)
    )


def check_digit_fits(digits: str) -> bool:
    """GS1 mod 10 over a GTIN of 8, 12, 13 or 14 digits, the last of them the check digit."""
    weighted = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(reversed(digits)))
    return weighted % 10 == 0


def _unprintable(code: str) -> Damaged:
    if GS in code and code.isascii():
        return wrong_parts(
            "The code has separators (GS), but does not begin with 01, 14 digits and 21 as a GS1 code does.",
            "В коде есть разделители (GS), но он не начинается с 01, 14 цифр и 21, как код GS1.",
        )
    cyrillic = next((c for c in code if "\u0400" <= c <= "\u04ff"), None)
    if cyrillic is not None and any("a" <= c.lower() <= "z" for c in code):
        return wrong_character(cyrillic)
    return wrong_shape(MARK_CODE_LIMIT)


def _gs1(code: str) -> ParsedMark:
    gtin = code[2:16]
    if code[16:18] != "21" or len(code) == 18:
        raise wrong_parts(
            "A GS1 marking code has the serial number (21) after the product (01); this one has none.",
            "В коде маркировки GS1 после товара (01) стоит серийный номер (21); здесь его нет.",
        )
    for field in code[18:].split(GS):
        fits = _SET_82.match(field)
        if fits is not None and fits.end() < len(field):
            raise wrong_character(field[fits.end()])
    serial, *rest = code[18:].split(GS)
    if not check_digit_fits(gtin):
        raise wrong_check_digit(gtin)
    if len(serial) > SERIAL_LIMIT:
        raise lost_separator(
            f"The serial number (21) would have {len(serial)} characters, {SERIAL_LIMIT} are possible: "
            "the scanner drops GS.",
            f"В серийном номере (21) оказалось бы {len(serial)} символов, бывает не более {SERIAL_LIMIT}: "
            "сканер теряет GS.",
        )
    parts = _parts(rest)
    _refuse_glued(serial, parts)
    return ParsedMark(
        code=code, kind=MarkKind.GS1, tag=1305, data=f"01{gtin}21{serial}", remark=_check_part_remark(parts)
    )


def _parts(fields: list[str]) -> dict[str, str]:
    """The parts after the serial number by application identifier."""
    parts: dict[str, str] = {}
    for field in fields:
        if not field:
            raise wrong_parts("A part between two GS is empty.", "Между двумя GS пусто.")
        left = field
        while left:
            fixed = _PREDEFINED.match(left)
            if fixed is not None:
                name, value = fixed["name"] or "20", fixed["value"] or left[2:4]
                left = left[fixed.end() :]
            else:
                name, value = _variable(left)
                left = ""
            if name in parts:
                raise wrong_parts(
                    f"The part ({name}) stands twice: two codes in one field?",
                    f"Часть ({name}) указана дважды: два кода в одном поле?",
                )
            parts[name] = value
    return parts


def _variable(field: str) -> tuple[str, str]:
    found = _VARIABLE.match(field)
    if found is None:
        raise wrong_parts(
            f"After GS stands {field[:6]!r}, which begins no known part (91, 92, 93, 8005 ...).",
            f"После GS стоит {field[:6]!r}: это не начало известной части (91, 92, 93, 8005 ...).",
        )
    name, value = found[1], found[2]
    length = _LENGTHS.get(name)
    if length is not None and len(value) > length:
        raise lost_separator(
            f"The part ({name}) has {len(value)} characters and not {length}: the scanner drops GS.",
            f"В части ({name}) символов {len(value)}, а не {length}: сканер теряет GS.",
        )
    if length is not None and (len(value) < length or (name in _DIGITS_ONLY and not value.isdigit())):
        digits = name in _DIGITS_ONLY
        raise wrong_parts(
            f"The part ({name}) has {length} {'digits' if digits else 'characters'}; here it has others.",
            f"В части ({name}) {length} {'цифр' if digits else 'символов'}; здесь иначе.",
        )
    return name, value


def _refuse_glued(serial: str, parts: dict[str, str]) -> None:
    """Refuse a serial number that may have swallowed the part after it."""
    if "92" in parts and "91" not in parts:
        raise lost_separator(
            "The part (92) stands without the key (91) before it: a separator is lost.",
            "Часть (92) стоит без ключа (91) перед ней: разделитель потерян.",
        )
    glued = _GLUED.match(serial)
    if glued is None:
        return
    if glued["check"]:
        clear = bool(parts.keys() & {"91", "92", "93"})
    elif glued["price"]:
        clear = "8005" in parts or "91" in parts
    else:
        clear = any(name.startswith("310") for name in parts) or "91" in parts
    if not clear:
        part = glued["check"] or glued["price"] or glued["weight"]
        raise two_readings(
            f"{serial!r} may be one serial number, or one of {len(glued[1])} characters and the part "
            f"({part}) whose separator was lost.",
            f"{serial!r} — либо один серийный номер, либо номер из {len(glued[1])} символов и часть "
            f"({part}), перед которой потерян разделитель.",
        )


def _check_part_remark(parts: dict[str, str]) -> Text | None:
    check = parts.get("92")
    if check is None and "91" in parts:
        return Text(
            "The check part (92) is missing after the key (91): the FN cannot check the code.",
            "После ключа (91) нет кода проверки (92): ФН не сможет проверить код.",
        )
    if check is not None and len(check) not in _CHECK_LENGTHS:
        return Text(
            f"The check part (92) has {len(check)} characters, 44 or 88 are known: it may be cut.",
            f"В коде проверки (92) символов {len(check)}, известны 44 и 88: возможно, он обрезан.",
        )
    return None


def _barcode(code: str) -> ParsedMark:
    if not check_digit_fits(code):
        raise wrong_check_digit(code)
    return ParsedMark(
        code=code,
        kind=MarkKind.BARCODE,
        tag=_DIGITS_TAG[len(code)],
        data=code,
        remark=Text(
            "This is the product's barcode, not a marking code: it does not say which piece is sold.",
            "Это штрихкод товара, а не код маркировки: он не говорит, какая единица продана.",
        ),
    )


def _short(code: str) -> ParsedMark | None:
    """A tobacco pack; None for what only happens to begin with 14 digits."""
    found, gtin_fits = _SHORT.match(code), check_digit_fits(code[:14])
    if found is not None and _SET_82.fullmatch(code):
        if not gtin_fits:
            raise wrong_check_digit(code[:14])
        return ParsedMark(code=code, kind=MarkKind.SHORT, tag=1306, data=f"01{found[1]}21{found[2]}")
    if gtin_fits and not code.isdigit() and len(code) <= _SHORT_LIKE:
        raise wrong_parts(
            f"The code of a tobacco pack has 29 characters, this one has {len(code)} or others than it may.",
            f"В коде пачки табака 29 символов, здесь {len(code)} или недопустимые символы.",
        )
    return None


def _fur(code: str) -> ParsedMark:
    if _FUR.match(code) is None:
        raise wrong_parts(
            "The number of a fur mark is RU-, six digits, a dash and ten capital letters or digits.",
            "Номер знака мехового изделия: RU-, шесть цифр, дефис и десять заглавных букв или цифр.",
        )
    return ParsedMark(code=code, kind=MarkKind.FUR, tag=1307, data=code)


def _stamp(code: str) -> ParsedMark:
    if _STAMP.match(code) is not None:
        if len(code) == 68:
            return ParsedMark(code=code, kind=MarkKind.EGAIS2, tag=1308, data=code[8:31])
        if len(code) == 150:
            return ParsedMark(code=code, kind=MarkKind.EGAIS3, tag=1309, data=code[:14])
    small = any(c.islower() for c in code)
    raise wrong_parts(
        f"An excise stamp has 68 or 150 digits and capital letters; this one has {len(code)} characters"
        f"{', small letters among them' if small else ''}.",
        f"В акцизной марке 68 или 150 цифр и заглавных букв; здесь символов {len(code)}"
        f"{', есть строчные буквы' if small else ''}.",
        _CAPS_LOCK if small else SCAN_AGAIN,
    )


_CAPS_LOCK = Text("Switch Caps Lock off and scan again.", "Выключите Caps Lock и отсканируйте ещё раз.")


def _unknown(code: str) -> Text:
    cut = len(code) > UNKNOWN_LIMIT
    return Text(
        "The kind of this code is not known; the document will say 'not identified' (1300)"
        + (f" and its first {UNKNOWN_LIMIT} characters." if cut else "."),
        "Вид кода не распознан; в документе будет «не идентифицирован» (1300)"
        + (f" и первые {UNKNOWN_LIMIT} символа." if cut else "."),
    )
