"""When the daily job is due: pure arithmetic in UTC, where every day has the same 24 hours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = timedelta(days=1)
MISSED_RECORDED = 31  # of a longer absence only the newest slots get a record


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSlot:
    """``run``: the slot to run now, if any. ``missed``: slots to record as missed, oldest first."""

    run: datetime | None
    missed: tuple[datetime, ...] = ()


def next_slot(hour: int, minute: int, *, after: datetime) -> datetime:
    """The first planned moment later than ``after``."""
    return last_slot(hour, minute, until=after) + DAY


def last_slot(hour: int, minute: int, *, until: datetime) -> datetime:
    """The newest planned moment not later than ``until``."""
    slot = until.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return slot if slot <= until else slot - DAY


def due(hour: int, minute: int, *, now: datetime, since: datetime, grace_s: float) -> DueSlot:
    """What became due after ``since`` (the newest slot dealt with, or when the schedule began) until ``now``.

    However many slots passed, at most the newest is run, and only if it is not older than the grace.
    """
    newest = last_slot(hour, minute, until=now)
    if newest <= since:
        return DueSlot(run=None)
    in_time = (now - newest).total_seconds() <= grace_s
    missed: list[datetime] = []
    slot = newest - DAY if in_time else newest
    while slot > since and len(missed) < MISSED_RECORDED:
        missed.append(slot)
        slot -= DAY
    return DueSlot(run=newest if in_time else None, missed=tuple(reversed(missed)))
