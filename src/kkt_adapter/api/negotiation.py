"""What a client would rather have: the form of an answer, and its language (RFC 9110, section 12.5).

A weight that cannot be read counts as 1 of a form, as the client wants that form after all, and as 0 of a
language, as everybody reads the other one.
"""

from collections.abc import Sequence
from typing import Literal

Language = Literal["en", "ru"]
_LANGUAGES: dict[str, Language] = {"ru": "ru", "en": "en", "*": "en"}


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


def preferred(accept_language: str | None) -> Language:
    """Russian where ``Accept-Language`` ranks it above English; English for everybody else.

    Ranges of equal weight count in the order they are written; ``q=0`` means "not this one" (RFC 9110,
    section 12.5.4).
    """
    if not accept_language:
        return "en"
    best: tuple[float, Language] = (0.0, "en")
    for part in accept_language[:200].split(","):
        name, _, parameters = part.strip().partition(";")
        language: Language | None = _LANGUAGES.get(name.strip().lower().partition("-")[0])
        if language is None:
            continue
        weight = _weight(parameters)
        if weight > best[0]:
            best = (weight, language)
    return best[1]


def ranks_english_first(accept_language: str | None) -> bool:
    """Whether a reader asks for English outright. The texts of successes are Russian for everybody else: they
    are for the people of the shop, and programs that name no language have always got them so."""
    return bool(accept_language) and preferred(accept_language) == "en"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
