"""Which document numbers of one FN have arrived, exactly, at eight bytes each.

Numbers that follow each other share a run: its first number and one digest per document. An FN that sends in
order has one run however long it lives; every gap costs one more. A digest tells a repetition (the same
bytes again) from two documents under one number.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

_DIGEST_MASK = 0xFFFF_FFFF_FFFF_FFFF


class Arrival(StrEnum):
    NEW = "new"
    REPEATED = "repeated"  # the same document again
    CONFLICT = "conflict"  # another document under a number that is taken
    FULL = "book_full"  # not entered: the book holds as many as it may


class NumberRuns:
    """A map from document numbers to 64-bit digests."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._digests: list[array[int]] = []

    def digest(self, number: int) -> int | None:
        position = bisect_right(self._starts, number) - 1
        if position < 0:
            return None
        run, offset = self._digests[position], number - self._starts[position]
        return run[offset] if offset < len(run) else None

    def add(self, number: int, digest: int) -> None:
        """``number`` must not be there yet."""
        after = bisect_right(self._starts, number)
        if after and number == self._starts[after - 1] + len(self._digests[after - 1]):
            self._digests[after - 1].append(digest)
        elif after < len(self._starts) and self._starts[after] == number + 1:
            self._starts[after] = number
            self._digests[after].insert(0, digest)
            return
        else:
            self._starts.insert(after, number)
            self._digests.insert(after, array("Q", [digest]))
            after += 1
        if after < len(self._starts) and self._starts[after] == number + 1:
            self._digests[after - 1].extend(self._digests.pop(after))
            del self._starts[after]

    def runs(self) -> Iterator[tuple[int, int]]:
        """First and last number of every run, ascending."""
        for start, digests in zip(self._starts, self._digests, strict=True):
            yield start, start + len(digests) - 1


@dataclass(slots=True, kw_only=True)
class DriveLedger:
    """What one FN has sent, and in which order. Every number here is exact."""

    unique: int = 0
    repeated: int = 0
    conflicts: int = 0
    gaps: int = 0  # a document came although its predecessor was missing or not confirmed yet
    late: int = 0  # a document came after one with a higher number
    highest: int = 0
    confirmed: int = 0  # highest number for which a good answer went out
    codes: dict[int, int] = field(default_factory=dict)  # document code -> unique documents
    numbers: NumberRuns = field(default_factory=NumberRuns)

    @property
    def order_faults(self) -> int:
        return self.gaps + self.late

    @property
    def missing(self) -> int:
        """Numbers between the first and the highest that never came."""
        spans = list(self.numbers.runs())
        return self.highest - spans[0][0] + 1 - self.unique if spans else 0

    def receive(self, number: int, *, digest: int, code: int, consecutive: bool) -> Arrival:
        """Enter one document. ``consecutive``: every number is expected, so a skipped one is a fault."""
        digest &= _DIGEST_MASK
        known = self.numbers.digest(number)
        if known is not None:
            if known == digest:
                self.repeated += 1
                return Arrival.REPEATED
            self.conflicts += 1
            return Arrival.CONFLICT
        if number < self.highest:
            self.late += 1
        elif consecutive and self.unique and number != self.confirmed + 1:
            self.gaps += 1
        self.numbers.add(number, digest)
        self.unique += 1
        self.highest = max(self.highest, number)
        self.codes[code] = self.codes.get(code, 0) + 1
        return Arrival.NEW
