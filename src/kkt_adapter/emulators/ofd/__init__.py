"""A stand-in for a fiscal data operator: binary protocol, HTTP profile, and a control interface."""

from kkt_adapter.emulators.ofd.book import OfdBook, Transport
from kkt_adapter.emulators.ofd.emulator import OfdEmulator, serve_ofd
from kkt_adapter.emulators.ofd.faults import Fault, FaultMode
from kkt_adapter.emulators.ofd.http import Duplicates
from kkt_adapter.emulators.ofd.reply import ReplyShape

__all__ = [
    "Duplicates",
    "Fault",
    "FaultMode",
    "OfdBook",
    "OfdEmulator",
    "ReplyShape",
    "Transport",
    "serve_ofd",
]
