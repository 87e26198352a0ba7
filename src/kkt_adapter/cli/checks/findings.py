"""What a look at something found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.kernel.errors import Text


class CheckLevel(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One thing looked at. ``remedy`` is None when there is nothing to do."""

    subject: str
    level: CheckLevel
    found: Text
    remedy: Text | None = None


def good(subject: str, en: str, ru: str) -> CheckFinding:
    return CheckFinding(subject=subject, level=CheckLevel.OK, found=Text(en, ru))


def warn(subject: str, found: Text, remedy: Text) -> CheckFinding:
    return CheckFinding(subject=subject, level=CheckLevel.WARNING, found=found, remedy=remedy)


def bad(subject: str, found: Text, remedy: Text) -> CheckFinding:
    return CheckFinding(subject=subject, level=CheckLevel.BAD, found=found, remedy=remedy)
