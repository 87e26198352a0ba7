"""Would a register print a receipt now? From what is known; nobody is asked."""

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.printing.registers import Group, Unit
from kkt_adapter.fiscal.store.holds import HoldMode, RegisterHold
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import AdapterError, Text


def obstacle(unit: Unit) -> AdapterError | RegisterHold | None:
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


def cannot_sell(group: Group) -> Text | None:
    """Why no register of the group would print now; None: one would."""
    fault = group.fault()
    if fault is not None:
        return fault.detail
    causes: dict[str, AdapterError | RegisterHold] = {}
    for unit in group.units:
        found = obstacle(unit)
        if found is None:
            return None
        causes[unit.register_id] = found
    said = {register_id: _said(cause) for register_id, cause in causes.items()}
    return Text(
        "; ".join(f"{register_id}: {text.en}" for register_id, text in said.items()),
        "; ".join(f"{register_id}: {text.ru}" for register_id, text in said.items()),
    )


def _said(cause: AdapterError | RegisterHold) -> Text:
    if isinstance(cause, RegisterHold):
        return Text(f"{cause.mode}: {cause.reason}", f"{cause.mode}: {cause.reason}")
    return discreet(cause, cause.detail)
