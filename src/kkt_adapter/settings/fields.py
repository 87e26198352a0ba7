"""What the fields of the settings are made of."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def env(name: str) -> dict[str, Any]:
    """The environment variable of a field."""
    return {"env": name}


def _split(value: object) -> object:
    """A comma-separated text from the environment is a list in the file."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]


def env_of(info: Any) -> str | None:
    """The environment variable of a field, or None."""
    extra = info.json_schema_extra
    return str(extra["env"]) if isinstance(extra, dict) and "env" in extra else None
