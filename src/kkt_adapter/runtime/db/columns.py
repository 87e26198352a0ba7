"""Column types that both databases share."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, TypeDecorator

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
