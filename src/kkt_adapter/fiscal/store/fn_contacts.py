"""Which FNs this database has met, and from which document on they are its business."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, func, insert, select, true, update

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import documents, met_fns


@dataclass(frozen=True, slots=True, kw_only=True)
class FnContact:
    """``first_fd``: its last document when it was met; what came before is not ours. ``unread_from``: a
    reading back was broken off, and numbers from here on may be missing."""

    first_fd: int
    unread_from: int | None = None


class FnPosition(Protocol):
    """A document, as far as its place in an FN goes."""

    @property
    def fn_number(self) -> str: ...
    @property
    def fd_number(self) -> int: ...


class MetFns(Protocol):
    """What the data directory remembers of FNs, however old the database is that lies there now."""

    def first_fd(self, fn_number: str) -> int | None: ...

    def remember_fn(self, fn_number: str, first_fd: int) -> None:
        """Blocking. Raises StorageError, OSError."""
        ...


class MetNowhere:
    """A data directory that remembers nothing, for lanes without one."""

    def first_fd(self, fn_number: str) -> int | None:
        return None

    def remember_fn(self, fn_number: str, first_fd: int) -> None:
        pass


def contact(conn: Connection, fn_number: str) -> FnContact | None:
    row = conn.execute(select(met_fns).where(met_fns.c.fn_number == fn_number)).first()
    return None if row is None else FnContact(first_fd=row.first_fd, unread_from=row.unread_from)


def meet(conn: Connection, fn_number: str, *, register_id: str, first_fd: int, at: datetime) -> None:
    """Note the first contact; a later one changes nothing."""
    if contact(conn, fn_number) is None:
        conn.execute(
            insert(met_fns).values(
                fn_number=fn_number, register_id=register_id, first_fd=first_fd, met_at=at.isoformat()
            )
        )


def set_unread(conn: Connection, fn_number: str, unread_from: int | None) -> None:
    conn.execute(update(met_fns).where(met_fns.c.fn_number == fn_number).values(unread_from=unread_from))


def note_gap(conn: Connection, document: FnPosition, *, after: int, register_id: str, at: datetime) -> None:
    """A document that was looked for is about to be written down; ``after``: where the FN stood when it was
    begun. Numbers between the two that nobody has written down are read back by the lane's next beginning:
    the newest number alone would hide them, and what they hold would be printed a second time."""
    fn_number, last = document.fn_number, document.fd_number - 1
    known = known_numbers(conn, fn_number, first=after + 1, last=last)
    missing = next((number for number in range(after + 1, last + 1) if number not in known), None)
    if missing is None:
        return
    met = contact(conn, fn_number)
    if met is None:
        meet(conn, fn_number, register_id=register_id, first_fd=after, at=at)
    known_gap = None if met is None else met.unread_from
    set_unread(conn, fn_number, missing if known_gap is None else min(known_gap, missing))


def doubt_gaps(conn: Connection) -> None:
    """The database went back, and documents may have been written down since: the newest number of an FN says
    no longer that those before it are known. All met FNs are read back from their first gap on.

    In a shop that has forgotten receipts, what lies before the oldest document of one that is kept was
    forgotten in due time.
    """
    forgets = counters.read(conn).forgotten > 0
    for met in conn.execute(select(met_fns)).all():
        first = _first_gap(conn, met.fn_number, after=met.first_fd, forgets=forgets)
        if first is not None:
            known_gap = first if met.unread_from is None else met.unread_from
            set_unread(conn, met.fn_number, min(first, known_gap))


def _first_gap(conn: Connection, fn_number: str, *, after: int, forgets: bool) -> int | None:
    """The first number behind ``after`` that is not written down, perhaps the FN's next one. ``forgets``:
    those before the oldest document of a receipt do not count."""
    of_fn, following = documents.c.fn_number == fn_number, documents.alias()
    query = select(func.min(documents.c.fd_number)).where(of_fn, documents.c.fd_number > after)
    oldest = conn.execute(query.where(documents.c.receipt_seq.is_not(None) if forgets else true())).scalar()
    if oldest is None:
        return None
    if oldest > after + 1 and not forgets:
        return after + 1
    has_next = (following.c.fn_number == fn_number) & (following.c.fd_number == documents.c.fd_number + 1)
    before_gap = conn.execute(
        select(func.min(documents.c.fd_number)).where(
            of_fn,
            documents.c.fd_number >= oldest,
            ~select(following.c.fd_number).where(has_next).exists(),
        )
    ).scalar_one()
    return int(before_gap) + 1


def known_numbers(conn: Connection, fn_number: str, *, first: int, last: int) -> set[int]:
    """Which documents of that range are written down."""
    rows = conn.execute(
        select(documents.c.fd_number).where(
            documents.c.fn_number == fn_number, documents.c.fd_number.between(first, last)
        )
    )
    return set(rows.scalars())
