"""Free space on the data disk, looked at rarely, so that a full disk is met before it is full."""

import shutil
from pathlib import Path

from kkt_adapter.kernel.clock import Clock

LOOK_EVERY_S = 5.0


class DiskMark:
    """``is_low`` when less than ``mark_mb`` MB are free. One ``statvfs`` every five seconds at most."""

    def __init__(self, folder: Path, *, mark_mb: int, clock: Clock) -> None:
        self.mark_mb = mark_mb
        self._folder = folder
        self._clock = clock
        self._looked_at = float("-inf")
        self._free_bytes = 0

    @property
    def free_bytes(self) -> int:
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._free_bytes = shutil.disk_usage(self._folder).free
            self._looked_at = now
        return self._free_bytes

    @property
    def is_low(self) -> bool:
        return self.mark_mb > 0 and self.free_bytes < self.mark_mb * 1_000_000
