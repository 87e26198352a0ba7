"""A bad line between two programs: a TCP relay whose connections can be made to fail."""

from kkt_adapter.emulators.link.faults import LinkFault, LinkMode, LinkPlan
from kkt_adapter.emulators.link.relay import FlakyLink

__all__ = ["FlakyLink", "LinkFault", "LinkMode", "LinkPlan"]
