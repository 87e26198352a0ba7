"""Which of the product's two languages a reader prefers."""

from typing import Literal

Language = Literal["en", "ru"]


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


_LANGUAGES: dict[str, Language] = {"ru": "ru", "en": "en", "*": "en"}


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
