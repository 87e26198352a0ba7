"""A bad line between two programs: a TCP relay whose connections can be made to fail.

In: a connection. Out: the same bytes to its target, late, cut or never.
"""

from kkt_adapter.emulators.link.faults import LinkMode, LinkPlan, RelayFault
from kkt_adapter.emulators.link.relay import FlakyLink

__all__ = ["FlakyLink", "LinkMode", "LinkPlan", "RelayFault"]
