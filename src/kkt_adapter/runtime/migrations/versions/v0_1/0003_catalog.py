"""Products, their history and change feed, the runs that read them, the daily schedule.

Revision ID: 0003
Revises: 0002
"""

import os

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # ordered by code point in both dialects


def upgrade() -> None:
    _state()
    _products()
    _product_bodies()
    _product_changes()
    _runs()
    _pages_and_errors()
    _first_state()


def _state() -> None:
    op.create_table(
        "catalog_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("feed_floor", sa.BigInteger, nullable=False),
        sa.Column("synced_at", sa.BigInteger),
        sa.Column("cursor_key", sa.LargeBinary, nullable=False),
        sa.Column("page_size", sa.Integer),
        sa.Column("known_ceiling", sa.Integer),
    )
    op.create_table(
        "catalog_schedule",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger),
    )


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("slug", sa.Text),
        sa.Column("type", sa.Text),
        sa.Column("platform", sa.Text),
        sa.Column("platform_key", sa.Text, nullable=False),
        sa.Column("region", sa.Text),
        sa.Column("region_key", sa.Text, nullable=False),
        sa.Column("developer", sa.Text),
        sa.Column("publisher", sa.Text),
        sa.Column("publisher_key", sa.Text, nullable=False),
        sa.Column("category_keys", sa.Text, nullable=False),
        sa.Column("category_names", sa.Text, nullable=False),
        sa.Column("release_date", sa.Text),
        sa.Column("min_price", sa.BigInteger),
        sa.Column("retail_min_price", sa.BigInteger),
        sa.Column("retail_min_base_price", sa.BigInteger),
        sa.Column("price_limit_min", sa.BigInteger),
        sa.Column("price_limit_max", sa.BigInteger),
        sa.Column("qty", sa.BigInteger, nullable=False),
        sa.Column("available_to_buy", sa.Boolean),
        sa.Column("source_updated_at", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("vanished_at", sa.BigInteger),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("created_revision", sa.BigInteger, nullable=False),
        sa.Column("changed_revision", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_products_changed", "products", ["changed_revision"])
    op.create_index("ix_products_name", "products", ["status", "name_key", "id"])


def _product_bodies() -> None:
    op.create_table(
        "product_bodies",
        sa.Column("product_id", KEY, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )


def _product_changes() -> None:
    op.create_table(
        "product_history",
        sa.Column("product_id", KEY, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("field", sa.Text, primary_key=True),
        sa.Column("old", sa.Text),
        sa.Column("new", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_product_history_at", "product_history", ["at"])
    op.create_table(
        "product_changes",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("old_name_key", KEY, nullable=False),
        sa.Column("old_price", sa.BigInteger),
        sa.Column("old_changed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_product_changes_at", "product_changes", ["at"])
    op.create_index("ix_product_changes_product", "product_changes", ["product_id", "revision"])


def _runs() -> None:
    op.create_table(
        "sync_runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("triggered_by", sa.Text, nullable=False),
        sa.Column("node", sa.Text),
        sa.Column("slot", sa.BigInteger),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("active_at", sa.BigInteger, nullable=False),
        sa.Column("worked_ms", sa.BigInteger, nullable=False),
        sa.Column("attempt_started_at", sa.BigInteger),
        sa.Column("attempt_first_page", sa.Integer, nullable=False),
        sa.Column("resumed_from", sa.Text),
        sa.Column("blocked_by", sa.Text),
        sa.Column("pages_total", sa.Integer, nullable=False),
        sa.Column("pages_processed", sa.Integer, nullable=False),
        sa.Column("products_total", sa.Integer, nullable=False),
        sa.Column("products_synced", sa.Integer, nullable=False),
        sa.Column("new", sa.Integer, nullable=False),
        sa.Column("updated", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("vanished", sa.Integer, nullable=False),
        sa.Column("reappeared", sa.Integer, nullable=False),
        sa.Column("skipped_items", sa.Integer, nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("retries", sa.Integer, nullable=False),
        sa.Column("throttled", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("phase", sa.Text),
        sa.Column("percent", sa.Float, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("full", sa.Boolean, nullable=False),
        sa.Column("force_sweep", sa.Boolean, nullable=False),
        sa.Column("cancel_by", sa.Text),
        sa.Column("request_key", sa.Text),
        sa.Column("plan", sa.Text, nullable=False),
        sa.UniqueConstraint("slot", name="uq_sync_runs_slot"),
    )
    op.create_index("ix_sync_runs_created", "sync_runs", ["created_at", "run_id"])
    op.create_index("ix_sync_runs_job", "sync_runs", ["job_id"])
    op.create_index("ix_sync_runs_request_key", "sync_runs", ["request_key"])
    op.create_index("ix_sync_runs_status", "sync_runs", ["status"])


def _pages_and_errors() -> None:
    op.create_table(
        "sync_pages",
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("arrival", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("ids", sa.Text, nullable=False),
        sa.Column("loose", sa.Integer, nullable=False),
        sa.Column("bad", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sync_errors",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("product_id", KEY),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _first_state() -> None:
    state = sa.table(
        "catalog_state",
        sa.column("id", sa.Integer),
        sa.column("revision", sa.BigInteger),
        sa.column("generation", sa.BigInteger),
        sa.column("feed_floor", sa.BigInteger),
        sa.column("cursor_key", sa.LargeBinary),
    )
    op.execute(state.insert().values(id=1, revision=0, generation=0, feed_floor=0, cursor_key=os.urandom(32)))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade")
