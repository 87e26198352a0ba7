"""What shall go wrong on the back office's side; the first fault that is not used up decides a call."""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.emulators.fault_list import CountedFault, FaultList


class ErpFaultMode(StrEnum):
    """The effect, and whether the events are in the book afterwards (``noted``)."""

    NONE = "none"  # answered as usual
    DOWN = "down"  # not listening: connections are refused, open ones are cut; not noted
    HANG = "hang"  # reads and never answers; not noted
    SLOW = "slow"  # waits ``delay_s``, then answers; noted before the wait
    SLOW_BODY = "slow_body"  # the answer's body comes letter by letter over ``delay_s``; noted
    DROP = "drop"  # cuts the connection; not noted
    CLOSE = "close"  # cuts the connection; noted: the answer was lost on its way
    HALF_ANSWER = "half_answer"  # half of the answer, then cuts; noted
    LOGIN_PAGE = "login_page"  # a web page with status 200; not noted
    NOT_JSON = "not_json"  # plain text with status 200; not noted
    NO_ACK = "no_ack"  # a JSON object that acknowledges nothing; noted
    WRONG_ACK = "wrong_ack"  # acknowledges far more than was sent; noted
    CODE = "code"  # answers status ``code``; not noted


@dataclass(slots=True, kw_only=True)
class ErpFault(CountedFault):
    mode: ErpFaultMode
    code: int = 500  # mode ``code``
    delay_s: float = 0.0
    retry_after: str | None = None  # mode ``code``: the header's text
    count: int | None = None  # how many more calls it acts on; None: until it is lifted


class ErpFaultPlan(FaultList[ErpFault]):
    """The faults in force, and what hits next."""

    @property
    def is_down(self) -> bool:
        return any(fault.mode is ErpFaultMode.DOWN for fault in self._faults)

    def next(self) -> ErpFault:
        """The fault for this call; uses it up."""
        found = self.take(lambda fault: fault.mode is not ErpFaultMode.DOWN)
        return found or ErpFault(mode=ErpFaultMode.NONE)
