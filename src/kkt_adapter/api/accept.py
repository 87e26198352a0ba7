"""What a client would rather have, by its ``Accept`` (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence


def preferred_form(accept: str, offers: Sequence[str]) -> str | None:
    """The offer with the highest q; among equal ones that which is named outright, the earlier named one, the
    earlier offer. Without ``Accept`` the first offer. None: nothing offered is acceptable."""
    ranges = [found for part in accept.split(",") if (found := _range(part)) is not None]
    if not ranges:
        return offers[0]
    best: tuple[float, int, int, int] | None = None
    chosen = None
    for place, offer in enumerate(offers):
        fits = [(_exactness(kind, offer), q, at) for at, (kind, q) in enumerate(ranges)]
        exactness, q, at = max(fits, key=lambda fit: (fit[0], -fit[2]))
        rank = (q, exactness, -at, -place)
        if exactness and q and (best is None or rank > best):
            best, chosen = rank, offer
    return chosen


def _range(part: str) -> tuple[str, float] | None:
    """A media range and its q, 0..1; what cannot be read counts as 1."""
    kind, *parameters = [piece.strip().lower() for piece in part.split(";")]
    if not kind:
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, min(max(float(value), 0.0), 1.0)
            except ValueError:
                return kind, 1.0
    return kind, 1.0


def _exactness(kind: str, offer: str) -> int:
    """3 the very type, 2 ``text/*``, 1 ``*/*``, 0 another one."""
    if kind == offer:
        return 3
    if kind == f"{offer.partition('/')[0]}/*":
        return 2
    return 1 if kind in ("*/*", "*") else 0
