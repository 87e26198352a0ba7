"""JSON text in which a Decimal is a number with its own digits, so that money never becomes a float."""

import json
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object whose members are somebody else's: an answer of a device or a peer, a task for one, a text
that was stored. Never an answer of our own interface: those are declared in ``api/schemas/answers``."""

_text = json.JSONEncoder(ensure_ascii=False).encode
_ascii_text = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decoded = json.JSONDecoder(parse_float=Decimal).decode
_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def encode(value: Any) -> str:
    """Compact JSON of dicts, lists, texts, ints, bools, None and finite Decimals.

    Raises:
        TypeError: any other type, floats included where they are not finite.
    """
    try:
        return orjson.dumps(value, default=_digits, option=_PLAIN).decode()
    except TypeError:  # only the slow way writes long integers, lone surrogates, names that are no text
        out: list[str] = []
        _write(value, out.append)
        return "".join(out)


def _digits(value: Any) -> orjson.Fragment:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError
    return orjson.Fragment(format(value, "f"))


def ascii_only(value: Any) -> bytes:
    """JSON that no reader can decode wrongly: other letters as ``\\u`` escapes. No Decimals.

    Raises:
        TypeError: a type that JSON does not know.
    """
    return _ascii_text(value).encode("ascii")


def decode(text: str | bytes) -> Any:
    """JSON text to values; numbers with a point become Decimal."""
    if isinstance(text, str) and not text.startswith("\ufeff"):
        return _decoded(text)
    return json.loads(text, parse_float=Decimal)


def _write(value: Any, put: Any) -> None:
    match value:
        case None | bool() | str() | int():
            put(_text(value))
        case Decimal():
            if not value.is_finite():
                raise TypeError("JSON has no infinity and no NaN")
            put(format(value, "f"))
        case float():
            put(_text(value))
        case dict():
            put("{")
            for index, (name, member) in enumerate(value.items()):
                put("," if index else "")
                put(_text(str(name)))
                put(":")
                _write(member, put)
            put("}")
        case list() | tuple():
            put("[")
            for index, member in enumerate(value):
                put("," if index else "")
                _write(member, put)
            put("]")
        case _:
            raise TypeError(f"no JSON form for {type(value).__name__}")
