"""The daily copy of the SQLite file: made while the service runs, read back whole, the newest few kept."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import structlog

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.backup import back_up
from kkt_adapter.runtime.file_lock import DIRECTORY_MODE
from kkt_adapter.runtime.leases.lease import Term

KEEP_ALL = 1_000_000
ROOM = 2  # a copy is made only if so many times the database's size is free beyond the low mark


class DailyCopy:
    """``copy`` is the work of a ``Daily``. For PostgreSQL there is none: it has tools of its own."""

    def __init__(
        self,
        database: Path,
        folder: Path,
        *,
        keep: int,
        low_mb: int,
        clock: Clock,
        believed: Callable[[], bool] = lambda: True,
    ) -> None:
        """``low_mb``: what must be left free, the disk's low mark. ``believed``: while the clock is not,
        nothing is deleted, as copies are named after the time."""
        self._database = database
        self._folder = folder
        self._keep = keep
        self._low_mb = low_mb
        self._clock = clock
        self._believed = believed
        self._log = structlog.get_logger("backup")

    async def copy(self, term: Term) -> None:
        """One copy, then all but the newest ``keep`` are deleted. A copy that has begun is finished.

        Raises:
            StorageError: no room, not written, or not readable afterwards; older copies are left alone.
        """
        size_bytes, free_bytes = await asyncio.to_thread(self._sizes)
        if free_bytes < ROOM * size_bytes + self._low_mb * 1_000_000:
            raise StorageError(
                "The daily copy was not made: the disk has too little room. Free some, or name another "
                "backup_dir.",
                "Ежедневная копия не сделана: мало места на диске. Освободите место или укажите другой "
                "backup_dir.",
            )
        made = await asyncio.to_thread(
            back_up,
            self._database,
            self._folder,
            now=self._clock.now(),
            keep=self._keep if self._believed() else KEEP_ALL,
        )
        self._log.info("backup_made", file=made.name, size_bytes=made.stat().st_size)

    def _sizes(self) -> tuple[int, int]:
        """Of the database with its log, and of the room where the copy goes; bytes."""
        parts = (self._database, Path(f"{self._database}-wal"))
        try:
            self._folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(self._folder).free
            return sum(part.stat().st_size for part in parts if part.exists()), free_bytes
        except OSError as error:
            raise StorageError(
                f"The daily copy was not made: {self._folder}: {error.strerror}.",
                f"Ежедневная копия не сделана: {self._folder}: {error.strerror}.",
            ) from error
