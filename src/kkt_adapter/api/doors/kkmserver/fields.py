"""One object of a request as KkmServer's clients write it.

Names come in any letter case, numbers as text, ``null`` and ``""`` mean "not said".
"""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, refused
from kkt_adapter.kernel.money import Kopecks, kopecks

MAX_TEXT = 4096
_NOTHING = Kopecks(0)
_USUAL = 10**9  # whole numbers below it need no look at their size
MOST_DIGITS = 40  # after the point: 1e-1000000000 written out would fill the memory
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:[.,][0-9]{0,20})?\Z")
_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no", ""})
_CYRILLIC_TWINS = str.maketrans("\u0441\u0421\u0430\u0410\u0435\u0415\u043e\u041e", "cCaAeEoO")


def folded(name: str) -> str:
    """A name without regard to case; Cyrillic letters that look Latin count as Latin ones.

    The maker's own page writes ``GetCounters`` with a Cyrillic C (forum.kkmserver.ru, topic 485).
    """
    return name.lower() if name.isascii() else name.translate(_CYRILLIC_TWINS).lower()


_our = lru_cache(maxsize=512)(folded)
"""``folded`` for names that stand in this program: there are few of them, and each is asked for again."""

LONGEST_KEPT = 64  # characters
_theirs = lru_cache(maxsize=1024)(folded)
"""The same for names that clients write; a longer name is folded each time, so that it fills no memory."""


def names(*written: str) -> frozenset[str]:
    """For ``Fields.has_any``: fields that belong together and that most commands do not have."""
    return frozenset(map(folded, written))


