"""Log lines go through a bounded queue to a thread of their own, so that nobody waits for their reader.

A pipe that nobody empties (a stalled journal, Ctrl-S in a terminal) holds 64 KiB; the write after that
blocks. Here it blocks the writing thread alone: the queue fills, and further lines are dropped and counted.
"""

import os
import select
import stat
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

STDOUT, STDERR = 1, 2
LINES = 10_000  # about 3 MB of usual lines
FLUSH_S = 2.0  # an orderly stop waits so long for the reader
FILE_MODE = 0o640
_LOOK_AGAIN_S = 1.0
_REOPEN = "reopen"  # compared by identity: no line is this object


def _path_of(fd: int) -> str | None:
    """The name of a regular file; None for pipes, terminals and what has no name (any more)."""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return str(Path(f"/proc/self/fd/{fd}").readlink())
    except OSError:
        return None


class LogLines:
    """A stream for `configure_logging` over the file descriptor ``fd``, which stays the caller's.

    It writes to the descriptor itself: a lock of ``sys.stderr`` held by a blocked thread would break the
    interpreter's end.
    """

    def __init__(self, fd: int, *, limit: int = LINES) -> None:
        self._fd = fd
        self._limit = limit
        self._path = _path_of(fd)
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._refused = 0  # counted by those who log, under their handler's lock
        self._failed = 0  # counted by the writer thread
        self._writer = Thread(target=self._write_all, name="log-writer", daemon=True)
        self._writer.start()

    @property
    def dropped(self) -> int:
        """Lines that nobody will read: the queue was full, or the write failed (a full disk)."""
        return self._refused + self._failed

    def write(self, text: str) -> int:
        if self._queue.qsize() >= self._limit:
            self._refused += 1
        else:
            self._queue.put(text)
        return len(text)

    def reopen(self) -> None:
        """Open the file anew under the name it had at the start, if it is one: its log was rotated.

        Done by the writer, after the lines before it. May be called from a signal handler.
        """
        self._queue.put(_REOPEN)

    def flush(self) -> None:
        """Nothing: whoever logs does not wait. `close` does."""

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def close(self, *, within_s: float = FLUSH_S) -> bool:
        """Write what is queued, for ``within_s`` seconds at most. Was all of it written in time?"""
        self._queue.put(None)
        self._writer.join(within_s)
        return not self._writer.is_alive()

    def _write_all(self) -> None:
        while (text := self._queue.get()) is not None:
            try:
                if text is _REOPEN:
                    self._open_anew()
                else:
                    self._write(text.encode(errors="replace"))
            except OSError:
                self._failed += 1

    def _open_anew(self) -> None:
        if self._path is None:
            return
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            os.dup2(opened, self._fd)
        finally:
            os.close(opened)

    def _write(self, rest: bytes) -> None:
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # whoever started us made the descriptor non-blocking
                select.select([], [self._fd], [], _LOOK_AGAIN_S)
