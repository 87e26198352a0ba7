"""What the ATOL Online door works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from kkt_adapter.api.doors.answers_under_way import AnswersUnderWay
from kkt_adapter.fiscal.intake.accept import Taken
from kkt_adapter.fiscal.intake.as_sent import PLAIN, AsSent
from kkt_adapter.fiscal.intake.known_keys import Known
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.model import ReceiptRequest, RegisterProfile
from kkt_adapter.fiscal.queries.door_receipts import DoorReceipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import ReceiptInvalid
from kkt_adapter.runtime.auth.door_tokens import DoorTokens
from kkt_adapter.runtime.auth.shops import Shops


class DoorIntake(Protocol):
    async def known(self, origin: Origin) -> Known | None:
        """What the key of a shop was used for."""
        ...

    async def store(self, request: ReceiptRequest, *, origin: Origin, sent: AsSent = PLAIN) -> Taken | Known:
        """Store one receipt of a shop. Raises what ``ReceiptIntake.accept`` raises."""
        ...

    async def refusal(self, request: ReceiptRequest, *, key: str, sent: AsSent) -> ReceiptInvalid:
        """All that is wrong with a request whose form is broken."""
        ...


class GroupFacts(Protocol):
    """Groups of registers, as the door sees them."""

    def earlier_ids(self, group: str) -> tuple[str, ...]:
        """Names that the group had before; their keys count as its own."""
        ...

    async def profile(self, group: str) -> RegisterProfile:
        """Facts that all its registers share. Raises AdapterError: none has told, or no such group."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AtolParts:
    shops: Shops
    tokens: DoorTokens
    intake: DoorIntake
    receipts: DoorReceipts
    groups: GroupFacts
    clock: Clock
    answers: AnswersUnderWay
    tlv_of: Callable[[str, int], Awaitable[bytes | None]]  # a document of an FN, as one element
    link_of: Callable[[str], str | None] = lambda receipt_id: None  # the buyer's page of a receipt
