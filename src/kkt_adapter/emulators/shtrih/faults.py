"""What shall go wrong with an emulated register: conditions that last, and faults of single commands.

A fault hits the next commands it matches, ``count`` times, and is used up. Those that cut or lose say where
the command stood then: before it was executed or after.
"""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.emulators.fault_list import CountedFault, FaultList


class ShtrihFaultMode(StrEnum):
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
class ShtrihFault(CountedFault):
    mode: ShtrihFaultMode
    command: str | None = None  # hex, "ff45"; None: any
    at: int = 0  # bytes
    code: int = 0x33
    delay_s: float = 0.0

    def matches(self, command: bytes) -> bool:
        return self.command is None or self.command.lower() == command.hex()


class ShtrihFaultPlan(FaultList[ShtrihFault]):
    """The faults in force, and what hits next."""

    def on_command(self, command: bytes) -> ShtrihFault | None:
        """What hits this command; uses it up."""
        return self.take(lambda fault: fault.matches(command))

    def peek(self, modes: frozenset[ShtrihFaultMode]) -> ShtrihFault | None:
        """The first fault of these modes that is still in force, whatever its command."""
        return next((f for f in self._faults if f.mode in modes and f.count != 0), None)
