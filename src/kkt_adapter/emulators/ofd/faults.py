"""What shall go wrong on the operator's side: a list of faults, matched against every message.

For one message the delays of all matching ``slow`` faults add up, and the first matching fault of another
mode decides what happens; ``none`` decides too and exempts the message from everything after it. A fault
with a ``count`` is used up by the messages it acted on. ``down`` is about the listener, not about messages.
"""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.emulators.fault_list import CountedFault, FaultList
from kkt_adapter.emulators.ofd.book import OperatorChannel


class OfdFaultMode(StrEnum):
    """The effect, and whether the operator has the document afterwards (``noted``)."""

    NONE = "none"  # answered as usual
    DOWN = "down"  # not listening: connections are refused, open ones are cut; not noted
    HANG = "hang"  # reads and never answers; not noted
    SLOW = "slow"  # waits ``delay_s``, then goes on; noted before the wait
    REFUSE = "refuse"  # closes without an answer, HTTP: 422; not noted
    BAD_CRC = "bad_crc"  # answer with a damaged check code, HTTP: a web page; noted
    WRONG_FN = "wrong_fn"  # answer about another FN (TCP only); noted
    WRONG_NUMBER = "wrong_number"  # answer about the document before or after it (TCP only); noted
    HALF_ANSWER = "half_answer"  # half of the answer, then closes; noted
    CLOSE = "close"  # closes without an answer; noted: the answer was lost on its way
    CODE = "code"  # TCP: confirms with response code ``code``, noted; HTTP: answers that status, not noted


CODES = {OperatorChannel.TCP: range(256), OperatorChannel.HTTP: range(200, 600)}
_TCP_ONLY = frozenset({OfdFaultMode.WRONG_FN, OfdFaultMode.WRONG_NUMBER})


@dataclass(slots=True, kw_only=True)
class OfdFault(CountedFault):
    """One entry of the list; ``None`` in a filter matches everything."""

    mode: OfdFaultMode
    code: int = 0  # mode ``code``: 1022 (0..255) or an HTTP status (200..599); the other side ignores it
    delay_s: float = 0.0  # mode ``slow``
    fn: str | None = None
    document: int | None = None
    receipt_id: str | None = None
    count: int | None = None  # how many more messages it acts on; None: until it is lifted
    retry_after: str | None = None  # HTTP, mode ``code``: the header's text

    def matches(self, transport: OperatorChannel, fn: str, document: int, receipt_id: str | None) -> bool:
        return (
            self.count != 0
            and self._fits(transport)
            and (self.fn is None or self.fn == fn)
            and (self.document is None or self.document == document)
            and (self.receipt_id is None or self.receipt_id == receipt_id)
        )

    def _fits(self, transport: OperatorChannel) -> bool:
        match self.mode:
            case OfdFaultMode.DOWN:
                return False
            case OfdFaultMode.CODE:
                return self.code in CODES[transport]
            case _:
                return transport is OperatorChannel.TCP or self.mode not in _TCP_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDecision:
    """What happens to one message."""

    mode: OfdFaultMode = OfdFaultMode.NONE
    delay_s: float = 0.0
    code: int = 0
    retry_after: str | None = None


class OfdFaultPlan(FaultList[OfdFault]):
    """The faults in force, and what hits next."""

    @property
    def is_down(self) -> bool:
        return any(fault.mode is OfdFaultMode.DOWN for fault in self._faults)

    def judge(
        self, transport: OperatorChannel, *, fn: str, document: int, receipt_id: str | None = None
    ) -> FaultDecision:
        """What to do with this message; uses up the faults that act on it."""
        if not self._faults:
            return _NO_FAULT
        delay_s = 0.0
        for fault in self._faults:
            if not fault.matches(transport, fn, document, receipt_id):
                continue
            if fault.count is not None:
                fault.count -= 1
            if fault.mode is OfdFaultMode.SLOW:
                delay_s += fault.delay_s
                continue
            return FaultDecision(
                mode=fault.mode, delay_s=delay_s, code=fault.code, retry_after=fault.retry_after
            )
        return FaultDecision(delay_s=delay_s)


_NO_FAULT = FaultDecision()
