"""Frozen values that are made for every receipt, with a constructor of half the price.

``dataclass(frozen=True)`` writes each field by ``object.__setattr__``, which looks the name up anew; here the
slot of the field is written directly. Everything else about the class stays as ``dataclass`` has made it.
"""

from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quickly_made(cls: type[T]) -> type[T]:
    """Put above ``@dataclass(frozen=True, slots=True)``.

    Raises:
        TypeError: the class makes its defaults anew each time, or does more when it is made.
    """
    if hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls.__name__} does more when it is made")
    known: dict[str, Any] = {}
    parameters: list[str] = []
    lines: list[str] = []
    named = False
    for field in fields(cls):  # type: ignore[arg-type]
        if field.default_factory is not MISSING or not field.init:
            raise TypeError(f"{cls.__name__}.{field.name} is made anew each time")
        if field.kw_only and not named:
            parameters.append("*")
            named = True
        known[f"_set_{field.name}"] = getattr(cls, field.name).__set__
        if field.default is MISSING:
            parameters.append(field.name)
        else:
            known[f"_default_{field.name}"] = field.default
            parameters.append(f"{field.name}=_default_{field.name}")
        lines.append(f"    _set_{field.name}(self, {field.name})")
    source = f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(lines)
    exec(source, known)  # noqa: S102 - as dataclass does it; nothing in it comes from outside
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = cls.__init__.__annotations__
    cls.__init__ = made  # type: ignore[method-assign]
    return cls
