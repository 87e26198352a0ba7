"""A stand-in for the product vendor's export API, for development, demonstration and tests."""

from kkt_adapter.emulators.g2a.catalogue import Catalogue, Expected, Item
from kkt_adapter.emulators.g2a.counters import Counters
from kkt_adapter.emulators.g2a.faults import Faults
from kkt_adapter.emulators.g2a.server import Credentials, G2AEmulator, serve_g2a

__all__ = ["Catalogue", "Counters", "Credentials", "Expected", "Faults", "G2AEmulator", "Item", "serve_g2a"]
