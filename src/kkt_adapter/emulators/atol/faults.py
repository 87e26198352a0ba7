"""What shall go wrong: on the HTTP line, in the web server, and in the register.

A fault hits the next requests or jobs that it matches, ``count`` times, and is used up.
"""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.emulators.fault_list import CountedFault, FaultList


class AtolFaultMode(StrEnum):
    # the HTTP line; ``step`` post, get, delete or None for any
    CUT_REQUEST = "cut_request"  # the connection ends before the server acts
    CUT_ANSWER = "cut_answer"  # the server acts; the connection ends after ``at`` bytes of its answer
    LATE = "late"  # the connection ends at once; a POST takes effect ``delay_s`` later
    HTTP_ERROR = "http_error"  # status ``code`` with a web page; the server does not act
    SLOW_ANSWER = "slow_answer"  # acts; answers after ``delay_s``
    # jobs; ``task`` is a type of task, or None for any that makes a document or moves cash
    HIDE = "hide"  # done; every request about the job is cut from its queueing on
    SLOW = "slow"  # inProgress for ``delay_s``, then done
    LINK_BEFORE = "link_before"  # the register's link breaks before the document is closed, for ``delay_s``
    LINK_AFTER = "link_after"  # likewise after it was closed
    ERROR = "error"  # not done; ``code``
    ERROR_CLOSED = "error_closed"  # done; ``error`` with ``code`` all the same
    READY_NULL = "ready_null"  # done; ready without a result
    READY_NOTHING = "ready_nothing"  # not done; ready without a result
    READY_FLAT = "ready_flat"  # done; the result without ``fiscalParams``
    READY_OTHER = "ready_other"  # not done; ready, naming the FN's last document, whatever it is
    DELETED = "deleted"  # done; the result is deleted at once
    PAPER_ENDS = "paper_ends"  # done; the paper ends while it is printed
    RAW_CUT = "raw_cut"  # done; ``rawData`` of a document breaks off after ``at`` bytes


HTTP_MODES = frozenset(
    {
        AtolFaultMode.CUT_REQUEST,
        AtolFaultMode.CUT_ANSWER,
        AtolFaultMode.LATE,
        AtolFaultMode.HTTP_ERROR,
        AtolFaultMode.SLOW_ANSWER,
    }
)


@dataclass(slots=True, kw_only=True)
class AtolFault(CountedFault):
    mode: AtolFaultMode
    step: str | None = None
    task: str | None = None
    at: int = 0  # bytes
    code: int = 2  # of the driver, or an HTTP status
    delay_s: float = 0.0
    foreign: bool = False  # another program's receipt of the same sum is made right before


class AtolFaultPlan(FaultList[AtolFault]):
    """The faults in force, and what hits next."""

    def on_request(self, step: str, task: str | None) -> AtolFault | None:
        """``task``: of a POST, the type of its first task."""
        return self.take(lambda f: f.mode in HTTP_MODES and f.step in (None, step) and f.task in (None, task))

    def on_job(self, task: str, *, makes: bool) -> AtolFault | None:
        return self.take(
            lambda f: f.mode not in HTTP_MODES and (f.task == task or (f.task is None and makes))
        )
