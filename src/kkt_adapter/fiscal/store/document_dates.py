"""Finding documents by date without an index on dates: an FN's numbers and its clock rise together.

So the first document of a day is found by halving the range of numbers, each step one look at the primary
key of ``documents``. The FN itself sees to it that no document is dated before the one before it.
"""

from datetime import datetime

from sqlalchemy import CTE, Connection, Select, func, select

from kkt_adapter.fiscal.store.tables import documents


def last_numbers(conn: Connection) -> dict[str, int]:
    """The last document of every FN that has one here; one statement, two looks at the index for each."""
    return {row.fn_number: int(row.last) for row in conn.execute(_LAST_NUMBERS)}


def last_documents() -> Select[tuple[str, int, str, int | None]]:
    """The last document of every FN: number, wall clock, and the receipt that it is of."""
    fn, every = _fns(), documents.alias("every")
    last = select(func.max(every.c.fd_number)).where(every.c.fn_number == fn.c.fn_number).correlate(fn)
    return select(
        documents.c.fn_number, documents.c.fd_number, documents.c.fiscalized_at, documents.c.receipt_seq
    ).join_from(
        fn,
        documents,
        (documents.c.fn_number == fn.c.fn_number) & (documents.c.fd_number == last.scalar_subquery()),
    )


def register_of(conn: Connection, *, fn_number: str, fd_number: int) -> str:
    """The register that made a document."""
    row = select(documents.c.register_id).where(
        documents.c.fn_number == fn_number, documents.c.fd_number == fd_number
    )
    return str(conn.execute(row).scalar_one())


def maker_of(conn: Connection, *, fn_number: str) -> str | None:
    """The register that made the FN's newest document here; None for an FN that was never seen."""
    newest = (
        select(documents.c.register_id)
        .where(documents.c.fn_number == fn_number)
        .order_by(documents.c.fd_number.desc())
        .limit(1)
    )
    return conn.execute(newest).scalar_one_or_none()


def first_since(conn: Connection, fn_number: str, moment: datetime) -> int | None:
    """The number of the FN's first document at or after ``moment``, a naive wall clock; None: not yet."""
    low, high = _ends(conn, fn_number)
    if high is None or low is None:
        return None
    wanted = moment.isoformat()
    found: int | None = None
    while low <= high:
        middle = (low + high) // 2
        row = conn.execute(
            select(documents.c.fd_number, documents.c.fiscalized_at)
            .where(documents.c.fn_number == fn_number, documents.c.fd_number >= middle)
            .order_by(documents.c.fd_number)
            .limit(1)
        ).first()
        if row is None or row.fd_number > high or row.fiscalized_at >= wanted:
            if row is not None and row.fiscalized_at >= wanted:
                found = row.fd_number if found is None else min(found, row.fd_number)
            high = middle - 1
        else:
            low = row.fd_number + 1
    return found


def per_day(conn: Connection, fn_number: str, *, since: datetime, until: datetime) -> float | None:
    """Documents a day made by an FN since ``since``; None when its documents do not go back that far."""
    low, high = _ends(conn, fn_number)
    first = first_since(conn, fn_number, since)
    if low is None or high is None or first is None or first == low:
        return None
    days = (until - since).total_seconds() / 86_400
    return (high - first + 1) / days if days > 0 else None


def _ends(conn: Connection, fn_number: str) -> tuple[int | None, int | None]:
    """The lowest and the highest number; two looks, because one query for both reads the whole range."""
    numbers = select(documents.c.fd_number).where(documents.c.fn_number == fn_number).limit(1)
    low = conn.execute(numbers.order_by(documents.c.fd_number)).scalar_one_or_none()
    high = conn.execute(numbers.order_by(documents.c.fd_number.desc())).scalar_one_or_none()
    return low, high


def _fns() -> CTE:
    """Every FN with a document, each found by one look at the index."""
    fn = select(func.min(documents.c.fn_number).label("fn_number")).cte("fn", recursive=True)
    following = select(func.min(documents.c.fn_number)).where(documents.c.fn_number > fn.c.fn_number)
    return fn.union_all(select(following.scalar_subquery()).where(fn.c.fn_number.is_not(None)))


def _last_numbers() -> Select[tuple[str, int]]:
    fn = _fns()
    last = select(func.max(documents.c.fd_number)).where(documents.c.fn_number == fn.c.fn_number)
    return select(fn.c.fn_number, last.scalar_subquery().label("last")).where(fn.c.fn_number.is_not(None))


_LAST_NUMBERS = _last_numbers()
