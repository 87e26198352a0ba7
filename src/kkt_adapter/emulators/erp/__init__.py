"""A stand-in for a back office: takes heartbeats strictly, books every event, misbehaves on request.

In: heartbeats and events. Out: acknowledgements, and the book of what came.
"""

from kkt_adapter.emulators.erp.book import ErpBook
from kkt_adapter.emulators.erp.emulator import ErpEmulator, serve_erp
from kkt_adapter.emulators.erp.faults import ErpFault, ErpFaultMode
from kkt_adapter.emulators.erp.sign_in import OfficeSignIn

__all__ = ["ErpBook", "ErpEmulator", "ErpFault", "ErpFaultMode", "OfficeSignIn", "serve_erp"]
