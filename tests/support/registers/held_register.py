"""A virtual register that makes no document until a test lets it: its FN's file is locked from outside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def makes_no_document(fn_file: Path) -> Iterator[None]:
    """Inside the block reads of the FN answer and documents wait, for 5 s at most (then the FN refuses).

    What the operator confirms waits too: let everything be delivered first. The FN must flush
    (``virtual_fsync``): others work on the event loop, where it would be the test that waits.
    """
    with closing(sqlite3.connect(fn_file, isolation_level=None, timeout=60)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")
