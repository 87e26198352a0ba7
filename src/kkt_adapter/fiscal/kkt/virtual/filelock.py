"""One process at a time: an advisory lock that the kernel frees when its holder ends, however it ends."""

import errno
import fcntl
import os
import socket
from pathlib import Path

from kkt_adapter.kernel.errors import KktUnavailable
from kkt_adapter.runtime.file_lock import FILE_MODE

_HELD = (errno.EWOULDBLOCK, errno.EACCES)  # EACCES: how some network file systems say it


class FnFileLock:
    """``flock`` on ``path``, held from ``take`` to ``release``; the file stays and names its last holder.

    A second attempt in the same process is refused like one from outside.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self) -> None:
        """Take the lock without waiting. Nothing happens when it is held already by this object.

        Raises:
            KktUnavailable: somebody else holds it (``holder_pid`` and ``holder_host`` where known), or the
                lock file cannot be used.
        """
        if self._fd is not None:
            return
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(fd, FILE_MODE)  # also where an earlier version has made it
            holder = f"{os.getpid()} {socket.gethostname()}\n".encode()
            os.pwrite(fd, holder, 0)
            if os.fstat(fd).st_size > len(holder):  # rarely: some file systems flush what is cut
                os.ftruncate(fd, len(holder))
        except OSError as error:
            refused = self._held(fd) if error.errno in _HELD else self._unusable(error)
            os.close(fd)
            raise refused from error
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _held(self, fd: int) -> KktUnavailable:
        pid, _, host = os.pread(fd, 200, 0).decode(errors="replace").strip().partition(" ")
        holder = f"{pid} ({host})" if host else "?"
        return KktUnavailable(
            f"This virtual register is in use by process {holder}: {self._path}. Stop that one first.",
            f"Эта виртуальная касса занята процессом {holder}: {self._path}. Сначала остановите его.",
            holder_pid=int(pid) if pid.isdigit() else None,
            holder_host=host or None,
        )

    def _unusable(self, error: OSError) -> KktUnavailable:
        return KktUnavailable(
            f"The lock file {self._path} cannot be used: {error.strerror}.",
            f"Файл блокировки {self._path} недоступен: {error.strerror}.",
            file=str(self._path),
        )
