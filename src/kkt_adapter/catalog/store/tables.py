"""This room's tables, one definition for SQLite and PostgreSQL.

What keeps them quick: `products` is narrow (a full scan of some ten thousand rows takes milliseconds), the
wide rest of a product lies in `product_bodies`, and stamping a product as seen touches no index. Times are
whole milliseconds since 1970, money is euro cents. Each visible change of one product takes one revision
number, so the change feed needs nothing but an order by number.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

Key = Text().with_variant(Text(collation="C"), "postgresql")  # ordered by code point in both dialects

THE_ROW = 1  # key of the tables that hold one row


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def moment(value: int | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


catalog_state = Table(
    "catalog_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),  # the last number given to a visible change
    Column("generation", BigInteger, nullable=False),  # the last number given to a full run
    Column("feed_floor", BigInteger, nullable=False),  # changes up to this revision are no longer kept
    Column("synced_at", BigInteger),  # end of the last succeeded run
    Column("cursor_key", LargeBinary, nullable=False),  # signs cursors; shared by all nodes
    Column("page_size", Integer),  # of the source, as last seen
    Column("known_ceiling", Integer),  # highest page the source was seen to serve, once it refused one
    Column("known_ceiling_at", BigInteger),  # when it did; findings expire
    Column("database_uuid", Text),  # the identity of the database that the revisions were given in
    Column("database_epoch", BigInteger),
)

catalog_schedule = Table(
    "catalog_schedule",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("hour", Integer, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("since", BigInteger),  # slots up to here are not due; empty until a source is configured
)

products = Table(
    "products",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Key, nullable=False),  # see search_forms.py
    Column("slug", Text),
    Column("type", Text),
    Column("platform", Text),
    Column("platform_key", Text, nullable=False),
    Column("region", Text),
    Column("region_key", Text, nullable=False),
    Column("developer", Text),
    Column("publisher", Text),
    Column("publisher_key", Text, nullable=False),
    Column("category_keys", Text, nullable=False),
    Column("category_names", Text, nullable=False),  # JSON list, for counting
    Column("release_date", Text),
    Column("min_price", BigInteger),
    Column("retail_min_price", BigInteger),
    Column("retail_min_base_price", BigInteger),
    Column("price_limit_min", BigInteger),
    Column("price_limit_max", BigInteger),
    Column("qty", BigInteger, nullable=False),
    Column("available_to_buy", Boolean),
    Column("source_updated_at", Text),
    Column("status", Text, nullable=False),
    Column("vanished_at", BigInteger),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("created_revision", BigInteger, nullable=False),
    Column("changed_revision", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),  # empty: compare field by field next time
    Index("ix_products_name", "status", "name_key", "id"),
    Index("ix_products_changed", "changed_revision"),
    sqlite_with_rowid=False,
)

product_bodies = Table(
    "product_bodies",
    metadata,
    Column("product_id", Key, primary_key=True),
    Column("body", Text, nullable=False),  # a JSON object: the members of a product that nothing filters by
)

product_history = Table(
    "product_history",
    metadata,
    Column("product_id", Key, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("old", Text),
    Column("new", Text),
    Column("at", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    Index("ix_product_history_at", "at"),
    sqlite_with_rowid=False,
)

product_changes = Table(
    "product_changes",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("product_id", Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("old_name_key", Key, nullable=False),  # what the product was sorted by before this change
    Column("old_price", BigInteger),
    Column("old_changed_at", BigInteger, nullable=False),
    Index("ix_product_changes_product", "product_id", "revision"),
    Index("ix_product_changes_at", "at"),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("triggered_by", Text, nullable=False),
    Column("node", Text),
    Column("slot", BigInteger),
    Column("generation", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("active_at", BigInteger, nullable=False),  # last sign of life: what resuming is measured from
    Column("worked_ms", BigInteger, nullable=False, default=0),
    Column("attempt_started_at", BigInteger),
    Column("attempt_first_page", Integer, nullable=False, default=0),  # pages stored before this attempt
    Column("resumed_from", Text),
    Column("blocked_by", Text),
    Column("pages_total", Integer, nullable=False, default=0),
    Column("pages_processed", Integer, nullable=False, default=0),
    Column("products_total", Integer, nullable=False, default=0),
    Column("products_synced", Integer, nullable=False, default=0),
    Column("new", Integer, nullable=False, default=0),
    Column("updated", Integer, nullable=False, default=0),
    Column("unchanged", Integer, nullable=False, default=0),
    Column("vanished", Integer, nullable=False, default=0),
    Column("reappeared", Integer, nullable=False, default=0),
    Column("skipped_items", Integer, nullable=False, default=0),
    Column("held", Integer, nullable=False, default=0),
    Column("errors", Integer, nullable=False, default=0),
    Column("retries", Integer, nullable=False, default=0),
    Column("throttled", Integer, nullable=False, default=0),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("requests", Integer, nullable=False, default=0),
    Column("phase", Text),
    Column("percent", Float, nullable=False, default=0.0),
    Column("error", Text),
    Column("full", Boolean, nullable=False, default=False),
    Column("force_sweep", Boolean, nullable=False, default=False),
    Column("cancel_by", Text),
    Column("request_key", Text),  # Idempotency-Key together with who sent it
    Column("plan", Text, nullable=False, default="{}"),  # JSON: page size, windows; see checkpoint.py
    UniqueConstraint("slot", name="uq_sync_runs_slot"),
    Index("ix_sync_runs_created", "created_at", "run_id"),
    Index("ix_sync_runs_status", "status"),
    Index("ix_sync_runs_job", "job_id"),
    Index("ix_sync_runs_request_key", "request_key"),
)

sync_pages = Table(
    "sync_pages",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Text, primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("arrival", BigInteger, nullable=False),  # order in which answers came
    Column("total", Integer, nullable=False),  # what the source said beside this page
    Column("ids", Text, nullable=False),  # JSON list in the order served, broken entries with an id too
    Column("loose", Integer, nullable=False),  # entries without an id
    Column("bad", Integer, nullable=False),  # entries that were skipped
    sqlite_with_rowid=False,
)

sync_errors = Table(
    "sync_errors",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("entry", Integer, primary_key=True, autoincrement=False),  # 0: the page itself was given up
    Column("kind", Text, nullable=False),
    Column("product_id", Key),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
