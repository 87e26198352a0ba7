"""What ``serve`` can be told, and how plain arguments are read without the machinery of the command line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

DEMO_REGISTERS: Final = ("virtual", "shtrih", "atol")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """None: as configured."""

    demo: bool = False
    register: str = "virtual"
    host: str | None = None
    port: int | None = None
    data_dir: Path | None = None
    config: Path | None = None

    @property
    def is_possible(self) -> bool:
        """Another register than a virtual one is a demonstration's."""
        return self.register in DEMO_REGISTERS and (self.demo or self.register == "virtual")


def plain(arguments: Sequence[str]) -> ServeOptions | None:
    """``--name value`` and ``--name=value``, each once; None where there is anything else or anything wrong,
    which is for the command line to tell."""
    found: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        name, given, value = rest.pop(0).partition("=")
        if name == "--demo" and not given:
            found["demo"] = True
            continue
        if name not in _READ or not (given or rest):
            return None
        if not given:
            value = rest.pop(0)
        member = name.removeprefix("--").replace("-", "_")
        if member in found or value.startswith("-"):
            return None
        try:
            found[member] = _READ[name](value)
        except ValueError:
            return None
    options = ServeOptions(**found)
    return options if options.is_possible else None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _existing(text: str) -> Path:
    if not Path(text).exists():
        raise ValueError(text)
    return Path(text)


_READ: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {"--register": str, "--host": str, "--port": _port, "--data-dir": Path, "--config": _existing}
)
