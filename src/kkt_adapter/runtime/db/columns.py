"""Column types that both databases share."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, TypeDecorator, literal_column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class UtcMillis(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else millis(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_millis(value)


def millis(moment: datetime) -> int:
    """Whole milliseconds since 1970; a part of a millisecond is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def from_millis(value: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=value)


def constant(word: str) -> ColumnElement[str]:
    """A word that stands in the statement itself, to compare a column with that a partial index is about.

    With a parameter there SQLite prepares the statement anew for every execution, as its value might decide
    whether the index can be used: 150 us for a single row, more for a longer statement.
    """
    if not word.isidentifier():
        raise ValueError(f"not a word: {word!r}")
    return literal_column(f"'{word}'", Text)
