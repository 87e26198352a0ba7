"""ATOL registers and their web server without hardware, over the software FN of virtual registers.

In: HTTP requests of ATOL's web API. Out: jobs done, documents of a software FN.

A test emulator, not a cash register: nothing it makes is fiscal, and its FNs' numbers begin with 9999.

    machine.py   a register: link, paper, counters, the FN       flavour.py  habits of servers and versions
    checks.py    the driver's check of a task                    reading.py  a task as a receipt
    making.py    tasks that make documents                       queries.py  tasks that ask
    told.py      documents of the FN as JSON                     server.py   jobs, their queue, what blocks it
    web.py       HTTP                                            faults.py   what goes wrong
    control.py   the control interface                           emulator.py all together
"""

from kkt_adapter.emulators.atol.emulator import AtolEmulator
from kkt_adapter.emulators.atol.faults import AtolFault, AtolFaultMode
from kkt_adapter.emulators.atol.flavour import JAR, WR, Flavour

__all__ = ["JAR", "WR", "AtolEmulator", "AtolFault", "AtolFaultMode", "Flavour"]
