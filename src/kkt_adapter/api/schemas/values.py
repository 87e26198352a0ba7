"""Single values of a request: from what a till wrote to what `fiscal` works with.

Each function takes any JSON value and returns the canonical one or raises ``Refused`` with a text for people.
Numbers arrive as int or Decimal (``api/body.py`` sees to it) and stay exact; a bool is never a number.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from kkt_adapter.fiscal.ffd.marks.spelling import RAW_LIMIT as MARK_RAW_LIMIT
from kkt_adapter.fiscal.ffd.measures import find_measure
from kkt_adapter.fiscal.ffd.vat import VatRateUnknown, parse_vat
from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import QUANTITY_SCALE, Kopecks, Quantity

MAX_KOPECKS = 2**48 - 1  # VLN of 6 bytes: tags 1020, 1031, 1043, 1079 (FFD format tables)
MAX_QUANTITY = 2**56 - 1  # FVLN of 8 bytes, one of them the position of the point: tag 1023
_MAX_MAGNITUDE = 15  # decimal places before the point; more cannot fit either limit

_FLOAT_DIGITS = 15  # significant digits of a binary fraction written out: nobody types 0.30000000000000004

_CENT = Decimal("0.01")
_MICRO = Decimal("0.000001")
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?\s*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_MARK_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1c\x1e\x1f\x7f-\x9f\ud800-\udfff]"
)  # all but GS and line ends
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

T = TypeVar("T")


class Refused(ValueError):
    """A value that does not fit; becomes one entry of ``errors``."""

    def __init__(self, code: str, message: Text, remedy: Text | None = None) -> None:
        super().__init__(message.en)
        self.code = code
        self.message = message
        self.remedy = remedy


def amount(value: object) -> Kopecks:
    """Rubles above zero, as a number or numeric text, to kopecks; rounded half up to the kopeck."""
    if type(value) is int:
        kopecks = value * 100
    else:
        number = _number(value)
        if number.adjusted() > _MAX_MAGNITUDE:
            raise _too_large(MAX_KOPECKS)
        kopecks = int(number.quantize(_CENT, ROUND_HALF_UP) * 100)
        if kopecks == 0 and number > 0:
            raise Refused(
                "not_positive",
                Text("is less than half a kopeck", "меньше половины копейки"),
                Text("Send rubles: 1 kopeck is 0.01.", "Передайте рубли: 1 копейка — это 0.01."),
            )
    if kopecks <= 0:
        raise _not_positive()
    if kopecks > MAX_KOPECKS:
        raise _too_large(MAX_KOPECKS)
    return Kopecks(kopecks)


def amount_or_zero(value: object) -> Kopecks:
    """As ``amount``, and zero is fine too, also as text: what is only information, or an empty drawer."""
    number = _number(value) if type(value) is str else value
    if number == 0 and type(number) is not bool:
        return Kopecks(0)
    return amount(value)


def quantity(value: object) -> Quantity:
    """A quantity above zero with at most six decimals, as a number or numeric text, to millionths.

    What a program calculated in floating point (15 digits and more) is rounded half up, as prices are.
    """
    if type(value) is int:
        millionths = value * QUANTITY_SCALE
    else:
        number = _number(value)
        if number.adjusted() > _MAX_MAGNITUDE:
            raise _too_large(MAX_QUANTITY)
        scaled = number.quantize(_MICRO, ROUND_HALF_UP)
        if scaled != number and len(number.as_tuple().digits) < _FLOAT_DIGITS:
            raise Refused(
                "too_many_decimals",
                Text("has more than six decimals", "больше шести знаков после запятой"),
                Text("Round the quantity to six decimals.", "Округлите количество до шести знаков."),
            )
        millionths = int(scaled * QUANTITY_SCALE)
    if millionths <= 0:
        raise _not_positive()
    if millionths > MAX_QUANTITY:
        raise _too_large(MAX_QUANTITY)
    return Quantity(millionths)


def vat_rate(value: object) -> VatRate:
    """A rate as a number (20, 20.0), a text ("20%", "vat20", "22/122", "no_vat") or null (no VAT)."""
    if value is None:
        return VatRate.NONE
    if type(value) is str:
        text = value
    elif type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        number = Decimal(value)
        small = number.adjusted() < 4  # arithmetic with 1e1000000000 overflows
        text = str(int(number)) if small and number == int(number) else str(value)[:20]
    else:
        raise Refused("wrong_type", Text("must be a VAT rate", "должно быть ставкой НДС"))
    try:
        return parse_vat(text)
    except VatRateUnknown as unknown:
        raise Refused("unknown_value", unknown.text) from unknown


def word(table: Mapping[str, T], known: str) -> Callable[[object], T]:
    """A word of a closed set in any letter case; ``known`` lists the set for people."""

    def one_of(value: object) -> T:
        if type(value) is not str:
            raise wrong_type("text", "текстом")
        found = table.get(value)
        if found is None:
            found = table.get(value.strip().lower())
        if found is None:
            raise _unknown(known)
        return found

    return one_of


def code_or_word(table: Mapping[str, int], known: str) -> Callable[[object], int]:
    """A code of FFD, as a number or text, or a word for it (``full_payment``, ``fullPayment``)."""
    codes = frozenset(table.values())

    def one_of(value: object) -> int:
        if type(value) is int:
            found = value if value in codes else None
        elif type(value) is Decimal:
            found = int(value) if value.is_finite() and value in codes else None
        elif type(value) is str:
            plain = value.strip().lower().replace("_", "").replace("-", "").replace(" ", "")
            found = int(plain) if plain.isdecimal() and len(plain) < 4 else table.get(plain)
            found = found if found in codes else None
        else:
            raise wrong_type("a code or a word", "кодом или словом")
        if found is None:
            raise _unknown(known)
        return found

    return one_of


def unit(value: object) -> str:
    """A measure as code or word, left as the till wrote it; the register's FFD version decides its form."""
    if type(value) is int:
        text = str(value) if 0 <= value <= 255 else ""
    elif type(value) is str:
        text = _clean(value)
    else:
        raise wrong_type("a code or a word", "кодом или словом")
    if find_measure(text) is None:
        raise Refused(
            "unknown_value",
            Text("is not a measure", "нет такой единицы измерения"),
            Text(
                "Send a code of tag 2108 (0 pieces, 11 kg, 41 l, 255 other) or a word of up to 16 letters.",
                "Передайте код тега 2108 (0 штуки, 11 кг, 41 л, 255 иное) или слово до 16 символов.",
            ),
        )
    return text


