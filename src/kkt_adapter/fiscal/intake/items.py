"""What goes into the durable buffer, and what comes out of it."""

from dataclasses import dataclass
from datetime import datetime

from kkt_adapter.fiscal.intake.choice import Option
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.fiscal.store.attempts import NewAttempt
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptItem:
    """One receipt to be stored. ``attempt`` when its lane is free and may print it at once."""

    receipt: Receipt
    payload: str
    warnings: str | None
    key: str
    key_hash: bytes
    request_hash: bytes
    at: datetime
    default_capacity: int  # used until somebody has set another one
    sale_must_be_synced: str | None  # id of the refunded sale, when that rule is on
    attempt: NewAttempt | None
    options: tuple[Option, ...] = ()  # of a group: the registers that can print it; the commit chooses
    choice: int = 0  # the chosen one
    sale_id: str | None = None  # of the refunded sale, when it is known here
    sale_pos: str | None = None  # its till
    looked: int | None = None  # the newest receipt about the same that was seen; None: nobody looked
    force_reason: str | None = None  # why a sale that was written off is refunded all the same
    origin: Origin | None = None  # None: it came by /v1
    told: frozenset[str] = frozenset()  # presses whose outcome was told: the commit forgets them

    @property
    def key_hashes(self) -> tuple[bytes, ...]:
        """Under which the key may be known: as it is stored, then in the scopes of before."""
        older = () if self.origin is None else self.origin.older_hashes
        return (self.key_hash, *older)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """On disk. ``attempt_id`` is None when the lane was busy; ``choice``: the place of the chosen option."""

    seq: int
    stamp: HybridTimestamp
    queue_position: int
    attempt_id: int | None
    choice: int = 0
