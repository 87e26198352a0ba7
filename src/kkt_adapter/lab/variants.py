"""Broken variants: the product with one of its safeguards taken out, to prove that the lab would notice.

They exist only inside a lab node that was asked for one by name; nothing else imports this module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """``build`` takes the safeguard out of this process."""

    what: str
    build: Callable[[], None]


VARIANTS: Mapping[str, Variant] = MappingProxyType({})
