"""What a run has to read: the whole list, or price windows; which pages are still missing. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from kkt_adapter.catalog.model import WHOLE, PriceWindow
from kkt_adapter.catalog.sync.fetch import PageKey, expected_entries

FIRST_PIVOT = 1_000  # cents: where the whole list is cut first
HIGHEST_PIVOT = 10**11  # cents: an open window above is not cut any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A list to read page by page. Pages that arrived before ``valid_from`` must be read again."""

    window: PriceWindow | None = None
    total: int = 0
    valid_from: int = 0

    @property
    def scope(self) -> str:
        return WHOLE if self.window is None else self.window.scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """A stored page: what the source said beside it, and which ids it held, in the order served."""

    scope: str
    page: int
    arrival: int
    total: int
    ids: tuple[str, ...] = field(default=())
    loose: int = 0  # entries without an id
    bad: int = 0

    @property
    def entries(self) -> int:
        """How many entries the page held; only with its ids."""
        return len(self.ids) + self.loose


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Stored with the run, so that whoever resumes reads on instead of starting anew."""

    page_size: int = 0  # of the source; 0 until a full page was seen
    total: int = 0  # of the whole list, as last heard
    slices: tuple[Slice, ...] = ()
    ceiling: int = 0  # highest page the source serves; 0 while the whole list is read

    @property
    def opened(self) -> bool:
        return bool(self.slices)

    @property
    def pages_total(self) -> int:
        return sum(self.pages(part) for part in self.slices)

    def pages(self, part: Slice) -> int:
        return pages_needed(part.total, self.page_size)

    def length_of(self, part: Slice, page: int) -> int:
        """How many entries a page must have by the ``total`` of its slice."""
        return expected_entries(part.total, self.page_size, page)

    def fits(self, total: int, ceiling: int) -> bool:
        """Can a list of so many entries be read to its end under a ceiling? A full last page just below it
        may be all that the source shows of a longer one."""
        return total < ceiling * self.page_size

    def afresh(self, arrival: int) -> Self:
        """The same plan with every page to be read again; answers from ``arrival`` on count."""
        return replace(self, slices=tuple(replace(part, valid_from=arrival) for part in self.slices))

    def missing(self, rows: Iterable[PageRow]) -> Iterator[PageKey]:
        """Pages without a valid stored answer, in order."""
        present = {(row.scope, row.page): row.arrival for row in rows}
        for part in self.slices:
            for page in range(1, self.pages(part) + 1):
                if present.get((part.scope, page), -1) < part.valid_from:
                    yield PageKey(page, part.window)

    def valid(self, rows: Iterable[PageRow]) -> list[PageRow]:
        """Rows that count: of a slice of this plan, fresh enough, not past its end."""
        parts = {part.scope: part for part in self.slices}
        return [
            row
            for row in rows
            if (part := parts.get(row.scope)) is not None
            and row.arrival >= part.valid_from
            and row.page <= max(1, self.pages(part))
        ]

    def with_slice(self, changed: Slice) -> Self:
        return replace(
            self, slices=tuple(changed if part.scope == changed.scope else part for part in self.slices)
        )

    def to_json(self) -> str:
        return json.dumps(
            {
                "page_size": self.page_size,
                "total": self.total,
                "ceiling": self.ceiling,
                "slices": [
                    [part.window and [part.window.low, part.window.high], part.total, part.valid_from]
                    for part in self.slices
                ],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        value = json.loads(text)
        return cls(
            page_size=value.get("page_size", 0),
            total=value.get("total", 0),
            ceiling=value.get("ceiling", 0),
            slices=tuple(
                Slice(
                    window=None if edges is None else PriceWindow(low=edges[0], high=edges[1]),
                    total=total,
                    valid_from=valid_from,
                )
                for edges, total, valid_from in value.get("slices", ())
            ),
        )


def pages_needed(total: int, page_size: int) -> int:
    return -(-total // page_size) if page_size else 0


def split(window: PriceWindow | None) -> Sequence[PriceWindow] | None:
    """Two windows that cover ``window``, or None when it cannot be cut any finer.

    They overlap by one cent on each side of the cut, so that nothing falls between them whether the source
    counts the ends in or not; a product met twice does no harm. The lowest window has no lower end, so that
    products without a usable price are in it.
    """
    low, high = (None, None) if window is None else (window.low, window.high)
    if high is None:
        pivot = FIRST_PIVOT if not low else low * 2
        if pivot > HIGHEST_PIVOT:
            return None
    else:
        pivot = ((low or 0) + high) // 2
        if pivot + 1 >= high or pivot <= (low or 0):
            return None
    return PriceWindow(low=low, high=pivot + 1), PriceWindow(low=pivot, high=high)
