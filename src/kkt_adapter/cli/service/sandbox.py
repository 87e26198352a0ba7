"""What a demonstration lets people break from its page: the operator and the virtual registers."""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualRegister
from kkt_adapter.kernel.errors import InvalidInput

SLOW_S = 3.0

OPERATOR: Mapping[str, OfdFault] = MappingProxyType(
    {
        "ofd_down": OfdFault(mode=OfdFaultMode.DOWN),
        "ofd_slow": OfdFault(mode=OfdFaultMode.SLOW, delay_s=SLOW_S),
        "ofd_answers_lost": OfdFault(mode=OfdFaultMode.CLOSE),
    }
)
REGISTERS: Mapping[str, FaultPlan] = MappingProxyType(
    {
        "paper_out": FaultPlan(paper_out=True),
        "answer_lost": FaultPlan(timeout_after=1),
        "unreachable": FaultPlan(unreachable=True),
    }
)


class DemoSandbox:
    """One fault of the operator and one of the registers at a time; a second replaces the first.

    What is in force is read from those that it is set in: there are other ways to break and mend them.
    """

    def __init__(self, ofd: OfdEmulator | None) -> None:
        self._ofd = ofd
        self._drivers: list[VirtualRegister] = []

    def met(self, driver: KktDriver) -> KktDriver:
        """A seam of the product: remembers every virtual register that is made. One that is made while the
        others are broken is broken too."""
        if isinstance(driver, VirtualRegister):
            for name in self.faults & REGISTERS.keys():
                driver.faults.set(REGISTERS[name])
            self._drivers.append(driver)
        return driver

    @property
    def known(self) -> tuple[str, ...]:
        return (*(OPERATOR if self._ofd is not None else ()), *REGISTERS)

    @property
    def faults(self) -> frozenset[str]:
        modes = set() if self._ofd is None else {fault.mode for fault in self._ofd.faults}
        plans = [driver.faults.plan for driver in self._drivers]
        found = {name for name, fault in OPERATOR.items() if fault.mode in modes}
        if any(plan.paper_out for plan in plans):
            found.add("paper_out")
        if any(plan.unreachable for plan in plans):
            found.add("unreachable")
        if any(plan.timeout_after for plan in plans):
            found.add("answer_lost")
        return frozenset(found)

    async def switch(self, fault: str, *, on: bool) -> None:
        """Raises InvalidInput: no such fault."""
        if fault not in self.known:
            raise InvalidInput(f"No such fault: {fault[:40]}.", f"Нет такой неисправности: {fault[:40]}.")
        if fault in REGISTERS:
            for driver in self._drivers:
                driver.faults.set(REGISTERS[fault] if on else FaultPlan())
        elif self._ofd is not None:
            await self._ofd.set_faults(*([OPERATOR[fault]] if on else []))
