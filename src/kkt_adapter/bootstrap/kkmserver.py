"""The door for clients of KkmServer, put together; loaded with their first command."""

from collections.abc import Sequence
from functools import lru_cache

from kkt_adapter.api.doors.kkmserver.commands import Commands
from kkt_adapter.api.doors.kkmserver.parts import Parts
from kkt_adapter.api.doors.kkmserver.route import ExecuteDoor
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.doors import PressParts
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.kernel.ids import PosId
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.auth.shop_values import Shop


def build_execute(
    core: Core,
    press: PressParts,
    *,
    printing: Printing,
    actions: RegisterActions,
    receipts: Receipts,
    auth: AuthParts,
    links: ReceiptLinks,
) -> ExecuteDoor:
    registers = printing.registers

    @lru_cache(maxsize=256)
    def registers_behind(groups: tuple[str, ...], known: int) -> tuple[str, ...]:
        """``known``: how many registers there are. None ever goes, so as many are always the same."""
        found: dict[str, None] = {}
        for name in groups:
            group = registers.groups.find(name)
            if group is not None:
                found.update(dict.fromkeys([unit.register_id for unit in group.units]))
            elif (till := registers.find(PosId(name))) is not None:
                found[till.register_id] = None
        return tuple(found)

    def registers_of(shop: Shop) -> Sequence[str]:
        """All that its groups have; a till's name stands for the one register that it prints on."""
        return registers_behind(shop.groups, len(registers.all()))

    parts = Parts(
        intake=printing.intake,
        presses=press.presses,
        registers=registers,
        actions=actions,
        sessions=printing.sessions,
        receipts=receipts,
        registers_of=registers_of,
        clock=core.clock,
        link_of=lambda receipt_id: links.of(receipt_id) or "",
    )
    return ExecuteDoor(Commands(parts), auth.shops, press.callers)
