"""What a register of this kind can do at best; known before its driver is loaded."""

from kkt_adapter.fiscal.kkt.driver import Capability

CAPABILITIES = frozenset(
    {
        Capability.DOCUMENT_BYTES,
        Capability.TAGS,
        Capability.MARKING,
        Capability.CASH_COUNTERS,
        Capability.NO_PRINT,
    }
)
"""Of every register behind the web server: it sends to the operator itself, so no relay."""
