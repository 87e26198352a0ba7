"""A stand-in for a fiscal data operator: binary protocol, HTTP profile, and a control interface.

In: documents of registers. Out: confirmations, and the book of what came.
"""

from kkt_adapter.emulators.ofd.book import OfdBook, OperatorChannel
from kkt_adapter.emulators.ofd.emulator import OfdEmulator, serve_ofd
from kkt_adapter.emulators.ofd.faults import OfdFault, OfdFaultMode
from kkt_adapter.emulators.ofd.http import Duplicates
from kkt_adapter.emulators.ofd.reply import ReplyShape

__all__ = [
    "Duplicates",
    "OfdBook",
    "OfdEmulator",
    "OfdFault",
    "OfdFaultMode",
    "OperatorChannel",
    "ReplyShape",
    "serve_ofd",
]
