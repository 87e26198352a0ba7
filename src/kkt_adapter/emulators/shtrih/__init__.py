"""A Shtrih-M register without hardware: the complete wire protocol over the software FN of virtual registers.

In: commands over TCP or a pseudo terminal. Out: answers, and documents of a software FN.

A test emulator, not a cash register: nothing it makes is fiscal, and its FN's number begins with 9999.

    model.py     which device: abilities (F7h), habits of firmware     tables.py    its tables
    machine.py   modes, paper, counters, the FN                        receipt.py   the receipt in work
    commands.py  what each command does, by group: status, receipt, fn
    line.py      both low-level protocols from the device's side        faults.py    what goes wrong
    ports.py     TCP and pseudo terminal                               control.py   the control interface
"""

from kkt_adapter.emulators.shtrih.emulator import ShtrihEmulator
from kkt_adapter.emulators.shtrih.faults import ShtrihFault, ShtrihFaultMode
from kkt_adapter.emulators.shtrih.model import CASH_CORE, DESKTOP, OLD, Model

__all__ = ["CASH_CORE", "DESKTOP", "OLD", "Model", "ShtrihEmulator", "ShtrihFault", "ShtrihFaultMode"]
