"""The pass lock: two nodes need not do the same pass at the same time.

It saves work and protects nothing: claims do that. So it is never waited for, and when it cannot be had
because Redis is away, the pass goes on without it. An attempt therefore has three outcomes, not two.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

LOCK_NAME = "kkt_sync_lock"  # delivery.md#lock
EXPIRY_S = 300  # delivery.md#lock


class LockOutcome(StrEnum):
    HELD = "held"  # ours until the block ends, or until `lost` is set
    BUSY = "busy"  # somebody else has it
    UNAVAILABLE = "unavailable"  # nobody can say: go on without it


class PassHold:
    """One attempt, from entering `PassLock.attempt` to leaving it.

    ``lost`` is set when a lock that was held is not ours any more, or cannot be proven ours.
    """

    __slots__ = ("lost", "outcome")

    def __init__(self, outcome: LockOutcome) -> None:
        self.outcome = outcome
        self.lost = asyncio.Event()

    @property
    def held(self) -> bool:
        return self.outcome is LockOutcome.HELD and not self.lost.is_set()


class PassLock(Protocol):
    """One lock of one name, shared by everybody who names it."""

    backend: str  # "redis" or "process"

    @property
    def available(self) -> bool:
        """Could the store of the lock be asked, the last time it was? Metric ``kkt_lock_available``."""
        ...

    @property
    def held(self) -> bool:
        """Does this process hold the lock now?"""
        ...

    @property
    def waits_s(self) -> float:
        """For how many seconds the store has owed an answer; 0.0 while it is not being asked."""
        ...

    @property
    def asked_at(self) -> datetime | None:
        """When it was last asked, aware UTC; None: never yet, or there is nobody to ask."""
        ...

    def attempt(self) -> AbstractAsyncContextManager[PassHold]:
        """Try once, without waiting, and hold what was taken inside the block.

        Raises nothing of its own; takes at most a few seconds when the store does not answer. A holder
        that is cancelled gives the lock back.
        """
        ...

    async def close(self) -> None: ...


class ProcessPassLock:
    """Implements `PassLock` where one process is all there is."""

    backend = "process"
    available = True
    waits_s = 0.0
    asked_at = None

    def __init__(self) -> None:
        self.held = False

    def attempt(self) -> AbstractAsyncContextManager[PassHold]:
        return self._attempt()

    async def close(self) -> None:
        """Nothing to close."""

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[PassHold]:
        if self.held:
            yield PassHold(LockOutcome.BUSY)
            return
        self.held = True
        try:
            yield PassHold(LockOutcome.HELD)
        finally:
            self.held = False
