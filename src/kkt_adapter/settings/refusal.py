"""What is said of a setting that cannot be used: its name, its value and what is allowed, in two languages.

Secrets are never repeated.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings
from kkt_adapter.kernel.errors import SettingsInvalid, Text
from kkt_adapter.settings.fields import env_of
from kkt_adapter.settings.group import GroupSettings
from kkt_adapter.settings.register import RegisterSettings
from kkt_adapter.settings.service import Settings
from kkt_adapter.settings.shop import ShopSettings

TABLES: dict[str, tuple[str, type[BaseModel]]] = {  # key of ``Settings``: table of the file, its rows
    "registers": ("register", RegisterSettings),
    "group": ("group", GroupSettings),
    "back_office": ("back_office", BackOfficeSettings),
    "shop": ("shop", ShopSettings),
}
SECRET_WORDS = ("token", "secret", "password")
LONGEST_SHOWN = 100


def refusals(error: ValidationError, values: Mapping[str, Any]) -> list[SettingsInvalid]:
    """Every finding as one line. ``values``: what was validated, for the names of tables."""
    found = [_refusal(one, values) for one in error.errors(include_url=False)]
    return list({one.detail.en: one for one in found}.values())  # a choice of types says the same twice


def refusals_of_row(error: ValidationError, key: str, row: Mapping[str, Any]) -> list[SettingsInvalid]:
    """The same for one row of a table of ``TABLES`` that was validated alone."""
    errors = [{**one, "loc": (key, 0, *one["loc"])} for one in error.errors(include_url=False)]
    return [_refusal(one, {key: [row]}) for one in errors]


def _refusal(first: Any, values: Mapping[str, Any]) -> SettingsInvalid:
    name, info = _named(first["loc"], values)
    match first["type"]:
        case "extra_forbidden":
            return SettingsInvalid(f"unknown setting {name}", f"неизвестная настройка {name}")
        case "missing":
            return SettingsInvalid(f"setting {name} is missing", f"нет настройки {name}")
    said = first["ctx"].get("ru") if "ctx" in first else None
    allowed = _allowed(info) if said is None else Text(first["msg"], said)
    shown = _shown(first["input"], name)
    return SettingsInvalid(
        f"setting {name}{shown}: allowed is {allowed.en}", f"настройка {name}{shown}: допустимо {allowed.ru}"
    )


def _named(loc: tuple[int | str, ...], values: Mapping[str, Any]) -> tuple[str, FieldInfo | None]:
    """``port (KKT_PORT)``, ``[[register]] KKT-2: taxation``; and the field, if the setting is known."""
    key = str(loc[0]) if loc else ""
    if key not in TABLES:
        info = Settings.model_fields.get(key)
        variable = None if info is None else env_of(info)
        return (f"{key} ({variable})" if variable else key), info
    table, model = TABLES[key]
    if len(loc) < 2:
        return f"[[{table}]]", None
    row = values[key][loc[1]] if isinstance(values[key], list | tuple) else None
    called = (row.get("id") or row.get("name")) if isinstance(row, dict) else None
    shown = called if isinstance(called, str) and called else str(int(loc[1]) + 1)
    if len(loc) < 3:
        return f"[[{table}]] {shown}", None
    return f"[[{table}]] {shown}: {loc[2]}", model.model_fields.get(str(loc[2]))


def _shown(value: object, name: str) -> str:
    plain = isinstance(value, str | int | float)
    if not plain or any(word in name.lower() for word in SECRET_WORDS):
        return ""
    text = str(value)
    return f" = {text[:LONGEST_SHOWN]!r}" if isinstance(value, str) else f" = {text}"


def _allowed(info: FieldInfo | None) -> Text:
    if info is None:
        return Text("a table", "таблица")
    choices = choices_of(info.annotation)
    if choices:
        return Text(_or(choices, "or"), _or(choices, "или"))
    kinds = _kinds(info.annotation)
    low, above, high = (_rule(info, name) for name in ("ge", "gt", "le"))
    if int in kinds or float in kinds:
        whole = float not in kinds
        en, ru = ("a whole number", "целое число") if whole else ("a number", "число")
        if low is not None:
            en, ru = f"{en} from {low:g}", f"{ru} от {low:g}"
        if above is not None:
            en, ru = f"{en} above {above:g}", f"{ru} больше {above:g}"
        if high is not None:
            en, ru = f"{en} to {high:.10g}", f"{ru} до {high:.10g}"
        return Text(en, ru)
    longest, pattern = _rule(info, "max_length"), _rule(info, "pattern")
    if pattern is not None:
        return Text(f"text of the form {pattern}", f"текст вида {pattern}")
    if longest is not None:
        return Text(f"text of at most {longest} characters", f"текст не длиннее {longest} символов")
    if tuple in kinds:
        return Text("a list of texts", "список текстов")
    return Text("text", "текст")


def _kinds(annotation: Any) -> set[Any]:
    """The plain types of an annotation without None: ``int | None`` -> {int}."""
    if isinstance(annotation, type):
        return {annotation} - {NoneType}
    origin = get_origin(annotation)
    if origin is tuple:
        return {tuple}
    return {kind for part in get_args(annotation) for kind in _kinds(part)}


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The words that a closed type takes; empty for an open one."""
    if annotation is bool:
        return ("true", "false")
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(member.value for member in annotation)
    if get_origin(annotation) is Literal:
        return tuple(str(choice) for choice in get_args(annotation))
    return tuple(choice for part in get_args(annotation) for choice in choices_of(part))


def _rule(info: FieldInfo, name: str) -> Any:
    for rule in info.metadata:
        value = getattr(rule, name, None)
        if value is not None:
            return value
    return None


def _or(choices: tuple[str, ...], word: str) -> str:
    *before, last = choices
    return f"{', '.join(before)} {word} {last}" if before else last