def text(most: int) -> Callable[[object], str]:
    """Text of 1 to ``most`` characters that says something; line breaks and tabs become spaces."""

    def fitting(value: object) -> str:
        if type(value) is not str:
            raise wrong_type("text", "текстом")
        clean = _clean(value)
        if not clean or clean.isspace():
            raise Refused("empty", Text("is empty", "пусто"))
        if len(clean) > most:
            raise Refused(
                "too_long",
                Text(
                    f"has {len(clean)} characters, at most {most} fit",
                    f"символов {len(clean)}, допустимо {most}",
                ),
            )
        return clean

    return fitting


def unspaced(most: int) -> Callable[[object], str | None]:
    """As ``optional_text``, for contacts and INNs: spaces around them say nothing."""
    fitting = optional_text(most)

    def fitting_or_none(value: object) -> str | None:
        return fitting(value.strip() if type(value) is str else value)

    return fitting_or_none


def optional_text(most: int) -> Callable[[object], str | None]:
    """As ``text``, but an empty one means "not said": many programs send every field they have."""
    fitting = text(most)

    def fitting_or_none(value: object) -> str | None:
        return None if type(value) is str and not value.strip() else fitting(value)

    return fitting_or_none


def identifier(most: int) -> Callable[[object], str | None]:
    """An optional name that some programs keep as a whole number; always text from here on."""
    fitting = optional_text(most)

    def as_text(value: object) -> str | None:
        return fitting(str(value) if type(value) is int and abs(value) < 10**18 else value)

    return as_text


