"""What shall go wrong with an emulated register: conditions that last, and faults of single commands.

A fault hits the next commands it matches, ``count`` times, and is used up. Those that cut or lose say where
the command stood then: before it was executed or after.
"""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.emulators.fault_list import FaultList


class FaultMode(StrEnum):
    CUT_REQUEST = "cut_request"  # the connection ends after ``at`` bytes of the frame; not executed
    CUT_ANSWER = "cut_answer"  # executed; the connection ends after ``at`` bytes of ACK and answer
    LOSE_REQUEST = "lose_request"  # swallowed: neither ACK nor answer; not executed
    LOSE_ANSWER = "lose_answer"  # executed; the answer is kept for ENQ and not sent
    FORGET_ANSWER = "forget_answer"  # executed; the answer is gone, as after a power cycle
    LATE = "late"  # the connection ends at once; executed ``delay_s`` later
    SLOW = "slow"  # executed and answered after ``delay_s``
    SILENT = "silent"  # executed and answered; then nothing is heard for ``delay_s``
    NAK = "nak"  # the frame is refused; not executed
    BAD_LRC = "bad_lrc"  # executed; the answer comes damaged
    BUSY = "busy"  # 50h; not executed
    ERROR = "error"  # ``code``; not executed
    LIE = "lie"  # FF45: a good answer with the number of the last document; not executed
    PAPER_ENDS = "paper_ends"  # executed; the paper ends in the middle of printing it
    DRIP = "drip"  # executed; the answer comes byte by byte


@dataclass(slots=True, kw_only=True)
class Fault:
    mode: FaultMode
    command: str | None = None  # hex, "ff45"; None: any
    at: int = 0  # bytes
    code: int = 0x33
    delay_s: float = 0.0
    count: int | None = 1  # how many more commands it hits; None: until it is lifted
    skip: int = 0  # how many it lets pass first

    def matches(self, command: bytes) -> bool:
        return self.count != 0 and (self.command is None or self.command.lower() == command.hex())


class FaultPlan(FaultList[Fault]):
    """The faults in force, and what hits next."""

    def take(self, command: bytes) -> Fault | None:
        """What hits this command; uses it up."""
        for fault in self._faults:
            if not fault.matches(command):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.count is not None:
                fault.count -= 1
            return fault
        return None

    def peek(self, modes: frozenset[FaultMode]) -> Fault | None:
        """The first fault of these modes that is still in force, whatever its command."""
        return next((f for f in self._faults if f.mode in modes and f.count != 0), None)
