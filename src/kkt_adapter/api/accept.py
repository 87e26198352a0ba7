"""What a client would rather have: HTML, or the plainer form."""


def prefers_html(accept: str, *, over: str) -> bool:
    """HTML only where ``Accept`` names it and it stands before ``over``, another media type."""
    ranges = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    html = ranges.index("text/html") if "text/html" in ranges else None
    other = ranges.index(over) if over in ranges else len(ranges)
    return html is not None and html < other
