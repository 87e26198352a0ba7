"""The seam to a SQL database.

Work is a plain function of a SQLAlchemy Core connection; the caller never sees a session, a pool or a
thread. ``write`` and ``write_each`` return only after the commit is durable, so an ``await`` that came
back is a promise kept. A function that raises rolls back its own work alone and the caller gets the
exception; a failed commit fails everybody in the group.

Cancelling the awaiting task does not cancel the write: it finishes, and its result is dropped.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Database(Protocol):
    """Raises StorageError when the database cannot be used, Overloaded when too many writes wait."""

    dialect: str  # "sqlite" or "postgresql"

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a read transaction of its own: one snapshot."""
        ...

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` and return its value after the commit.

        ``fn`` may be run more than once (another job of its group failed, a serialization conflict); what an
        earlier run did to the database is rolled back, so it must change nothing else.
        """
        ...

    async def write_each(
        self, apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]], item: Item
    ) -> Outcome:
        """Like ``write``, for work that comes many at a time: all items that wait for the same ``apply``
        go to one call of it, in the order they came, and each caller gets its own value or exception.

        ``apply`` must be one function object for the life of the database (not a fresh closure). When it
        raises, its work is rolled back and it is called once more for each item alone.
        """
        ...

    async def close(self) -> None:
        """Finish what waits, then close. Later calls raise StorageError."""
        ...
