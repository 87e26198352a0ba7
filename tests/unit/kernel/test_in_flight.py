"""How long a peer has owed an answer, seen while it owes it."""

import asyncio

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.kernel.in_flight import InFlightCalls


class SilenceError(Exception):
    """No answer came."""


@pytest.fixture
def calls(clock: ManualClock) -> InFlightCalls:
    return InFlightCalls(clock, silent=(SilenceError,))


async def test_nothing_is_owed_while_no_call_runs(calls: InFlightCalls, clock: ManualClock) -> None:
    assert calls.oldest_s == 0.0
    with calls.call():
        await clock.advance(2)
    await clock.advance(5)
    assert calls.oldest_s == 0.0


async def test_the_oldest_of_several_calls_counts(calls: InFlightCalls, clock: ManualClock) -> None:
    with calls.call():
        await clock.advance(2)
        with calls.call():
            await clock.advance(3)
            assert calls.oldest_s == 5.0
        assert calls.oldest_s == 5.0


async def test_after_no_answer_the_next_call_counts_from_the_first(
    calls: InFlightCalls, clock: ManualClock
) -> None:
    with pytest.raises(SilenceError), calls.call():
        await clock.advance(10)
        raise SilenceError
    await clock.advance(1)
    assert calls.oldest_s == 0.0
    with calls.call():
        assert calls.oldest_s == 11.0
    with calls.call():  # it has answered
        assert calls.oldest_s == 0.0


async def test_an_error_that_is_an_answer_ends_the_silence(calls: InFlightCalls, clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="refused"), calls.call():
        await clock.advance(10)
        raise ValueError("refused")
    with calls.call():
        assert calls.oldest_s == 0.0


async def test_who_gives_up_waiting_has_got_no_answer(calls: InFlightCalls, clock: ManualClock) -> None:
    async def ask() -> None:
        with calls.call():
            await asyncio.Event().wait()

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    await clock.advance(4)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    with calls.call():
        assert calls.oldest_s == 4.0
