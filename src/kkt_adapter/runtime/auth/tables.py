"""The tables of sign-in: accounts of people, tokens of tills (migration 0002), shops (migration 0017)."""

from sqlalchemy import (
    Boolean,
    Column,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from kkt_adapter.runtime.db.columns import UtcMillis

metadata = MetaData()

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

shops = Table(
    "shops",  # accounts of the doors that ``kkt-adapter shops add`` made
    metadata,
    Column("id", Text, primary_key=True),
    Column("login", Text, nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),  # SHA-256
    Column("previous_hash", LargeBinary(32)),  # valid too, while the secret is being changed
    Column("options", Text, nullable=False),  # JSON: groups, doors, duplicate_http ...
    Column("created_at", UtcMillis, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("secret_changed_at", UtcMillis, nullable=False),
    UniqueConstraint("login", name="uq_shops_login"),
)
