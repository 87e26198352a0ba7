"""The door for clients of KkmServer, and what it keeps in the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from kkt_adapter.api.doors.kkmserver.commands import Commands
from kkt_adapter.api.doors.kkmserver.parts import Parts
from kkt_adapter.api.doors.kkmserver.route import ExecuteDoor
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.presses import Presses
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.intake.press_guard import Callers
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.kernel.ids import PosId
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.auth.shop_values import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class PressParts:
    """What stands before the web: ``presses`` runs as a service."""

    callers: Callers
    presses: Presses


def build_presses(core: Core, watch: ClockWatch) -> PressParts:
    callers = Callers(core.storage.owner)
    presses = Presses(database=core.database, callers=callers, clock=core.clock, may_forget=watch.may_forget)
    return PressParts(callers=callers, presses=presses)


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

    def registers_of(shop: Shop) -> Sequence[str]:
        """All that its groups have; a till's name stands for the one register that it prints on."""
        found: dict[str, None] = {}
        for name in shop.groups:
            group, till = registers.groups.find(name), registers.find(PosId(name))
            units = group.units if group is not None else () if till is None else (till,)
            found.update(dict.fromkeys(unit.register_id for unit in units))
        return list(found)

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