def text_or_number(most: int) -> Callable[[object], str]:
    """Required text that some programs write as a whole number (Unix milliseconds)."""
    fitting = text(most)

    def as_text(value: object) -> str:
        return fitting(str(value) if type(value) is int and abs(value) < 10**18 else value)

    return as_text


def visible(most: int) -> Callable[[object], str]:
    """Text of 1 to ``most`` visible characters, not beginning or ending with a space."""

    def fitting(value: object) -> str:
        if type(value) is not str:
            raise wrong_type("text", "текстом")
        if not 1 <= len(value) <= most or not value.isprintable() or value != value.strip():
            raise Refused(
                "bad_text" if value else "empty",
                Text(
                    f"must be 1 to {most} visible characters", f"должно быть от 1 до {most} видимых символов"
                ),
            )
        return value

    return fitting


def mark_code(value: object) -> str:
    """A marking code as the scanner gave it; what it is, the fiscal room reads (``ffd/marks``)."""
    if type(value) is not str:
        raise wrong_type("text", "текстом")
    if not 1 <= len(value) <= MARK_RAW_LIMIT or _MARK_CONTROL.search(value):
        raise Refused(
            "bad_text",
            Text("is not a marking code", "не похоже на код маркировки"),
            Text(
                "Send the whole code as the scanner reads it, separators as \\u001d.",
                "Передайте код целиком, как его читает сканер, разделители как \\u001d.",
            ),
        )
    return value


def yes_or_no(value: object) -> bool:
    if type(value) is not bool:
        raise wrong_type("true or false", "true или false")
    return value


def day(value: object) -> date:
    """A calendar day, ``2026-03-01``."""
    if type(value) is str and _DATE.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise Refused(
        "bad_date",
        Text("is not a day", "не дата"),
        Text("Write it as 2026-03-01.", "Запишите как 2026-03-01."),
    )


def digits(most: int) -> Callable[[object], str]:
    """Decimal digits, as text or as a whole number."""

    def only_digits(value: object) -> str:
        shown = str(value) if type(value) is int and 0 <= value < 10**most else value
        if type(shown) is not str or not (shown.isascii() and shown.isdecimal() and len(shown) <= most):
            raise Refused("bad_text", Text(f"must be 1 to {most} digits", f"должно быть от 1 до {most} цифр"))
        return shown

    return only_digits


def _number(value: object) -> Decimal:
    if type(value) is str:
        if _NUMBER.match(value) is None:
            raise Refused(
                "not_a_number",
                Text("is not a number", "не число"),
                Text("Write it with a point: 100.50.", "Запишите с точкой: 100.50."),
            )
        return Decimal(value.strip())
    if type(value) is not Decimal:
        raise wrong_type("a number", "числом")
    if not value.is_finite():
        raise Refused("not_finite", Text("must be a finite number", "должно быть конечным числом"))
    return value


def _clean(value: str) -> str:
    if value.isprintable():
        return value
    if _CONTROL.search(value):
        raise Refused(
            "bad_text",
            Text(
                "has control characters or broken Unicode",
                "содержит управляющие символы или испорченный Юникод",
            ),
            Text("Remove them.", "Удалите их."),
        )
    return value.replace("\t", " ").replace("\r\n", " ").replace("\n", " ").replace("\r", " ")


def wrong_type(en: str, ru: str) -> Refused:
    return Refused("wrong_type", Text(f"must be {en}", f"должно быть {ru}"))


def _not_positive() -> Refused:
    return Refused("not_positive", Text("must be above zero", "должно быть больше нуля"))


def _too_large(most: int) -> Refused:
    limit = f"{most // 100}" if most == MAX_KOPECKS else f"{most // QUANTITY_SCALE}"
    return Refused("too_large", Text(f"is too large, at most {limit}", f"слишком велико, не более {limit}"))


def _unknown(known: str) -> Refused:
    return Refused(
        "unknown_value",
        Text("is not a known value", "неизвестное значение"),
        Text(f"Send one of: {known}.", f"Передайте одно из: {known}."),
    )
