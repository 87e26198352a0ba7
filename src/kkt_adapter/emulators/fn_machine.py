"""What an emulated register of any brand is: a software FN, what a person does to it, and a file of its own.

A test emulator, not a cash register: its FN is the virtual one, and nothing it makes is fiscal.
"""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus
from kkt_adapter.fiscal.kkt.virtual.fn import VirtualFn
from kkt_adapter.fiscal.kkt.virtual.state import Blocked
from kkt_adapter.fiscal.model import Registration


class KeptNumbers(Protocol):
    """A dataclass of numbers, each with a default."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


CountersT = TypeVar("CountersT", bound=KeptNumbers)


class FnMachine(Generic[CountersT]):
    """``open`` before anything else. Every method is called from one task. ``counters`` are what the register
    keeps beside its FN, in ``state_file`` if there is one."""

    def __init__(self, fn: VirtualFn, *, counters: CountersT, state_file: Path | None) -> None:
        self.fn = fn
        self.counters = counters
        self.cover_open = False
        self.forced: Blocked | None = None
        self.mark_answer = "good"  # good, bad, offline, silent, refused
        self.marks: dict[str, int] = {}  # accepted codes with their 2106
        self._state_file = state_file
        self._registration: Registration | None = None

    def open(self) -> None:
        """Raises KktUnavailable: the FN's file is held or damaged."""
        self._registration = self.fn.open()
        if self._state_file is not None and self._state_file.is_file():
            self.counters = type(self.counters)(**json.loads(self._state_file.read_text()))

    def close(self) -> None:
        self.fn.close()

    def save(self) -> None:
        if self._state_file is not None:
            fresh = self._state_file.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(self.counters)))
            fresh.replace(self._state_file)

    @property
    def registration(self) -> Registration:
        assert self._registration is not None, "open the machine first"
        return self._registration

    def status(self) -> KktStatus:
        return self.fn.status(condition=KktState.READY, forced=self.forced)

    def now(self) -> datetime:
        return self.status().clock
