"""Pure: an attempt's error, to what happens to the receipt and what the breaker hears of it.

One table (delivery.md), and the only place where a retry is decided.

| error | costs the receipt an attempt | breaker | the receipt's FN |
|---|---|---|---|
| channel failure, breaker closed | yes | failure | waits |
| channel failure of a probe | no | failure | waits |
| the operator rejects the document | yes | alive | goes on with the others (HTTP) |
| the FN refuses the confirmation | yes | alive | waits: it cannot skip a document |
| the confirmation did not reach the FN | no | alive | waits; the same bytes go again |
"""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.errors import AdapterError, KktError, KktRefused, OfdRejected, OfdUnavailable

MAX_ATTEMPTS = 20  # delivery.md#worker
RETRY_AFTER_CAP_S = 300.0  # delivery.md#circuit-breaker
HELD_RETRY_S = 60.0  # a dead letter at the head of an FN is tried again this often (delivery.md#transports)


class Signal(StrEnum):
    """What the breaker hears."""

    FAILURE = "failure"
    ALIVE = "alive"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    counts: bool  # costs the receipt an attempt
    to_dead_letters: bool
    delay_s: float  # until the receipt, or its FN, is due again
    fn_waits: bool
    signal: Signal
    label: str  # from a closed set, for metrics


def decide(
    error: AdapterError, *, failed_before: int, probing: bool, max_attempts: int = MAX_ATTEMPTS
) -> RetryDecision:
    """``failed_before``: failed attempts so far; ``probing``: the breaker is half-open.

    Raises:
        TypeError: an error that delivery does not know; the lane's outer edge logs it.
    """
    match error:
        case OfdUnavailable():
            counts, fn_waits, signal, label = not probing, True, Signal.FAILURE, error.error_code
        case OfdRejected():
            counts, fn_waits, signal, label = True, False, Signal.ALIVE, error.error_code
        case KktRefused():
            counts, fn_waits, signal, label = True, True, Signal.ALIVE, "fn_refused"
        case KktError():
            counts, fn_waits, signal, label = False, True, Signal.ALIVE, "fn_unreachable"
        case _:
            raise TypeError(f"delivery does not know {type(error).__name__}")
    failed = failed_before + int(counts)
    asked = error.retry_after_s if isinstance(error, OfdUnavailable) else None
    delay_s = backoff(max(1, failed)) if asked is None else min(asked, RETRY_AFTER_CAP_S)
    return RetryDecision(
        counts=counts,
        to_dead_letters=counts and failed >= max_attempts,
        delay_s=delay_s,
        fn_waits=fn_waits,
        signal=signal,
        label=label,
    )
