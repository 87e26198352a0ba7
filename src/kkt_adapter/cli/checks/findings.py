"""What a look at something found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.kernel.errors import Text


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. ``remedy`` is None when there is nothing to do."""

    subject: str
    level: Level
    found: Text
    remedy: Text | None = None


def good(subject: str, en: str, ru: str) -> Finding:
    return Finding(subject=subject, level=Level.OK, found=Text(en, ru))


def warn(subject: str, found: Text, remedy: Text) -> Finding:
    return Finding(subject=subject, level=Level.WARNING, found=found, remedy=remedy)


def bad(subject: str, found: Text, remedy: Text) -> Finding:
    return Finding(subject=subject, level=Level.BAD, found=found, remedy=remedy)
