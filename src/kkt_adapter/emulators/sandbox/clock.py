"""A wall clock that a person moves forward. It never goes back: the FNs hold documents of its time."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.runtime.file_lock import FILE_MODE

FILE = "sandbox-clock.json"


class SandboxClock(SystemClock):
    """``file`` keeps how far it is ahead over a restart. Durations are not moved."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ahead = _read(file)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, step: timedelta) -> None:
        """``step`` is not negative."""
        self.ahead += step
        self._file.touch(FILE_MODE)
        self._file.write_text(json.dumps({"ahead_s": self.ahead.total_seconds()}), encoding="ascii")


def _read(file: Path) -> timedelta:
    try:
        return timedelta(seconds=float(json.loads(file.read_text(encoding="ascii"))["ahead_s"]))
    except FileNotFoundError:
        return timedelta()