class Fields:
    """Reads members and remembers which were asked for; ``place`` leads to this object."""

    __slots__ = ("_asked", "_nested", "_numbers", "_values", "_written", "place")

    def __init__(self, members: Mapping[str, Any], place: str = "") -> None:
        values: dict[str, Any] = {}
        spellings: dict[str, str] = {}
        self.place = place
        self._values = values  # without null
        self._written = spellings
        self._asked: set[str] = set()
        self._nested: dict[str, Fields | list[Fields]] = {}  # those that were asked for
        self._numbers: dict[str, Decimal | None] = {}  # those that were asked for and took a look
        for written, value in members.items():
            name = _theirs(written) if len(written) <= LONGEST_KEPT else folded(written)
            if name not in values:
                spellings[name] = written
                if value is not None:
                    values[name] = value
            elif value is not None and values[name] != value:
                raise refused(
                    "duplicate_field",
                    f"The field {self._at(written)} is written twice with different values.",
                    f"Поле {self._at(written)} указано дважды с разными значениями. Оставьте одно.",
                )

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def written(self, name: str) -> str:
        """The path to a member as the client wrote it, or as it should have."""
        return self._at(self._written.get(folded(name), name))

    def has_any(self, folded_names: frozenset[str]) -> bool:
        """Whether one of them may be said; by ``names``. One look instead of one for each."""
        return not folded_names.isdisjoint(self._values)

    def value(self, name: str) -> Any:
        """The member as it is; None when it is absent, ``null`` or blank."""
        plain = _our(name)
        value = self._values.get(plain)
        if value is None:
            return None
        self._asked.add(plain)
        return None if type(value) is str and not value.strip() else value

    def text(self, name: str) -> str | None:
        """Numbers count as their text: EAN13 comes as a number, too."""
        plain = _our(name)
        value = self._values.get(plain)
        if value is None:
            return None
        self._asked.add(plain)
        if type(value) is str:
            return value if value.strip() else None
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return str(value)
        raise self._wrong(name, "text", "строкой")

    def number(self, name: str) -> Decimal | None:
        number = self.exact(name)
        return Decimal(number) if isinstance(number, int) else number

    def exact(self, name: str) -> int | Decimal | None:
        """The same; a whole number of a usual size as an int, because that is quicker to work with."""
        plain = _our(name)
        value = self._values.get(plain)
        if value is None:
            return None
        if type(value) is int and -_USUAL < value < _USUAL:
            self._asked.add(plain)
            return value
        if plain not in self._numbers:
            self._asked.add(plain)
            self._numbers[plain] = self._number(name, value)
        return self._numbers[plain]

    def spelled(self, names: Iterable[str]) -> list[str]:
        """Numbers, each in its one spelling; absent is 0."""
        said = self._values
        return [_spelled(self.exact(name) or 0) if _our(name) in said else "0" for name in names]

    def _number(self, name: str, value: Any) -> Decimal | None:
        if isinstance(value, bool):
            raise self._wrong(name, "a number", "числом")
        if isinstance(value, str):
            if not value.strip():
                return None
            plain = value.strip().replace("\u00a0", "").replace(" ", "")
            if _NUMBER.match(plain) is None:
                raise self._wrong(name, "a number", "числом")
            value = plain.replace(",", ".")
        if not isinstance(value, str | int | Decimal):
            raise self._wrong(name, "a number", "числом")
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise self._wrong(name, "a number", "числом") from None
        if not number.is_finite() or (number and not -MOST_DIGITS < number.adjusted() < 16):
            raise self._wrong(name, "a number of a possible size", "числом допустимой величины")
        return number or Decimal(0)

    def whole(self, name: str) -> int | None:
        number = self.exact(name)
        if number is None or isinstance(number, int):
            return number
        if number != number.to_integral_value():
            raise self._wrong(name, "a whole number", "целым числом")
        return int(number)

    def money(self, name: str) -> Kopecks | None:
        """Rubles to kopecks, half up. Raises CommandRefused below zero."""
        number = self.exact(name)
        if number is None:
            return None
        if number < 0:
            raise self._wrong(name, "zero or more", "не меньше нуля")
        return kopecks(number)

    def sums(self, names: Iterable[str]) -> list[Kopecks]:
        """``money`` of each; absent is 0."""
        said = self._values
        return [self.money(name) or _NOTHING if _our(name) in said else _NOTHING for name in names]

    def flag(self, name: str) -> bool | None:
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        plain = str(value).strip().lower()
        if plain in _TRUE:
            return True
        if plain in _FALSE:
            return False
        raise self._wrong(name, "true or false", "true или false")

    def object(self, name: str) -> "Fields | None":
        """A nested object; an empty one and an empty list count as absent. Asked again, it is the same."""
        known = self._nested.get(name)
        if isinstance(known, Fields):
            return known
        value = self.value(name)
        if value is None or value == [] or value == {}:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", "объектом")
        self._nested[name] = found = Fields(value, self.written(name))
        return found

    def objects(self, name: str) -> list["Fields"]:
        """A list of objects; ``null`` members are left out. Asked again, they are the same."""
        known = self._nested.get(name)
        if isinstance(known, list):
            return known
        value = self.value(name)
        if value is None or value == {}:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list", "списком")
        found = []
        for index, member in enumerate(value):
            if member is None:
                continue
            if not isinstance(member, dict):
                raise self._wrong(f"{name}[{index}]", "an object", "объектом")
            found.append(Fields(member, f"{self.written(name)}[{index}]"))
        self._nested[name] = found
        return found

    def unknown(self) -> list[str]:
        """Names that nobody asked for, as the client wrote them."""
        if len(self._asked) == len(self._values):
            return []
        return [self._at(self._written[name]) for name in self._values if name not in self._asked]

    def _wrong(self, name: str, en: str, ru: str) -> CommandRefused:
        place = self.written(name)[:120]
        return refused("bad_value", f"{place} must be {en}.", f"Поле {place} должно быть {ru}.")


def rounded(value: int | Decimal) -> Kopecks:
    """Kopecks with a fraction to whole ones, half up."""
    if isinstance(value, int):
        return Kopecks(value)
    return Kopecks(int(value.to_integral_value(rounding=ROUND_HALF_UP)))


@lru_cache(maxsize=1024)
def _spelled(number: int | Decimal) -> str:
    """Equal numbers are one entry, and have one spelling."""
    return format(Decimal(number).normalize(), "f")
