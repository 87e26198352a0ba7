"""One process at a time: an advisory lock that the kernel frees when its holder ends, however it ends."""

import fcntl
import os
from pathlib import Path

from kkt_adapter.kernel.errors import KktUnavailable


class FileLock:
    """``flock`` on ``path``, held from ``take`` to ``release``; the file stays and names its last holder.

    A second attempt in the same process is refused like one from outside.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self) -> None:
        """Take the lock without waiting. Nothing happens when it is held already by this object.

        Raises:
            KktUnavailable: somebody else holds it (``holder_pid`` if known), or the folder is not writable.
        """
        if self._fd is not None:
            return
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise KktUnavailable(
                f"The lock file {self._path} cannot be opened: {error.strerror}.",
                f"Не удаётся открыть файл блокировки {self._path}: {error.strerror}.",
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = _holder(fd)
            os.close(fd)
            raise KktUnavailable(
                f"This virtual register is used by process {pid or 'unknown'} ({self._path}); stop it first.",
                f"Виртуальная касса занята процессом {pid or 'без номера'} ({self._path}); остановите его.",
                holder_pid=pid,
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _holder(fd: int) -> int | None:
    text = os.pread(fd, 20, 0).strip()
    return int(text) if text.isdigit() else None
