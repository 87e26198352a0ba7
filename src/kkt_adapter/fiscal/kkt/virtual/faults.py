"""Everything that can be made to go wrong with a virtual register, by hand, by a test or by the fault lab.

Faults are set as one JSON-able value and take effect with the next command. They live in the process: a
restart begins without any. Conditions (paper, cover, hang ...) last until they are lifted; counted faults
use themselves up.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from kkt_adapter.kernel.errors import InvalidInput

MAX_LATENCY_S = 600.0
MAX_COUNT = 1_000_000
REFUSAL = 0x18  # "requisite refused": what a counted refusal answers unless another number is set


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """What shall go wrong. Counts say how many of the next commands that make a document it hits.

    Several counted faults run out in the order refuse, timeout_before, timeout_after.
    """

    latency_s: float = 0.0  # added to each command that makes a document, 0..600
    paper_out: bool = False  # no document is made; the status says so
    cover_open: bool = False  # likewise
    unreachable: bool = False  # no command at all gets through
    hang: bool = False  # every command waits until this is lifted, or until its deadline
    fn_full: bool = False  # blocked: FN_FULL
    fn_expired: bool = False  # blocked: FN_EXPIRED
    refuse: int = 0  # the device answers with ``refuse_code``; nothing is fiscalised
    refuse_code: int = REFUSAL  # 1..255
    timeout_before: int = 0  # the command is lost: nothing is fiscalised, the outcome looks unknown
    timeout_after: int = 0  # the answer is lost: the document exists, the outcome looks unknown

    def as_json(self) -> dict[str, bool | int]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "FaultPlan":
        """The plan that ``raw`` describes; what it leaves out is off.

        Raises:
            InvalidInput: unknown name, wrong type or out of range; the text names the entry.
        """
        known = {f.name: type(f.default) for f in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name not in known:
                raise _invalid(name, "unknown fault", "неизвестная неисправность")
            values[name] = _checked(name, value, known[name])
        return cls(**values)


NO_FAULTS = FaultPlan()


@dataclass(slots=True)
class VirtualFaults:
    """The faults of one register, changed from the event loop while it works."""

    plan: FaultPlan = field(default_factory=FaultPlan)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, plan: FaultPlan) -> None:
        """Replace all faults; commands that hang look again."""
        self.plan = plan
        self._changed.set()
        self._changed = asyncio.Event()

    def clear(self) -> None:
        self.set(FaultPlan())

    async def while_hanging(self) -> None:
        """Return once the register does not hang; the caller sets the deadline."""
        while self.plan.hang:
            await self._changed.wait()

    def take(self, name: str) -> bool:
        """Use up one of a counted fault (refuse, timeout_before, timeout_after); False: none is left."""
        left: int = getattr(self.plan, name)
        if left <= 0:
            return False
        change: dict[str, Any] = {name: left - 1}
        self.plan = replace(self.plan, **change)
        return True


def _checked(name: str, value: object, kind: type) -> object:
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise _invalid(name, "true or false expected", "ожидается true или false")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _invalid(name, "a number expected", "ожидается число")
    low, high = _RANGES[name]
    if not low <= value <= high or (kind is int and value != int(value)):
        raise _invalid(name, f"{low}..{high} expected", f"ожидается {low}..{high}")
    return kind(value)


_RANGES: Mapping[str, tuple[float, float]] = {
    "latency_s": (0, MAX_LATENCY_S),
    "refuse": (0, MAX_COUNT),
    "refuse_code": (1, 255),
    "timeout_before": (0, MAX_COUNT),
    "timeout_after": (0, MAX_COUNT),
}


def _invalid(name: str, en: str, ru: str) -> InvalidInput:
    return InvalidInput(f"Fault {name}: {en}.", f"Неисправность {name}: {ru}.", field=name)
