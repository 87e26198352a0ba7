"""This room's tables (data.md#tables), one definition for SQLite and PostgreSQL.

What keeps the hot path flat: ids that grow (``seq`` is handed out from ``counters``), one random index
(``idempotency.key_hash``), partial indexes over the few undelivered and unprinted rows, and counts kept
in ``counters`` in the same transaction as the rows they count.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from kkt_adapter.runtime.db.columns import UtcMillis
from kkt_adapter.runtime.db.dialects import partial_index

metadata = MetaData()

BigInt = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's rowid alias must be INTEGER


receipts = Table(
    "receipts",
    metadata,
    Column("seq", BigInt, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("receipt_key", Text),
    Column("register_id", Text, nullable=False),
    Column("pos_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("total_kop", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("warnings", Text),
    Column("created_at", UtcMillis, nullable=False),
    Column("hlc_local_time", BigInteger, nullable=False),
    Column("hlc_logical_counter", BigInteger, nullable=False),
    Column("hlc_server_time", BigInteger),
    Column("queue_position", BigInteger, nullable=False),
    Column("print_state", Text, nullable=False),
    Column("print_attempts", Integer, nullable=False, server_default="0"),
    Column("print_due_at", UtcMillis),
    Column("fiscal_doc", Text),
    Column("fn_number", Text),
    Column("fiscal_doc_number", BigInteger),
    Column("printed_at", UtcMillis),
    Column("status", Text, nullable=False),
    Column("owner", Text),
    Column("claim", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", UtcMillis),
    Column("next_attempt_at", UtcMillis),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("ofd_id", Text),
    Column("synced_at", UtcMillis),
    Column("door", Text),  # the foreign protocol it came by; null: /v1
    Column("account", Text),  # id of the shop's account
    Column("door_group", Text),  # id of the group of registers it was sent to
    Column("client_key", Text),  # the client's own key: external_id, IdCommand
    Column("door_facts", Text),  # JSON: what the door needs for its later answers
    UniqueConstraint("id", name="uq_receipts_id"),
    UniqueConstraint("fn_number", "fiscal_doc_number", name="uq_receipts_document"),
)

# The predicates of the partial indexes. A query that wants the index repeats the same text, because
# SQLite proves nothing about other spellings. No IN over three values or more: SQLite makes a table of its
# list anew for every row that is written (20 us and more each), and compares one or two values directly.
UNDELIVERED_ROWS = text("status IN ('pending', 'syncing')")
UNPRINTED_ROWS = text("(print_state = 'new' OR print_state = 'printing' OR print_state = 'print_unknown')")
FAILED_ROWS = text("status = 'failed'")
PRINT_FAILED_ROWS = text("print_state = 'print_failed'")

partial_index(
    "ix_receipts_undelivered",
    receipts.c.seq,
    where=UNDELIVERED_ROWS,
)
partial_index(
    "ix_receipts_due",
    receipts.c.fn_number,
    receipts.c.fiscal_doc_number,
    where=UNDELIVERED_ROWS,
)
partial_index(
    "ix_receipts_unprinted",
    receipts.c.register_id,
    receipts.c.seq,
    where=UNPRINTED_ROWS,
)
DOOR_ROWS = text("door IS NOT NULL")
partial_index("ix_receipts_door", receipts.c.door, receipts.c.seq, where=DOOR_ROWS)
partial_index("ix_receipts_failed", receipts.c.seq, where=FAILED_ROWS)
partial_index(
    "ix_receipts_print_failed",
    receipts.c.seq,
    where=PRINT_FAILED_ROWS,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("seq", BigInt, primary_key=True, autoincrement=False),  # same number as the receipt's
    Column("key_hash", LargeBinary(16), nullable=False),
    Column("key", Text, nullable=False),
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("receipt_id", Text, nullable=False),
    Column("answer", Text),
    Column("created_at", UtcMillis, nullable=False),
    UniqueConstraint("key_hash", name="uq_idempotency_key"),
)

callbacks = Table(
    "callbacks",  # shops that want to be told of an outcome, one row a receipt
    metadata,
    Column("receipt_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, done, given_up
    Column("due_at", UtcMillis, nullable=False),  # not before; and not before the outcome
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("done_at", UtcMillis),
)
WAITING_ROWS = text("state = 'waiting'")
partial_index(
    "ix_callbacks_waiting",
    callbacks.c.due_at,
    where=WAITING_ROWS,
)
OWED_ROWS = text("state <> 'done' AND attempts > 0")  # tried in vain, or given up
partial_index("ix_callbacks_owed", callbacks.c.receipt_seq, where=OWED_ROWS)

report_keys = Table(
    "report_keys",  # idempotency of actions that are not receipts: X and Z reports
    metadata,
    Column("key_hash", LargeBinary(16), primary_key=True),
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("answer", Text),
    Column("created_at", UtcMillis, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("what", Text, nullable=False),  # AttemptKind
    Column("register_id", Text, nullable=False),
    Column("receipt_seq", BigInteger),  # null: a report
    Column("owner", Text, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("baseline_fn", Text),
    Column("baseline_fd", BigInteger),
    Column("started_at", UtcMillis, nullable=False),
    Column("ended_at", UtcMillis),
    Column("outcome", Text),  # AttemptOutcome
    Column("error", Text),
    Column("suspected", Integer),  # 1: sent nothing; asks whether documents read back are this receipt
    Column("commands", Text),  # JSON: milliseconds of each device command; null: none was timed
    Column(
        "sent", Integer
    ),  # 0: the command that makes the document was not given yet; else it may have been
)
Index("ix_attempts_receipt", attempts.c.receipt_seq)
OPEN_ROWS = text("ended_at IS NULL")
partial_index("ix_attempts_open", attempts.c.register_id, where=OPEN_ROWS)

documents = Table(
    "documents",
    metadata,
    Column("fn_number", Text, primary_key=True),
    Column("fd_number", BigInteger, primary_key=True),
    Column("code", Integer, nullable=False),
    Column("register_id", Text, nullable=False),
    Column("receipt_seq", BigInteger),
    Column("receipt_key", Text),
    Column("fiscal_sign", BigInteger, nullable=False),
    Column("fiscalized_at", Text, nullable=False),  # the register's wall clock, ISO without zone
    Column("shift_number", BigInteger, nullable=False),
    Column("total_kop", BigInteger),
    Column("accepted_before", BigInteger),  # read back: receipts of earlier numbers only can be it
    Column("unread", Text),  # Unread: read back without its tags, so that its key is not known
    sqlite_with_rowid=False,
)
document_bytes = Table(
    "document_bytes",
    metadata,
    Column("fn_number", Text, primary_key=True),
    Column("fd_number", BigInteger, primary_key=True),
    Column("tlv", LargeBinary, nullable=False),  # code, length, contents
    Column("ticket", LargeBinary),  # the operator's answer
    Column("kept_at", UtcMillis, nullable=False),
)
# A receipt's document that no receipt owns: read back from an FN that was ahead of the database.
ORPHAN_ROWS = text("receipt_seq IS NULL AND total_kop IS NOT NULL")
partial_index(
    "ix_documents_orphaned",
    documents.c.register_id,
    documents.c.fn_number,
    where=ORPHAN_ROWS,
)

rejected_documents = Table(
    "rejected_documents",  # what a person said is not this receipt
    metadata,
    Column("receipt_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("fn_number", Text, primary_key=True),
    Column("up_to_fd", BigInteger, nullable=False),  # no document up to this one is evidence any more
)

receipt_links = Table(
    "receipt_links",  # a refunded sale, an order, a mark, a corrected document (intake/suspicions.py)
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("receipt_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("detail", Text, nullable=False),
)
Index("ix_receipt_links_receipt", receipt_links.c.receipt_seq)

met_fns = Table(
    "met_fns",  # every FN that a lane of this database has met, and where it stood then
    metadata,
    Column("fn_number", Text, primary_key=True),
    Column("register_id", Text, nullable=False),
    Column("first_fd", BigInteger, nullable=False),  # its last document at the first contact
    Column("unread_from", BigInteger),  # being read back: numbers from here on may be missing
    Column("met_at", Text, nullable=False),
)

dlq = Table(
    "dlq",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("original_receipt_id", Text, nullable=False),
    Column("failed_at", UtcMillis, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fiscal_doc", Text),
    Column("retry_attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("resolved_at", UtcMillis),
    Column("resolved_by", Text),
    Column("resolution", Text),  # LetterResolution
    Column("outcome", Text),  # LetterOutcome, of a resolved one; null: nobody said
    Column("note", Text),
)
UNRESOLVED_ROWS = text("resolved_at IS NULL")
partial_index(
    "ix_dlq_unresolved",
    dlq.c.original_receipt_id,
    where=UNRESOLVED_ROWS,
)

buffer_events = Table(
    "buffer_events",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("event_type", Text, nullable=False),
    Column("receipt_id", Text),
    Column("timestamp", UtcMillis, nullable=False),
    Column("level", Text, nullable=False),
    Column("metadata", Text),
)

FREQUENT_EVENTS = ("receipt_added", "receipt_printed", "receipt_synced")  # those of a receipt without trouble
RARE_EVENTS = text(
    "event_type <> 'receipt_added' AND event_type <> 'receipt_printed' AND event_type <> 'receipt_synced'"
)
LOUD_EVENTS = text("level <> 'info'")
Index("ix_events_receipt", buffer_events.c.receipt_id)
partial_index(
    "ix_events_rare",
    buffer_events.c.event_type,
    buffer_events.c.id,
    where=RARE_EVENTS,
)
partial_index(
    "ix_events_loud",
    buffer_events.c.level,
    buffer_events.c.id,
    where=LOUD_EVENTS,
)

shifts = Table(
    "shifts",
    metadata,
    Column("register_id", Text, primary_key=True),
    Column("fn_number", Text, primary_key=True),
    Column("shift_number", BigInteger, primary_key=True),
    Column("opened_at", Text),  # the register's wall clock
    Column("closed_at", Text),
    Column("z_report", Text),
)
OPENED_ROWS = text("opened_at IS NOT NULL")
partial_index("ix_shifts_opened", shifts.c.opened_at, shifts.c.shift_number, where=OPENED_ROWS)

back_office_acks = Table(
    "back_office_acks",  # one row a call that moved a cursor: events up to this one were acknowledged then
    metadata,
    Column("name", Text, primary_key=True),
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcMillis),  # null: some time before this table was there
)

counters = Table(
    "counters",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("next_seq", BigInteger, nullable=False),
    Column("next_attempt", BigInteger, nullable=False),
    Column("hlc_local_time", BigInteger, nullable=False),
    Column("hlc_logical_counter", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("syncing", BigInteger, nullable=False),
    Column("synced", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("dlq_open", BigInteger, nullable=False),
    Column("unprinted", BigInteger, nullable=False),
    Column("print_failed", BigInteger, nullable=False),
)

config = Table(
    "config",  # run-time settings and small facts: capacity, maintenance, adapter id
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", UtcMillis, nullable=False),
    Column("changed_by", Text),
)
