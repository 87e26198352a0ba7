"""Column types that both databases share."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Dialect,
    TypeDecorator,
)


class UtcMillis(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else millis(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_millis(value)


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def from_millis(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
