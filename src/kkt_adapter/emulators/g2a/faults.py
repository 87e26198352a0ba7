"""What can go wrong at the source, as data; every fault strikes by count, so that tests repeat exactly."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """``every_*`` counts product requests: 20 strikes the 20th, 40th ... 0 is off.

    ``kinds`` are taken in turn by ``every_error``: ``http_500``, ``http_503``, ``cut`` (JSON ends early),
    ``short`` (fewer bytes than announced), ``drop`` (no answer), ``html``, ``no_docs``, ``hang``, ``busy``
    (503 with Retry-After), and what something on the way says in HTML: ``odd_408``, ``odd_204``,
    ``odd_301``, ``odd_403``.
    """

    latency_s: float = 0.0  # before each answer
    every_429: int = 0
    retry_after_s: float | None = 1.0  # None: 429 without the header
    retry_after_date: bool = False  # as an HTTP date instead of seconds
    every_error: int = 0
    kinds: tuple[str, ...] = ("http_500", "cut", "drop")
    fail_pages: dict[int, str] = field(default_factory=dict)  # page -> kind, always
    fail_windows: bool = True  # `fail_pages` strikes pages of price windows too
    die_after: int = 0  # from this request on every connection is dropped
    refuse_once: tuple[int, ...] = ()  # pages that are refused with PR02 the first time they are asked for
    ceiling: int = 0  # pages above are refused with PR02
    total: int | None = None  # answer this total whatever the list holds
    most_total: int | None = None  # answer at most this total; the pages behind it are served all the same
    twice: int = 0  # so many products of the beginning stand a second time at the end
    token_kinds: tuple[str, ...] = ()  # what the first requests for a token get, in turn: 429, 503, 403, ...
    serve_first: int | None = None  # pretend that the list ends after so many products
    inclusive_windows: bool = True  # are the ends of a price window part of it?
    ignore_id_filter: bool = False  # `id=` does nothing
    token_lifetime_s: float = 3_600.0
    token_requests: int = 0  # a token is refused after so many product requests, whatever its lifetime
    auth_code: str = ""  # refuse every product request with this vendor code
    move_at: tuple[int, ...] = ()  # numbers of product requests before which the list moves
    move: str = "swap"  # remove, insert, swap (remove the first and append one), or shuffle

    def with_changes(self, changes: dict[str, Any]) -> Self:
        """Faults with the named members replaced (JSON forms allowed).

        Raises:
            ValueError: a name that is none of ours.
        """
        known = {item.name for item in fields(self)}
        unknown = set(changes) - known
        if unknown:
            raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")
        values = dict(changes)
        for name in ("kinds", "move_at", "token_kinds", "refuse_once"):
            if name in values:
                values[name] = tuple(values[name])
        if "fail_pages" in values:
            values["fail_pages"] = {int(page): str(kind) for page, kind in values["fail_pages"].items()}
        return replace(self, **values)
