"""How far two clocks stand apart."""

from datetime import datetime, tzinfo

ZONE_STEP_S = 900  # time zones differ by whole quarters of an hour


def drift_s(wall: datetime, *, at: datetime, zone: tzinfo) -> float:
    """A device's naive wall clock in ``zone`` less the host's ``at`` (aware), in seconds."""
    return (wall - at.astimezone(zone).replace(tzinfo=None)).total_seconds()


def drift_of_unknown_zone_s(wall: datetime, *, at: datetime) -> float:
    """Like ``drift_s`` for a clock whose zone nobody states: whole quarters of an hour are its zone.

    So it is right within 7.5 minutes, and a clock that is wrong by more looks less wrong than it is.
    """
    apart = (wall - at.replace(tzinfo=None)).total_seconds()
    return (apart + ZONE_STEP_S / 2) % ZONE_STEP_S - ZONE_STEP_S / 2
