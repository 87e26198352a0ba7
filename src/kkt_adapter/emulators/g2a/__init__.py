"""A stand-in for the product vendor's export API, for development, demonstration and tests.

In: requests for pages of products. Out: a catalogue that changes on request, with faults.
"""

from kkt_adapter.emulators.g2a.catalogue import Catalogue, Expected, Item
from kkt_adapter.emulators.g2a.counters import RequestCounters
from kkt_adapter.emulators.g2a.faults import Faults
from kkt_adapter.emulators.g2a.server import G2AEmulator, VendorCredentials, serve_g2a

__all__ = [
    "Catalogue",
    "Expected",
    "Faults",
    "G2AEmulator",
    "Item",
    "RequestCounters",
    "VendorCredentials",
    "serve_g2a",
]
