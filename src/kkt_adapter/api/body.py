"""Request bodies: from bytes to plain values, once, exactly, and without a way to hurt the process.

Numbers with a point become Decimal and never pass through a binary float. A name twice in one object is
refused: two programs may read it differently, and here it is money. NaN and Infinity are no JSON, but become
a Decimal of that name, so that the refusal can say which field has it.
"""

from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from kkt_adapter.api.problems import WHOLE_BODY, RequestInvalid
from kkt_adapter.api.schemas.findings import violations_of
from kkt_adapter.kernel.errors import Text, Violation

M = TypeVar("M", bound=BaseModel)

_BOM = b"\xef\xbb\xbf"  # some Windows programs begin every text with it


class _NameTwice(ValueError):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _NameTwice(name)
            seen.add(name)
    return members


_decode = JSONDecoder(object_pairs_hook=_members, parse_float=Decimal, parse_constant=Decimal).decode


def json_object(raw: bytes) -> dict[str, Any]:
    """The one JSON object a body holds.

    Raises:
        RequestInvalid: not UTF-8, not JSON, not an object, a name twice, nested too deep, a number too long.
    """
    try:
        document = _decode((raw[3:] if raw.startswith(_BOM) else raw).decode())
    except UnicodeDecodeError as error:
        raise _malformed(
            "not_utf8",
            f"The body is not UTF-8 (byte {error.start}).",
            f"Тело запроса не в UTF-8 (байт {error.start}).",
        ) from error
    except JSONDecodeError as error:
        where = f"{error.lineno}:{error.colno}"
        if error.msg.startswith("Invalid control character"):
            raise _raw_control(error.doc[error.pos], where) from error
        raise _malformed(
            "malformed_json",
            f"The body is not JSON (line:column {where}).",
            f"Тело запроса не JSON (строка:позиция {where}).",
        ) from error
    except _NameTwice as error:
        name = shown(str(error))
        raise _malformed(
            "duplicate_field",
            f"The field {name} is written twice in one object.",
            f"Поле {name} указано дважды в одном объекте.",
            field=name,
        ) from error
    except (ValueError, ArithmeticError) as error:  # over 4300 digits, or an exponent nothing can hold
        raise _malformed(
            "malformed_json",
            "The body has a number that is too long.",
            "В теле запроса слишком длинное число.",
        ) from error
    except RecursionError as error:
        raise _malformed(
            "too_deep", "The body is nested too deep.", "Слишком глубокая вложенность тела запроса."
        ) from error
    if type(document) is not dict:
        raise _malformed(
            "wrong_type", "The body must be a JSON object.", "Тело запроса должно быть объектом JSON."
        )
    return document


async def read_model(request: Request, model: type[M], *, may_be_empty: bool = False) -> M:
    """A body by its model. ``may_be_empty``: no body at all counts as ``{}``.

    Raises:
        RequestInvalid: every finding at once.
    """
    raw = await request.body()
    return model_of({} if may_be_empty and not raw.strip() else json_object(raw), model)


def model_of(document: dict[str, Any], model: type[M]) -> M:
    """Plain values by their model. Raises RequestInvalid: every finding at once."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise RequestInvalid(violations_of(error.errors(include_url=False, include_input=False))) from error


def shown(name: str) -> str:
    """A client's field name as it may stand in a log or an answer: short and printable."""
    return "".join(c if c.isprintable() else "?" for c in name[:40])


def _raw_control(character: str, where: str) -> RequestInvalid:
    """The usual one is GS, which a scanner sends and a program puts into JSON as it is."""
    escaped = f"\\u{ord(character):04x}"
    return _malformed(
        "malformed_json",
        f"A text in the body has the raw character {ord(character):02X} hex (line:column {where}).",
        f"В тексте внутри тела запроса стоит символ {ord(character):02X} hex (строка:позиция {where}).",
        remedy=Text(
            f"JSON has no raw control characters: write it as {escaped}; GS in a marking code is \\u001d.",
            f"В JSON не бывает управляющих символов как есть: запишите как {escaped}; GS в коде "
            "маркировки — \\u001d.",
        ),
    )


_WELL_FORMED = Text(
    "Send one JSON object in UTF-8, made by a JSON library.",
    "Передайте один объект JSON в UTF-8, собранный библиотекой JSON.",
)


def _malformed(
    code: str, en: str, ru: str, *, field: str = WHOLE_BODY, remedy: Text = _WELL_FORMED
) -> RequestInvalid:
    return RequestInvalid((Violation(field=field, code=code, message=Text(en, ru), remedy=remedy),))
