"""How this process keeps memory: the garbage collector and the C allocator, set once at its start."""

import ctypes
import gc
import sys
from contextlib import suppress

GC_FIRST_THRESHOLD = 50_000  # the default of 700 makes most of the latency's tail under load
GC_OTHER_THRESHOLDS = (20, 50)
M_ARENA_MAX = -8  # mallopt(3), glibc


def tune() -> None:
    """Collect rarely, and let all threads share one heap.

    glibc gives up to eight heaps per core to threads, and what each has freed stays with it. A dozen
    threads that mostly wait for SQLite gain nothing by that and cost megabytes. Elsewhere than on glibc only
    the collector is set. Must run before the first thread starts.
    """
    gc.set_threshold(GC_FIRST_THRESHOLD, *GC_OTHER_THRESHOLDS)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such call
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
