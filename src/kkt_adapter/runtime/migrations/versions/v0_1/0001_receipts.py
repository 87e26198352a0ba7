"""Receipts, their keys, attempts, documents, dead letters, events, shifts, counters and leases.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _attempts()
    _events()
    _settings_and_counters()
    _dead_letters()
    _documents()
    _keys_of_receipts()
    _leases()
    _receipts()
    _lists_of_receipts()
    _reports_and_shifts()


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("baseline_fn", sa.Text(), nullable=True),
        sa.Column("baseline_fd", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_attempts_open",
        "attempts",
        ["register_id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_attempts_receipt", "attempts", ["receipt_seq"], unique=False)


def _events() -> None:
    op.create_table(
        "buffer_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=True),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_events_receipt", "buffer_events", ["receipt_id"], unique=False)


def _settings_and_counters() -> None:
    op.create_table(
        "config",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "counters",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt", sa.BigInteger(), nullable=False),
        sa.Column("hlc_local_time", sa.BigInteger(), nullable=False),
        sa.Column("hlc_logical_counter", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("syncing", sa.BigInteger(), nullable=False),
        sa.Column("synced", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("dlq_open", sa.BigInteger(), nullable=False),
        sa.Column("unprinted", sa.BigInteger(), nullable=False),
        sa.Column("print_failed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _dead_letters() -> None:
    op.create_table(
        "dlq",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("original_receipt_id", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fiscal_doc", sa.Text(), nullable=True),
        sa.Column("retry_attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_dlq_unresolved",
        "dlq",
        ["original_receipt_id"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("fn_number", sa.Text(), nullable=False),
        sa.Column("fd_number", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), nullable=True),
        sa.Column("receipt_key", sa.Text(), nullable=True),
        sa.Column("fiscal_sign", sa.BigInteger(), nullable=False),
        sa.Column("fiscalized_at", sa.Text(), nullable=False),
        sa.Column("shift_number", sa.BigInteger(), nullable=False),
        sa.Column("total_kop", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fn_number", "fd_number"),
        sqlite_with_rowid=False,
    )


def _keys_of_receipts() -> None:
    op.create_table(
        "idempotency",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("key_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("key_hash", name="uq_idempotency_key"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("renewals", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("receipt_key", sa.Text(), nullable=True),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("pos_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("total_kop", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hlc_local_time", sa.BigInteger(), nullable=False),
        sa.Column("hlc_logical_counter", sa.BigInteger(), nullable=False),
        sa.Column("hlc_server_time", sa.BigInteger(), nullable=True),
        sa.Column("queue_position", sa.BigInteger(), nullable=False),
        sa.Column("print_state", sa.Text(), nullable=False),
        sa.Column("print_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("print_due_at", sa.BigInteger(), nullable=True),
        sa.Column("fiscal_doc", sa.Text(), nullable=True),
        sa.Column("fn_number", sa.Text(), nullable=True),
        sa.Column("fiscal_doc_number", sa.BigInteger(), nullable=True),
        sa.Column("printed_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("claim", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("ofd_id", sa.Text(), nullable=True),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("fn_number", "fiscal_doc_number", name="uq_receipts_document"),
        sa.UniqueConstraint("id", name="uq_receipts_id"),
    )


def _lists_of_receipts() -> None:
    op.create_index(
        "ix_receipts_due",
        "receipts",
        ["fn_number", "fiscal_doc_number"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'syncing')"),
        postgresql_where=sa.text("status IN ('pending', 'syncing')"),
    )
    op.create_index(
        "ix_receipts_failed",
        "receipts",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("status = 'failed'"),
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index(
        "ix_receipts_print_failed",
        "receipts",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("print_state = 'print_failed'"),
        postgresql_where=sa.text("print_state = 'print_failed'"),
    )
    op.create_index(
        "ix_receipts_undelivered",
        "receipts",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'syncing')"),
        postgresql_where=sa.text("status IN ('pending', 'syncing')"),
    )
    op.create_index(
        "ix_receipts_unprinted",
        "receipts",
        ["register_id", "seq"],
        unique=False,
        sqlite_where=sa.text("print_state IN ('new', 'printing', 'print_unknown')"),
        postgresql_where=sa.text("print_state IN ('new', 'printing', 'print_unknown')"),
    )


def _reports_and_shifts() -> None:
    op.create_table(
        "report_keys",
        sa.Column("key_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash"),
    )
    op.create_table(
        "shifts",
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("fn_number", sa.Text(), nullable=False),
        sa.Column("shift_number", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.Column("z_report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("register_id", "fn_number", "shift_number"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade")
