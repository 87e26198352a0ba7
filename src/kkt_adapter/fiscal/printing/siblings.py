"""The registers that share a group with one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _nobody(register_id: str) -> None:
    """A register in no group has nobody to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Siblings:
    """``of_group``: the others, by each name that receipts know the group by. ``rows_moved`` tells the lane
    of one of them that a receipt is its own now."""

    of_group: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rows_moved: Callable[[str], None] = _nobody
