"""What every delivery lane is to the worker: one FN, drained in document order."""

from dataclasses import dataclass, field
from typing import Protocol

from kkt_adapter.fiscal.delivery.endpoint import Endpoint


@dataclass(slots=True)
class PassStats:
    """What a pass did, counted by its lanes."""

    synced: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)  # the first few, for the pass's event


class Permit(Protocol):
    """The worker's word on whether a lane may begin another document."""

    ignore_due: bool

    def may_go_on(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneHead:
    """The document a lane would send next."""

    fd_number: int
    retry_count: int


class DeliveryLane(Protocol):
    """One FN's single file. ``drain`` is called by one task at a time."""

    fn_number: str
    endpoint: Endpoint

    async def head(self, *, ignore_due: bool) -> LaneHead | None:
        """What would be sent next; None when nothing waits (or, without ``ignore_due``, nothing is due)."""
        ...

    async def drain(self, permit: Permit, stats: PassStats, *, limit: int | None) -> None:
        """Send documents one after another until nothing is due, an attempt fails, ``limit`` documents
        were tried, or the permit ends. Never raises for peers' faults."""
        ...

    def forget_wait(self) -> None:
        """Whatever this lane waits for after a failure, a person says that it need not."""
        ...

    def due_in_s(self) -> float | None:
        """Seconds until this lane wants to be looked at again by itself; None: no wish."""
        ...
