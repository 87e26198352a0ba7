"""The one table that decides what an attempt's error costs, and what the breaker hears of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.delivery.outcome import MAX_ATTEMPTS, RETRY_AFTER_CAP_S, Signal, decide
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktRefused,
    KktUnavailable,
    OfdProtocolError,
    OfdRejected,
    OfdUnavailable,
    StorageError,
)

TIMEOUT = OfdUnavailable("no answer", error_code="timeout")
NOT_JSON = OfdProtocolError("a page", error_code="not_json")
REJECTED = OfdRejected("no", error_code="http_422")
FN_REFUSED = KktRefused("no", device_code=0x20)
FN_AWAY = KktUnavailable("no link")


@pytest.mark.parametrize(
    ("error", "probing", "counts", "fn_waits", "signal", "label"),
    [
        (TIMEOUT, False, True, True, Signal.FAILURE, "timeout"),
        (NOT_JSON, False, True, True, Signal.FAILURE, "not_json"),
        (TIMEOUT, True, False, True, Signal.FAILURE, "timeout"),  # a probe costs the receipt nothing
        (NOT_JSON, True, False, True, Signal.FAILURE, "not_json"),
        (REJECTED, False, True, False, Signal.ALIVE, "http_422"),  # the others of its FN pass
        (REJECTED, True, True, False, Signal.ALIVE, "http_422"),  # a good probe: the operator is alive
        (FN_REFUSED, False, True, True, Signal.ALIVE, "fn_refused"),  # the FN cannot skip a document
        (FN_AWAY, False, False, True, Signal.ALIVE, "fn_unreachable"),  # the same bytes go again
    ],
)
def test_the_table(
    error: AdapterError, probing: bool, counts: bool, fn_waits: bool, signal: Signal, label: str
) -> None:
    decision = decide(error, failed_before=0, probing=probing)
    assert (decision.counts, decision.fn_waits) == (counts, fn_waits)
    assert (decision.signal, decision.label) == (signal, label)
    assert not decision.to_dead_letters


@pytest.mark.parametrize(("failed_before", "delay_s"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (18, 60)])
def test_the_delay_doubles_up_to_a_minute(failed_before: int, delay_s: float) -> None:
    assert decide(TIMEOUT, failed_before=failed_before, probing=False).delay_s == delay_s
    assert decide(REJECTED, failed_before=failed_before, probing=False).delay_s == delay_s


@pytest.mark.parametrize("error", [TIMEOUT, REJECTED, FN_REFUSED])
def test_the_twentieth_failed_attempt_is_the_last_whatever_the_error(error: AdapterError) -> None:
    assert not decide(error, failed_before=MAX_ATTEMPTS - 2, probing=False).to_dead_letters
    assert decide(error, failed_before=MAX_ATTEMPTS - 1, probing=False).to_dead_letters


def test_a_probe_never_makes_a_dead_letter() -> None:
    assert not decide(TIMEOUT, failed_before=MAX_ATTEMPTS + 5, probing=True).to_dead_letters


@pytest.mark.parametrize(("asked_s", "delay_s"), [(0.0, 0.0), (7.0, 7.0), (3600.0, RETRY_AFTER_CAP_S)])
def test_a_wish_to_wait_is_obeyed_up_to_five_minutes(asked_s: float, delay_s: float) -> None:
    error = OfdUnavailable("slow down", error_code="http_429", retry_after_s=asked_s)
    assert decide(error, failed_before=3, probing=False).delay_s == delay_s


def test_an_error_that_delivery_does_not_know_is_not_guessed_at() -> None:
    with pytest.raises(TypeError):
        decide(StorageError("disk full"), failed_before=0, probing=False)


@given(
    error=st.sampled_from([TIMEOUT, NOT_JSON, REJECTED, FN_REFUSED, FN_AWAY]),
    failed_before=st.integers(0, 1000),
    probing=st.booleans(),
    max_attempts=st.integers(1, 50),
)
def test_whatever_happens(error: AdapterError, failed_before: int, probing: bool, max_attempts: int) -> None:
    decision = decide(error, failed_before=failed_before, probing=probing, max_attempts=max_attempts)
    assert 0 < decision.delay_s <= 60
    assert decision.to_dead_letters == (decision.counts and failed_before + 1 >= max_attempts)
    assert decision.counts or not decision.to_dead_letters
    assert (decision.signal is Signal.FAILURE) == isinstance(error, OfdUnavailable)
