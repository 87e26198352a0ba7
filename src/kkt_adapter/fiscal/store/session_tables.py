"""Tables of POS sessions and cash (data.md#tables). Money in kopecks."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, text

from kkt_adapter.fiscal.store.tables import BigInt, metadata
from kkt_adapter.runtime.db.columns import UtcMillis
from kkt_adapter.runtime.db.dialects import partial_index

OPEN_SESSION = text("closed_at IS NULL")
CLOSED_SESSION = text("closed_at IS NOT NULL")

pos_sessions = Table(
    "pos_sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("pos_id", Text, nullable=False),
    Column("register_id", Text, nullable=False),
    Column("opened_at", UtcMillis, nullable=False),
    Column("closed_at", UtcMillis),
    Column("opening_cash_kop", BigInteger, nullable=False),
    Column("cash_kop", BigInteger, nullable=False),  # balance: opening + cash sales - refunds + in - out
    Column("card_kop", BigInteger, nullable=False),  # card sales less refunds
    Column("sales_kop", BigInteger, nullable=False),  # gross, all payments
    Column("refunds_kop", BigInteger, nullable=False),
    Column("cash_in_kop", BigInteger, nullable=False),
    Column("cash_out_kop", BigInteger, nullable=False),
    Column("receipt_count", BigInteger, nullable=False),
    Column("status", Text, nullable=False),  # open, closing, closed
    Column("z_report_data", Text),
    Column("counted_kop", BigInteger),  # cash that a person counted last; null: nobody did
    Column("counted_expected_kop", BigInteger),  # the balance at that moment
    Column("counted_at", UtcMillis),
    Column("counted_by", Text),
)
partial_index(
    "uq_pos_sessions_open",
    pos_sessions.c.pos_id,
    unique=True,
    where=OPEN_SESSION,
)
Index("ix_pos_sessions_till", pos_sessions.c.pos_id, pos_sessions.c.opened_at)
partial_index("ix_pos_sessions_closed", pos_sessions.c.opened_at, where=CLOSED_SESSION)

cash_transactions = Table(
    "cash_transactions",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("pos_id", Text, nullable=False),
    Column("receipt_id", Text),
    Column("transaction_type", Text, nullable=False),  # sale, refund, cash_in, cash_out
    Column("amount_kop", BigInteger, nullable=False),  # always positive; the type gives the direction
    Column("payment_method", Text, nullable=False),  # cash, card, prepaid, credit, other
    Column("reason", Text),
    Column("timestamp", UtcMillis, nullable=False),
    Column("synced_to_odoo", Boolean, nullable=False, default=False),  # its receipt was acknowledged there
    # cash_in and cash_out at the register; all null: it has no part in this one
    Column("register_id", Text),
    Column("device_state", Text),  # DeviceCash
    Column("device_fn", Text),  # what the register told before the movement was sent ..
    Column("device_shift", BigInteger),
    Column("device_in", BigInteger),
    Column("device_out", BigInteger),
    Column("sent_by", Text),  # .. and which process sent it
    Column("device_error", Text),
)
AT_DEVICE = text("(device_state = 'waiting' OR device_state = 'sent' OR device_state = 'unclear')")
partial_index(
    "ix_cash_transactions_at_device",
    cash_transactions.c.register_id,
    where=AT_DEVICE,
)
NOT_TOLD = text("receipt_id IS NOT NULL AND NOT synced_to_odoo")
partial_index(
    "ix_cash_transactions_not_told",
    cash_transactions.c.receipt_id,
    where=NOT_TOLD,
)
Index("ix_cash_transactions_session", cash_transactions.c.session_id)
