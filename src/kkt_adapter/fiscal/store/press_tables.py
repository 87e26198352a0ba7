"""Tables of the KkmServer door (data.md#tables): what keeps a second press of a button from printing twice,
and the numbers of devices."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, UniqueConstraint

from kkt_adapter.fiscal.store.tables import metadata
from kkt_adapter.runtime.db.columns import UtcMillis

presses = Table(
    "presses",  # receipts and cash movements whose outcome nobody was told so far (intake/press_guard.py)
    metadata,
    Column("subject", Text, primary_key=True),  # id of the receipt, or the stored key of a cash movement
    Column("account", Text, nullable=False),
    Column("content", LargeBinary(32), nullable=False),  # hash of what the client sent
    Column("owner", Text, nullable=False),  # the process whose client waits for the answer
    Column("accepted_at", UtcMillis, nullable=False),
)
Index("ix_presses_content", presses.c.account, presses.c.content)

device_numbers = Table(
    "device_numbers",  # NumDevice of a register: given once, never given to another one
    metadata,
    Column("register_id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("given_at", UtcMillis, nullable=False),
    UniqueConstraint("number", name="uq_device_numbers_number"),
)
