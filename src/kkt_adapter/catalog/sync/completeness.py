"""Did a run see everything? Pure rules over the stored pages; the answer decides about the sweep.

Pages are offsets into a living list. When a product leaves, everything behind it moves up, and one product
slips from a page not yet read to one already read: nobody serves it to us, although it is there. So:

- a list whose ``total`` changed while it was read is read again, as far as it was read before the change;
- distinct ids must equal the total said at the end; where they do not, the pages that are odd (an id that
  stands twice, more or fewer entries than the total demands) are asked again: if they are as they were, the
  list does not move but is like that, and reading it again would not help;
- and, as one leaving and one coming keep the total as it is, an id that was not seen counts as gone only when
  some page shows its absence. In a list ordered by id a page shows that for every id inside its range; an id
  in the gap between two pages is *doubtful* and is asked for by itself.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kkt_adapter.catalog.runs import RunReason
from kkt_adapter.catalog.sync.plan import PageRow, Plan, Slice

MOST_ODD_PAGES = 20  # asked again; if so many are as they were, the others are too


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Every page is there and the counts agree; ``products`` is how many different ids the list has.

    ``plan`` as it was at the end. Its ``total`` is the number of entries: what the source says, or what was
    counted where a ceiling keeps it from saying enough.
    """

    products: int
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """The list moved: go on with this plan, in which some pages count as missing."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """The list did not move, and its counts disagree: these pages say why, unless they have changed since."""

    pages: tuple[PageRow, ...]
    reason: RunReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What page 1 of a slice said when everything had been read; ``moved``: its products were others."""

    arrival: int
    total: int
    moved: bool = False


def assess(
    plan: Plan, rows: Iterable[PageRow], finals: Mapping[str, Final], *, total: int
) -> Complete | ReadAgain | Odd:
    """``finals`` by scope; ``total`` is that of the whole list at the end."""
    known = list(rows)
    changed = replace(plan, total=total)
    for part in plan.slices:
        final = finals[part.scope]
        start = final.arrival if final.moved else _last_change(plan.valid(known), part.scope)
        changed = changed.with_slice(replace(part, total=final.total, valid_from=max(part.valid_from, start)))
    if next(changed.missing(known), None) is not None:
        return ReadAgain(plan=changed)
    valid = changed.valid(known)
    distinct = len({product_id for row in valid for product_id in row.ids})
    counted = distinct + sum(row.loose for row in valid)
    odd = [part for part in changed.slices if _counted(valid, part) != part.total]
    if not odd and (counted == total or (counted > total and _cut_short(changed, total))):
        return Complete(products=distinct, plan=replace(changed, total=counted))
    found = [_odd_pages(changed, part, valid) for part in odd]
    pages = [row for repeated, mismatches in found for row in (*repeated, *mismatches)]
    if pages:
        reason = RunReason.DUPLICATES if any(repeated for repeated, _ in found) else RunReason.TOTAL_WRONG
        return Odd(pages=tuple(pages[:MOST_ODD_PAGES]), reason=reason)
    for part in changed.slices:
        changed = changed.with_slice(replace(part, valid_from=finals[part.scope].arrival))
    return ReadAgain(plan=changed)


def doubtful(candidates: Sequence[str], rows: Iterable[PageRow]) -> list[str]:
    """Those of ``candidates`` (ids nobody served) whose absence no page proves."""
    pages = sorted((row for row in rows if row.ids), key=lambda row: row.page)
    if len({row.scope for row in pages}) != 1 or not _ordered(pages):
        return list(candidates)
    firsts = [_order(row.ids[0]) for row in pages]
    lasts = [_order(row.ids[-1]) for row in pages]
    unproven: list[str] = []
    for candidate in candidates:
        place = bisect_left(lasts, _order(candidate))  # the first page that ends behind it
        if 0 < place < len(pages) and _order(candidate) < firsts[place]:
            unproven.append(candidate)
    return unproven


def _counted(rows: Iterable[PageRow], part: Slice) -> int:
    """Different ids, and entries without one, of one slice."""
    own = [row for row in rows if row.scope == part.scope]
    return len({product_id for row in own for product_id in row.ids}) + sum(row.loose for row in own)


def _cut_short(plan: Plan, total: int) -> bool:
    """Is this total the most that a source with this ceiling can say?"""
    return plan.ceiling > 0 and total == plan.ceiling * plan.page_size


def _odd_pages(plan: Plan, part: Slice, rows: Iterable[PageRow]) -> tuple[list[PageRow], list[PageRow]]:
    """Pages with an id that stands twice in the slice, and others of a length that its total forbids."""
    own = sorted((row for row in rows if row.scope == part.scope), key=lambda row: row.page)
    times = Counter(product_id for row in own for product_id in row.ids)
    repeated = [row for row in own if any(times[product_id] > 1 for product_id in row.ids)]
    mismatches = [row for row in own if row.entries != plan.length_of(part, row.page) and row not in repeated]
    return repeated, mismatches


def _last_change(rows: Iterable[PageRow], scope: str) -> int:
    """The arrival since which every page of a slice said the same total; 0 when it never changed."""
    arrived = sorted((row for row in rows if row.scope == scope), key=lambda row: row.arrival)
    changes = [later.arrival for earlier, later in pairwise(arrived) if earlier.total != later.total]
    return changes[-1] if changes else 0


def _ordered(pages: Sequence[PageRow]) -> bool:
    """Is the list ordered by ascending id, within pages and from page to page?"""
    ids = (_order(product_id) for row in pages for product_id in row.ids)
    return all(earlier < later for earlier, later in pairwise(ids))


def _order(product_id: str) -> tuple[int, str]:
    """Ids are decimal numbers as text: shorter ones are smaller."""
    return len(product_id), product_id
