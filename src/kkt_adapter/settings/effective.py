"""The settings in force, for people to look at: every value with where it could be set, secrets never."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from kkt_adapter.settings.fields import env_of
from kkt_adapter.settings.service import Settings

HIDDEN = "••••••"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingShown:
    """``name`` is that of the file, dotted within a section; ``env`` None: the file only. ``is_default``:
    nobody set it."""

    name: str
    env: str | None
    value: str
    is_default: bool
    description: str


def effective(settings: Settings) -> Sequence[SettingShown]:
    """In the order of the reference page."""
    return list(_of_model(settings, ""))


def _of_model(model: BaseModel, prefix: str) -> Iterator[SettingShown]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _of_model(value, f"{prefix}{name}.")
        elif isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
            for number, one in enumerate(value):
                yield from _of_model(one, f"{prefix}{name}[{getattr(one, 'id', number)}].")
        else:
            yield SettingShown(
                name=f"{prefix}{name}",
                env=env_of(field),
                value=_shown(value),
                is_default=value == field.get_default(call_default_factory=True),
                description=field.description or "",
            )


def _shown(value: Any) -> str:
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list, frozenset, set)):
        return ", ".join(_shown(one) for one in value)
    return _without_password(str(value))


def _without_password(text: str) -> str:
    """An address keeps its user, but not the password in it."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        if parts.password is None:
            return text
    except ValueError:
        return HIDDEN
    user, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{HIDDEN}@{host}"))
