"""Pure: what is stored and what was fetched -> new, updated, unchanged, and which fields changed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kkt_adapter.catalog.model import Product, ProductStatus


class StoreOutcome(StrEnum):
    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"  # a newer run has been here: nothing may be written


class ChangeKind(StrEnum):
    """What the change feed calls it."""

    CREATED = "created"
    CHANGED = "changed"
    VANISHED = "vanished"
    REAPPEARED = "reappeared"


HISTORY_FIELDS = ("min_price", "retail_min_price", "retail_min_base_price", "qty", "available_to_buy")
STATUS = "status"  # the sixth field with a history


class StoredFields(Protocol):
    """The part of a stored product that decides, a row of the table.

    ``digest`` is empty when it cannot be trusted; ``status`` is a `ProductStatus` as text.
    """

    @property
    def digest(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def min_price(self) -> int | None: ...
    @property
    def retail_min_price(self) -> int | None: ...
    @property
    def retail_min_base_price(self) -> int | None: ...
    @property
    def qty(self) -> int: ...
    @property
    def available_to_buy(self) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class FieldChange:
    """Old and new as text for the history: cents, pieces, ``true``/``false``, a status; None is none."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class ChangeDecision:
    kind: StoreOutcome
    history: tuple[FieldChange, ...] = ()
    reappeared: bool = False


UNCHANGED = ChangeDecision(StoreOutcome.UNCHANGED)
NEW = ChangeDecision(StoreOutcome.NEW)
OUTDATED = ChangeDecision(StoreOutcome.OUTDATED)


def compare(stored: StoredFields | None, fetched: Product, *, generation: int) -> ChangeDecision:
    """What storing ``fetched`` for a run of ``generation`` means."""
    if stored is None:
        return NEW
    if stored.generation > generation:
        return OUTDATED
    reappeared = stored.status == ProductStatus.VANISHED.value
    if stored.digest == fetched.digest and not reappeared:
        return UNCHANGED
    history = [
        FieldChange(field, as_text(old), as_text(new))
        for field in HISTORY_FIELDS
        if (old := getattr(stored, field)) != (new := getattr(fetched, field))
    ]
    if reappeared:
        history.append(FieldChange(STATUS, ProductStatus.VANISHED, ProductStatus.ACTIVE))
    return ChangeDecision(StoreOutcome.UPDATED, tuple(history), reappeared)


def as_text(value: int | bool | None) -> str | None:
    """A history value: 499 -> ``499``, True -> ``true``."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
