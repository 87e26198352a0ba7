"""From what pydantic and FastAPI complain about to findings in both languages."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kkt_adapter.api.problems import WHOLE_BODY
from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.kernel.errors import Text, Violation

_INVALID = Text("does not fit", "не подходит")

_TYPES: Mapping[str, tuple[str, Text]] = MappingProxyType(
    {
        "extra_forbidden": ("unknown_field", Text("is not known here", "здесь неизвестно")),
        "missing": ("required", Text("is required", "обязательно")),
        "dict_type": ("wrong_type", Text("must be an object", "должно быть объектом")),
        "model_type": ("wrong_type", Text("must be an object", "должно быть объектом")),
        "model_attributes_type": ("wrong_type", Text("must be an object", "должно быть объектом")),
        "list_type": ("wrong_type", Text("must be a list", "должно быть списком")),
        "string_type": ("wrong_type", Text("must be text", "должно быть текстом")),
        "int_type": ("wrong_type", Text("must be a whole number", "должно быть целым числом")),
        "int_parsing": ("wrong_type", Text("must be a whole number", "должно быть целым числом")),
        "int_from_float": ("wrong_type", Text("must be a whole number", "должно быть целым числом")),
        "int_parsing_size": ("too_large", Text("is too large", "слишком велико")),
        "bool_type": ("wrong_type", Text("must be true or false", "должно быть true или false")),
        "bool_parsing": ("wrong_type", Text("must be true or false", "должно быть true или false")),
        "datetime_parsing": ("bad_date", Text("is not a time", "не время")),
        "datetime_from_date_parsing": ("bad_date", Text("is not a time", "не время")),
        "json_invalid": ("malformed_json", Text("is not JSON", "не JSON")),
    }
)
_AS_DESCRIBED = Text("GET /docs shows what goes here.", "Что здесь передают, показывает GET /docs.")
_REMEDIES: Mapping[str, Text] = MappingProxyType(
    {
        "bad_date": Text("Write it as 2026-03-01T10:00:00Z.", "Запишите как 2026-03-01T10:00:00Z."),
        "required": Text("Send this field.", "Передайте это поле."),
        "empty": Text(
            "Fill it in, or leave the field out where it is optional.",
            "Заполните его; необязательное поле можно не передавать.",
        ),
        "too_long": Text("Shorten it.", "Сократите."),
        "too_many": Text("Split the request.", "Разделите запрос."),
        "too_large": Text("Check the number; split the receipt.", "Проверьте число; разделите чек."),
        "too_small": Text("Send a larger number.", "Передайте большее число."),
        "not_positive": Text("Send a number above zero.", "Передайте число больше нуля."),
        "not_finite": Text("Send a number with digits.", "Передайте число цифрами."),
        "malformed_json": Text("Send JSON in UTF-8.", "Передайте JSON в UTF-8."),
        "bad_text": Text("Send visible characters only.", "Передайте только видимые символы."),
    }
)
"""What to do, by the code of a finding that does not say it itself."""
_LIMITS: Mapping[str, tuple[str, str, Text]] = MappingProxyType(
    {
        "greater_than_equal": ("too_small", "ge", Text("must be at least {}", "должно быть не меньше {}")),
        "less_than_equal": ("too_large", "le", Text("must be at most {}", "должно быть не больше {}")),
        "string_too_long": (
            "too_long",
            "max_length",
            Text("has more than {} characters", "длиннее {} символов"),
        ),
        "string_too_short": (
            "empty",
            "min_length",
            Text("needs at least {} characters", "не короче {} символов"),
        ),
        "enum": ("unknown_value", "expected", Text("must be {}", "должно быть {}")),
        "literal_error": ("unknown_value", "expected", Text("must be {}", "должно быть {}")),
    }
)


def violations_of(
    errors: Iterable[Mapping[str, Any]] | Sequence[Any], *, skip: int = 0
) -> tuple[Violation, ...]:
    """One Violation an error; ``skip`` leading parts of the place are left out (``query``, ``path``)."""
    return tuple(violation_of(error, field=dotted(error["loc"][skip:])) for error in errors)


def violation_of(error: Mapping[str, Any], *, field: str, tag: int | None = None) -> Violation:
    """One error under a field name of the caller's choice."""
    code, message, remedy = _read(error)
    remedy = remedy or _REMEDIES.get(code, _AS_DESCRIBED)
    return Violation(field=field, code=code, message=message, remedy=remedy, tag=tag)


def dotted(place: Sequence[int | str]) -> str:
    """``("items", 0, "price")`` to ``items.0.price``; the whole body is ``body``."""
    return ".".join(str(step) for step in place) or WHOLE_BODY


def _read(error: Mapping[str, Any]) -> tuple[str, Text, Text | None]:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "value_error" and isinstance(context.get("error"), Refused):
        refused: Refused = context["error"]
        return refused.code, refused.message, refused.remedy
    if kind in _LIMITS:
        code, limit, message = _LIMITS[kind]
        shown = context.get(limit, "")
        return code, Text(message.en.format(shown), message.ru.format(shown)), None
    code, message = _TYPES.get(kind, ("invalid", _INVALID))
    return code, message, None
