"""The door for clients of ATOL Online, put together; loaded with their first request or callback."""

from dataclasses import dataclass

from kkt_adapter.api.doors.answers_under_way import AnswersUnderWay
from kkt_adapter.api.doors.atol.door import AtolOnlineDoor
from kkt_adapter.api.doors.atol.parts import AtolParts
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.fiscal.model import RegisterProfile
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.queries.documents import Documents
from kkt_adapter.fiscal.queries.door_receipts import DoorReceipts
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.kernel.ids import PosId
from kkt_adapter.runtime.auth.parts import AuthParts


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterGroups:
    """Groups as the door sees them; a till's name is the group of its one register."""

    registers: Registers

    def earlier_ids(self, group: str) -> tuple[str, ...]:
        found = self.registers.groups.find(group)
        return () if found is None else tuple(found.was)

    async def profile(self, group: str) -> RegisterProfile:
        """Of the first register that has told; they agree in what the door asks."""
        found = self.registers.groups.find(group)
        if found is None:
            unit = self.registers.find(PosId(group))
            return self.registers.prospect(PosId(group))[0] if unit is None else await unit.profile()
        return await found.profile()


def build_atol_door(
    core: Core, *, printing: Printing, auth: AuthParts, links: ReceiptLinks, answers: AnswersUnderWay
) -> AtolOnlineDoor:
    return AtolOnlineDoor(
        AtolParts(
            shops=auth.shops,
            tokens=auth.door_tokens,
            intake=printing.intake,
            receipts=DoorReceipts(database=core.database, registers=printing.registers, clock=core.clock),
            groups=RegisterGroups(registers=printing.registers),
            clock=core.clock,
            answers=answers,
            tlv_of=Documents(database=core.database, registers=printing.registers).tlv,
            link_of=links.of,
        )
    )
