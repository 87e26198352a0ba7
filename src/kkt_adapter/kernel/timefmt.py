"""Times as text, as the API and the event log write them."""

from datetime import UTC, datetime


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 UTC with Z and milliseconds."""
    return None if moment is None else iso_of(moment)


def iso_of(moment: datetime) -> str:
    """The same of a moment that is there."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
