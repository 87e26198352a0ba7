"""Numbers, times and texts of ATOL's JSON: rubles as decimal numbers, times as the register's own digits.

Nothing here is a binary floating point number: JSON is read with ``Decimal`` and written from it. A time's
digits are the register's wall clock; its suffix is the zone of the PC that the web server runs on, and is
never used (docs/reference/atol.md, Times).
"""

import json
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.kernel.money import QUANTITY_SCALE, Kopecks, kopecks

_TIME_CHARACTERS = 19  # yyyy-mm-ddThh:mm:ss
NEVER_BEFORE = 2000  # a time of 1970 stands for "never"


class BadAtolAnswer(ValueError):
    """An answer that lacks what it must hold, or holds what cannot be."""


def read_json(body: bytes) -> Any:
    """Raises BadAtolAnswer: no JSON; a web page, mostly."""
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadAtolAnswer(f"no JSON: {body[:80]!r}") from error


def rubles(amount_kop: int) -> Decimal:
    return Decimal(amount_kop).scaleb(-2)


def decimal_quantity(millionths: int) -> Decimal:
    whole, rest = divmod(millionths, QUANTITY_SCALE)
    return Decimal(whole) if not rest else Decimal(millionths).scaleb(-6).normalize()


def dotted(day: date) -> str:
    return f"{day:%Y.%m.%d}"


def dotted_time(moment: datetime) -> str:
    return f"{moment:%Y.%m.%d %H:%M:%S}"


def member(content: Any, name: str) -> Any:
    """Raises BadAtolAnswer: it is not there."""
    if not isinstance(content, dict) or name not in content:
        raise BadAtolAnswer(f"{name} is missing")
    return content[name]


def section(content: Any, name: str) -> JsonObject:
    """A member that is an object. Raises BadAtolAnswer."""
    found = member(content, name)
    if not isinstance(found, dict):
        raise BadAtolAnswer(f"{name} is no object")
    return found


def whole(content: Any, name: str) -> int:
    """Raises BadAtolAnswer: missing, or no whole number."""
    found = optional_whole(content, name)
    if found is None:
        raise BadAtolAnswer(f"{name} is missing")
    return found


def optional_whole(content: Any, name: str) -> int | None:
    found = content.get(name) if isinstance(content, dict) else None
    if found is None or isinstance(found, bool):
        return None
    try:
        number = Decimal(str(found).strip())
    except InvalidOperation as error:
        raise BadAtolAnswer(f"{name} is no number: {found!r}") from error
    if not number.is_finite() or number != number.to_integral_value():
        raise BadAtolAnswer(f"{name} is no whole number: {found!r}")
    return int(number)


def money(content: Any, name: str) -> Kopecks | None:
    """None: not there. Raises BadAtolAnswer: no amount."""
    found = content.get(name) if isinstance(content, dict) else None
    if found is None or isinstance(found, bool):
        return None
    try:
        amount = Decimal(str(found))
    except InvalidOperation as error:
        raise BadAtolAnswer(f"{name} is no amount: {found!r}") from error
    if not amount.is_finite():
        raise BadAtolAnswer(f"{name} is no amount: {found!r}")
    return kopecks(amount)


def text(content: Any, name: str) -> str:
    """Empty when it is not there."""
    found = content.get(name) if isinstance(content, dict) else None
    return found.strip() if isinstance(found, str) else ""


def moment(content: Any, name: str) -> datetime:
    """The digits of a time, without its zone. Raises BadAtolAnswer."""
    found = text(content, name)
    try:
        return datetime.fromisoformat(found[:_TIME_CHARACTERS]).replace(tzinfo=None)
    except ValueError as error:
        raise BadAtolAnswer(f"{name} is no time: {found!r}") from error


def optional_moment(content: Any, name: str) -> datetime | None:
    """None: not there, not a time, or the 1970 that stands for "never"."""
    try:
        found = moment(content, name)
    except BadAtolAnswer:
        return None
    return found if found.year >= NEVER_BEFORE else None


def flag(content: Any, name: str) -> bool:
    return isinstance(content, dict) and content.get(name) is True
