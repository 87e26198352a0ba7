"""The limits of the intake."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePolicy:
    """docs/reference/http-api.md, Receipts; docs/reference/settings.md."""

    response_budget_s: float = 7.0  # then the answer is ``buffered``
    capacity: int = 10_000  # undelivered receipts; 0: no limit
    refund_requires_synced: bool = True
    refused_suspicions: frozenset[str] = frozenset()  # codes of intake/suspicions.py; others are warnings
