"""Rows as PostgreSQL takes them in one statement of one text: an array for each column, in text form.

A VALUES list needs another text for each number of rows, and the driver looks for the placeholders of a
text with more than fifty of them at every execution: 2.4 ms for 32 receipts, sent as 700 parameters.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Boolean, Float, LargeBinary, Text
from sqlalchemy.types import TypeEngine

Literal: TypeAlias = Callable[[Sequence[Any]], str]
"""The array that has these values. Raises ValueError: a text has a NUL, which PostgreSQL cannot store."""


def array_of(kind: TypeEngine[Any]) -> tuple[TypeEngine[Any], Literal]:
    """The type of the elements that values of a column's type are sent as, and how their array is written.

    Raises:
        TypeError: no bulk statement had such a column before; say here how it is written.
    """
    for element, literal in _ELEMENTS:
        if kind._type_affinity is element._type_affinity:
            return element, literal
    raise TypeError(f"columns of type {kind!r} are not written as arrays")


def plain(value: object) -> bytes | None:
    """A single parameter in text form; None: NULL."""
    match value:
        case None:
            return None
        case bool() | int() | float():
            return str(value).encode()
        case str() if "\0" not in value:
            return value.encode()
    raise TypeError(f"{type(value).__name__} is not written as a constant of a statement")


def _numbers(values: Sequence[int | float | bool | None]) -> str:
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def _texts(values: Sequence[str | None]) -> str:
    literal = "{" + ",".join(map(_text, values)) + "}"
    if "\0" in literal:
        raise ValueError("PostgreSQL cannot store the character NUL")
    return literal


def _text(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    return '"' + value.replace('"', '\\"') + '"'


def _binaries(values: Sequence[bytes | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


_ELEMENTS: tuple[tuple[TypeEngine[Any], Literal], ...] = (
    (BigInteger(), _numbers),
    (Text(), _texts),
    (LargeBinary(), _binaries),
    (Boolean(), _numbers),
    (Float(), _numbers),
)
