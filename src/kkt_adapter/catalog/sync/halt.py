"""Why a run must stop before its work is done."""

import asyncio
from enum import StrEnum


class HaltReason(StrEnum):
    CANCEL = "cancel"  # a person
    STOP = "stop"  # the service ends: somebody goes on later
    TIMEOUT = "timeout"
    LOST = "lost"  # our lease is over: write nothing more


class Halted(Exception):
    """Raised where the run notices; ``reason`` says why."""

    def __init__(self, reason: HaltReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Halt:
    """Set once; a later loss of the lease still wins, as then nothing may be written."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.reason: HaltReason | None = None

    def set(self, reason: HaltReason) -> None:
        if self.reason is None or reason is HaltReason.LOST:
            self.reason = reason
        self.event.set()

    def cancel(self) -> None:
        self.set(HaltReason.CANCEL)

    def check(self) -> None:
        """Raise Halted when set."""
        if self.reason is not None:
            raise Halted(self.reason)
