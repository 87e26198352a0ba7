"""What a demonstration lets people break from its page: the operator and the virtual registers."""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.emulators.ofd import Fault, FaultMode, OfdEmulator
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualRegister
from kkt_adapter.kernel.errors import InvalidInput

SLOW_S = 3.0

OPERATOR: Mapping[str, Fault] = MappingProxyType(
    {
        "ofd_down": Fault(mode=FaultMode.DOWN),
        "ofd_slow": Fault(mode=FaultMode.SLOW, delay_s=SLOW_S),
        "ofd_answers_lost": Fault(mode=FaultMode.CLOSE),
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
    """One fault of the operator and one of the registers at a time; a second replaces the first."""

    def __init__(self, ofd: OfdEmulator | None) -> None:
        self._ofd = ofd
        self._drivers: list[VirtualRegister] = []
        self._operator_fault: str | None = None
        self._register_fault: str | None = None

    def met(self, driver: KktDriver) -> KktDriver:
        """A seam of the product: remembers every virtual register that is made."""
        if isinstance(driver, VirtualRegister):
            self._drivers.append(driver)
            if self._register_fault is not None:
                driver.faults.set(REGISTERS[self._register_fault])
        return driver

    @property
    def known(self) -> tuple[str, ...]:
        return (*(OPERATOR if self._ofd is not None else ()), *REGISTERS)

    @property
    def faults(self) -> frozenset[str]:
        if self._register_fault == "answer_lost":
            used_up = not any(driver.faults.plan.timeout_after for driver in self._drivers)
            self._register_fault = None if used_up else self._register_fault
        return frozenset(one for one in (self._operator_fault, self._register_fault) if one is not None)

    async def switch(self, fault: str, *, on: bool) -> None:
        """Raises InvalidInput: no such fault."""
        if fault not in self.known:
            raise InvalidInput(f"No such fault: {fault[:40]}.", f"Нет такой неисправности: {fault[:40]}.")
        if fault in REGISTERS:
            self._register_fault = fault if on else None
            for driver in self._drivers:
                driver.faults.set(REGISTERS[fault] if on else FaultPlan())
        elif self._ofd is not None:
            self._operator_fault = fault if on else None
            await self._ofd.set_faults(*([OPERATOR[fault]] if on else []))
