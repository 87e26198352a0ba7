"""Single values of the requisites that most receipts do not have; see ``values``."""

import re
from collections.abc import Callable
from datetime import datetime

from kkt_adapter.api.schemas.values import Refused, text, wrong_type
from kkt_adapter.kernel.errors import Text

_WALL_CLOCK = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?\Z")


def fixed_digits(count: int) -> Callable[[object], str]:
    """A code of ``count`` digits; as a number its leading zeros are put back."""

    def only_digits(value: object) -> str:
        shown = f"{value:0{count}d}" if type(value) is int and value >= 0 else value
        if type(shown) is not str or not (shown.isascii() and shown.isdecimal() and len(shown) == count):
            raise Refused("bad_text", Text(f"must be {count} digits", f"должно быть {count} цифры"))
        return shown

    return only_digits


def whole(least: int, most: int) -> Callable[[object], int]:
    """A whole number within bounds."""

    def within(value: object) -> int:
        if type(value) is not int:
            raise wrong_type("a whole number", "целым числом")
        if not least <= value <= most:
            raise Refused(
                "out_of_range",
                Text(f"must be {least} to {most}", f"должно быть от {least} до {most}"),
            )
        return value

    return within


def texts(most: int, longest: int) -> Callable[[object], tuple[str, ...]]:
    """Up to ``most`` texts in a list; one alone may stand without the list."""
    fitting = text(longest)

    def all_fitting(value: object) -> tuple[str, ...]:
        if type(value) is str:
            return (fitting(value),) if value.strip() else ()
        if type(value) is not list:
            raise wrong_type("a list of texts", "списком строк")
        if len(value) > most:
            raise Refused(
                "too_many",
                Text(f"has more than {most} entries", f"содержит больше {most} записей"),
            )
        return tuple([fitting(one) for one in value])

    return all_fitting


def wall_clock(value: object) -> datetime:
    """A time of day of the register's place, ``2026-03-01T10:00:00``, without a zone."""
    if type(value) is str and _WALL_CLOCK.match(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise Refused(
        "bad_date",
        Text("is not a local time", "не местное время"),
        Text("Write it as 2026-03-01T10:00:00.", "Запишите как 2026-03-01T10:00:00."),
    )
