"""A text file that several processes append to: whole blocks, rotation, no interleaving.

Each block is written under the system's lock on the file, so blocks of two processes never mix. The process
that finds the file full renames it under that lock; the others notice that the name leads to another file and
open it.
"""

import fcntl
import os
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
KEPT = 10  # older files: .1 is the newest
FILE_MODE = 0o640
DIRECTORY_MODE = 0o750


class LogFile:
    """Opened anew for each block; the path may not exist yet."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept

    def append(self, block: str) -> None:
        """Write one block, ended by a line break (blocking, milliseconds). Raises OSError."""
        data = block.encode("utf-8", "replace")
        self.path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not self._is_current(descriptor):
                    continue
                size = os.fstat(descriptor).st_size
                if size and size + len(data) > self._max_bytes:
                    self._rotate()
                    continue
                while data:
                    data = data[os.write(descriptor, data) :]
                return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
