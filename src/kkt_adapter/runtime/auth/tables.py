"""The tables of sign-in: accounts of people and tokens of tills. Created by migration 0002."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcMillis(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(milliseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(milliseconds=value)


accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),  # normalized: see accounts.normalized_name
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),  # argon2id, PHC form
    Column("disabled", Boolean, nullable=False),
    Column("created_at", UtcMillis, nullable=False),
    Column("password_changed_at", UtcMillis, nullable=False),
    Column("tokens_valid_from", UtcMillis, nullable=False),  # whole second; older access tokens are refused
    Column("last_login_at", UtcMillis),
)

till_tokens = Table(
    "till_tokens",
    metadata,
    Column("id", Text, primary_key=True),  # UUIDv7, shown in lists; not secret
    Column("token_hash", LargeBinary(32), nullable=False),  # SHA-256 of the token's text
    Column("scope", Text, nullable=False),
    Column("pos_ids", Text, nullable=False),  # JSON list, sorted; empty for scope read
    Column("note", Text, nullable=False),
    Column("created_at", UtcMillis, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_used_at", UtcMillis),  # within ten minutes of the truth
    Column("revoked_at", UtcMillis),
    UniqueConstraint("token_hash", name="uq_till_tokens_hash"),
)
