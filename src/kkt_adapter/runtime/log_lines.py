"""Log lines go through a bounded queue to a thread of their own, so that nobody waits for their reader.

A pipe that nobody empties (a stalled journal, Ctrl-S in a terminal) holds 64 KiB; the write after that
blocks. Here it blocks the writing thread alone: the queue fills, and further lines are dropped and counted.
"""

import os
import select
from queue import SimpleQueue
from threading import Thread

LINES = 10_000  # about 3 MB of usual lines
FLUSH_S = 2.0  # an orderly stop waits so long for the reader
_LOOK_AGAIN_S = 1.0


class LogLines:
    """A stream for `configure_logging` over the file descriptor ``fd``, which stays the caller's.

    It writes to the descriptor itself: a lock of ``sys.stderr`` held by a blocked thread would break the
    interpreter's end.
    """

    def __init__(self, fd: int, *, limit: int = LINES) -> None:
        self._fd = fd
        self._limit = limit
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
                self._write(text.encode(errors="replace"))
            except OSError:
                self._failed += 1

    def _write(self, rest: bytes) -> None:
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # whoever started us made the descriptor non-blocking
                select.select([], [self._fd], [], _LOOK_AGAIN_S)
