"""What a register of this kind can do at best; known before its driver is loaded."""

from kkt_adapter.fiscal.kkt.driver import Capability

CAPABILITIES = frozenset(Capability) - {Capability.NO_QUEUE}  # of the best device of this kind
