"""Times as text, as the API and the event log write them."""

from datetime import UTC, datetime


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 UTC with Z and milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
