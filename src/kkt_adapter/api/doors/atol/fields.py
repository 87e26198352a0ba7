"""Reading a body of ATOL Online: every field by its JSON path, everything that is wrong at once.

Clients send numbers as text and whole numbers with a point; that is taken. Money and quantities are passed on
as they are and judged by the core.
"""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from kkt_adapter.api.doors.atol.errors import FieldFinding

T = TypeVar("T")


class AtolFields:
    """One object of the body. ``found`` is shared by all objects of it."""

    def __init__(self, members: dict[str, Any], path: str, found: list[FieldFinding]) -> None:
        self._members = members
        self.path = path
        self.found = found

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def refuse(self, name: str, text: str) -> None:
        self.found.append(FieldFinding(path=self.at(name), text=text))

    def raw(self, name: str) -> Any:
        """As it was sent; None when it is not there."""
        return self._members.get(name)

    def text(self, name: str, most: int, *, required: bool = False) -> str | None:
        """A text of at most ``most`` characters; a number is taken as its digits. Empty counts as absent."""
        value = self._members.get(name)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = str(value)
        if value is None or (isinstance(value, str) and not value.strip()):
            if required:
                self.refuse(name, "обязательное поле. Передайте его")
            return None
        if not isinstance(value, str):
            self.refuse(name, "должно быть текстом")
            return None
        if len(value) > most:
            self.refuse(name, f"символов {len(value)}, допустимо {most}. Сократите")
            return None
        return value.strip()

    def whole(self, name: str, allowed: Iterable[int], *, required: bool = False) -> int | None:
        """A whole number of a closed set, also as text."""
        value = self._members.get(name)
        if value is None or value == "":
            if required:
                self.refuse(name, "обязательное поле. Передайте его")
            return None
        number = _whole(value)
        known = list(allowed)
        if number is None or number not in known:
            self.refuse(name, f"допустимо {_shown(known)}")
            return None
        return number

    def word(self, name: str, table: Iterable[str], *, required: bool = False) -> str | None:
        value = self.text(name, 64, required=required)
        if value is None:
            return None
        known = list(table)
        if value not in known:
            self.refuse(name, f"допустимо {', '.join(known)}")
            return None
        return value

    def flag(self, name: str) -> bool | None:
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool):
            return value
        if value in ("true", "false", 0, 1):
            return value in ("true", 1)
        self.refuse(name, "допустимо true или false")
        return None

    def day(self, name: str, *, required: bool = False) -> str | None:
        """``dd.mm.yyyy`` as ISO; a time after it is cut off, as Bitrix sends one."""
        value = self.text(name, 32, required=required)
        if value is None:
            return None
        try:
            day, month, year = value.split(" ")[0].split(".")
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            self.refuse(name, "дата в форме дд.мм.гггг")
            return None

    def object(self, name: str, *, required: bool = False) -> "AtolFields | None":
        value = self._members.get(name)
        if value is None or value == []:  # PHP writes an empty object as a list
            if required:
                self.refuse(name, "обязательный объект. Передайте его")
            return None
        if not isinstance(value, dict):
            self.refuse(name, "должно быть объектом")
            return None
        return AtolFields(value, self.at(name), self.found)

    def objects(self, name: str, *, least: int, most: int) -> list["AtolFields"]:
        """A list of objects with ``least`` to ``most`` entries."""
        value = self._members.get(name)
        if value is None and least == 0:
            return []
        if not isinstance(value, list) or not least <= len(value) <= most:
            count = f", сейчас {len(value)}" if isinstance(value, list) else ""
            self.refuse(name, f"список из {least}–{most} объектов{count}")
            return []
        rows = []
        for place, one in enumerate(value):
            if isinstance(one, dict):
                rows.append(AtolFields(one, f"{self.at(name)}[{place}]", self.found))
            else:
                self.found.append(FieldFinding(path=f"{self.at(name)}[{place}]", text="должно быть объектом"))
        return rows

    def put(
        self, into: dict[str, Any], target: str, value: T | None, make: Callable[[T], Any] | None = None
    ) -> None:
        """Add a canonical field, if there is a value."""
        if value is not None:
            into[target] = value if make is None else make(value)


_MOST_DIGITS = 18  # 1e1000000000 as an int would need 400 MB and minutes


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < _MOST_DIGITS:
        return int(value) if value == value.to_integral_value() else None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return None


def _shown(known: list[int]) -> str:
    if len(known) > 2 and known == list(range(known[0], known[-1] + 1)):
        return f"{known[0]}–{known[-1]}"
    return ", ".join(map(str, sorted(known)))
