"""Would a register print a receipt now? From what is known; nobody is asked."""

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.store.holds import Hold, HoldMode
from kkt_adapter.kernel.errors import AdapterError


def obstacle(unit: Unit) -> AdapterError | Hold | None:
    """Why this register would not print a new receipt of a group now, from what is known; None: it would."""
    lane = unit.lane
    if lane.hold is not None:
        return lane.hold
    if lane.trouble is not None:
        return lane.trouble
    return None


def takes_new(unit: Unit) -> bool:
    """May a receipt of a group be given to this register at all? One that is held takes it if all are."""
    lane = unit.lane
    if lane.blocked is not None or (lane.hold is not None and lane.hold.mode is HoldMode.DRAIN):
        return False
    status = lane.session.status
    expired = status is not None and status.shift_state is ShiftState.EXPIRED
    return unit.automatic_shift or not expired
