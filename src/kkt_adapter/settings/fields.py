"""What the fields of the settings are made of."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError


def env(name: str) -> dict[str, Any]:
    """The environment variable of a field."""
    return {"env": name}


def _split(value: object) -> object:
    """A comma-separated text from the environment is a list in the file."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def boolean_is_no_number(model: Any, value: object, info: ValidationInfo) -> object:
    """A validator for all fields of a model: ``port = true`` of the file is not port 1."""
    if isinstance(value, bool) and not allows_boolean(model.model_fields[info.field_name].annotation):
        raise PydanticCustomError("boolean", "true and false are no value here")
    return value


def allows_boolean(annotation: Any) -> bool:
    return annotation is bool or any(allows_boolean(part) for part in get_args(annotation))


Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]


def env_of(info: Any) -> str | None:
    """The environment variable of a field, or None."""
    extra = info.json_schema_extra
    return str(extra["env"]) if isinstance(extra, dict) and "env" in extra else None
