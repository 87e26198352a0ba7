"""The doors for foreign protocols, put together."""

from dataclasses import dataclass

from kkt_adapter.api.doors.atol.door import AtolOnlineDoor
from kkt_adapter.api.doors.atol.parts import AtolParts
from kkt_adapter.api.doors.door import Door
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.model import RegisterProfile
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.queries.door_receipts import DoorReceipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import PosId
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.db.protocol import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterGroups:
    """Groups as doors see them: until a till's name is a pool, it is the group of its one register."""

    registers: Registers

    def earlier_ids(self, group: str) -> tuple[str, ...]:
        return ()

    async def profile(self, group: str) -> RegisterProfile:
        unit = self.registers.find(PosId(group))
        if unit is None:
            return self.registers.prospect(PosId(group))[0]
        return await unit.profile()


def build_doors(
    *, database: Database, registers: Registers, intake: ReceiptIntake, auth: AuthParts, clock: Clock
) -> tuple[Door, ...]:
    atol = AtolOnlineDoor(
        AtolParts(
            shops=auth.shops,
            tokens=auth.door_tokens,
            intake=intake,
            receipts=DoorReceipts(database=database, registers=registers, clock=clock),
            groups=RegisterGroups(registers=registers),
            clock=clock,
        )
    )
    return (atol,)
