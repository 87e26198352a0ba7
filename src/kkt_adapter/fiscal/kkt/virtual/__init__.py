"""A cash register without hardware: a software FN behind the same seam as the devices.

In: calls of `KktDriver`. Out: documents of a file that numbers and keeps them as an FN does.
"""

from kkt_adapter.fiscal.kkt.virtual.faults import FaultPlan, VirtualFaults
from kkt_adapter.fiscal.kkt.virtual.fn import VirtualFn
from kkt_adapter.fiscal.kkt.virtual.identity import made_up_registration
from kkt_adapter.fiscal.kkt.virtual.naming import fn_path, name_fault, place_of
from kkt_adapter.fiscal.kkt.virtual.pool import FnPool
from kkt_adapter.fiscal.kkt.virtual.register import VirtualRegister

__all__ = [
    "FaultPlan",
    "FnPool",
    "VirtualFaults",
    "VirtualFn",
    "VirtualRegister",
    "fn_path",
    "made_up_registration",
    "name_fault",
    "place_of",
]
