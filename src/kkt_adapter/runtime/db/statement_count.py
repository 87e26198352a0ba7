"""Counts SQL statements, for benches and tests that ask how many a receipt costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import Engine, event


class StatementCount:
    """An executemany is one statement here, whatever its number of rows. BEGIN, COMMIT and savepoints of
    the writer are not counted."""

    def __init__(self) -> None:
        self.total = 0
        self.by_text: dict[str, int] = {}
        self._lock = Lock()

    def add(self, text: str) -> None:
        with self._lock:  # statements come from several threads
            self.total += 1
            self.by_text[text] = self.by_text.get(text, 0) + 1


@contextmanager
def count_statements(*engines: Engine) -> Iterator[StatementCount]:
    """Count what the engines execute inside the block; costs nothing outside of it.

    Give it the ``engines`` of a `SqliteDatabase` or `PostgresDatabase`.
    """
    count = StatementCount()

    def seen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        count.add(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", seen)
    try:
        yield count
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", seen)
