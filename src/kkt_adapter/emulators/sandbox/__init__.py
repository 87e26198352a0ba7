"""Fault buttons and a clock that can be moved, over HTTP, for a service that sells nothing real.

In: buttons that a person presses. Out: faults of virtual registers and operator, and another time.

Only ``kkt-adapter sandbox`` and ``serve --demo`` put them in front of a service; in every other process their
addresses do not exist.
"""

from kkt_adapter.emulators.sandbox.buttons import MOUNT, buttons
from kkt_adapter.emulators.sandbox.clock import SandboxClock

__all__ = ["MOUNT", "SandboxClock", "buttons"]
