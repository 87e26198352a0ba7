"""What receipts and health checks need. Everything else of ``services.py`` is put together with the first
request for it."""

from dataclasses import dataclass
from typing import Protocol

from kkt_adapter.api.doors.door import Doorway
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.metrics import Metrics
from kkt_adapter.fiscal.status.pages import Summary
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.runtime.auth.gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreServices:
    """Those of ``ApiServices``; ``links`` is of its ``buyer``, ``metrics`` of its ``watch``."""

    intake: ReceiptIntake
    links: ReceiptLinks
    gate: Gate
    summary: Summary
    preflight: Preflight
    metrics: Metrics
    doors: tuple[Doorway, ...] = ()


class Sandbox(Protocol):
    """What a demonstration lets people break and mend."""

    @property
    def faults(self) -> frozenset[str]:
        """Names of the faults in force; all there are stand in ``known``."""
        ...

    @property
    def known(self) -> tuple[str, ...]: ...

    async def switch(self, fault: str, *, on: bool) -> None:
        """Raises InvalidInput: no such fault."""
        ...
