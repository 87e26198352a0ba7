"""How far two clocks stand apart."""

from datetime import UTC, datetime, timedelta, tzinfo

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


FARTHEST_ZONE_S = 14 * 3600 + ZONE_STEP_S / 2  # UTC+14 is the farthest there is


def moment_of_unknown_zone(wall: datetime, *, at: datetime) -> datetime:
    """When it was by a wall clock whose zone nobody states, told at ``at`` by the host's clock; aware UTC.

    Within 14 hours of the host's the difference counts as the zone; further apart no zone explains it.
    """
    apart_s = (wall - at.replace(tzinfo=None)).total_seconds()
    if abs(apart_s) > FARTHEST_ZONE_S:
        return wall.replace(tzinfo=UTC)
    return at + timedelta(seconds=drift_of_unknown_zone_s(wall, at=at))
