"""The network mode: a table of results, and what an end point is judged by."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clock import ManualClock

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.outcome import Signal
from kkt_adapter.fiscal.monitoring.network_mode import (
    ModeState,
    NetworkEvidence,
    NetworkMode,
    NetworkMonitor,
    NetworkPolicy,
    judge,
)
from kkt_adapter.fiscal.store.events import NewEvent
from kkt_adapter.kernel.breaker import Breaker
from kkt_adapter.kernel.errors import OfdUnavailable
from kkt_adapter.kernel.hysteresis import Presence

POLICY = NetworkPolicy()
LETTERS = {"n": NetworkMode.ONLINE, "d": NetworkMode.DEGRADED, "f": NetworkMode.OFFLINE}


def modes(results: str, *, every_s: float = 30.0) -> str:
    """The mode after each check of a row of results, in the same letters."""
    state, shown = ModeState(), ""
    for number, letter in enumerate(results):
        state = state.after(LETTERS[letter], now=1000.0 + number * every_s, policy=POLICY)
        shown += next(name for name, mode in LETTERS.items() if mode is state.mode)
    return shown


@pytest.mark.parametrize(
    ("results", "every_s", "shown"),
    [
        ("n", 30, "n"),  # the first finished check sets the mode at once ...
        ("d", 30, "d"),
        ("nf", 30, "nn"),  # ... and the second one cannot
        ("nfff", 30, "nnnf"),  # the third like result comes 90 s after the mode began
        ("nffn", 30, "nnnn"),
        ("nffnff", 30, "nnnnnn"),  # a good check begins the row anew
        ("nffdd", 30, "nnnnn"),  # unlike results in a row are no like ones
        ("nffddd", 30, "nnnnnd"),
        ("ndfdfdf", 30, "nnnnnnn"),
        ("nffff", 20, "nnnnn"),  # three like results, but not yet 90 s in the mode
        ("nfffff", 20, "nnnnnf"),
        ("nfffnnn", 30, "nnnfffn"),  # the way back is as long
        ("fffff", 30, "fffff"),
    ],
)
def test_a_mode_is_left_after_three_like_results_and_90_seconds(
    results: str, every_s: float, shown: str
) -> None:
    assert modes(results, every_s=every_s) == shown


@given(st.text(alphabet="ndf", min_size=1, max_size=40), st.sampled_from([0.0, 1.0, 30.0, 120.0]))
def test_no_single_result_but_the_first_changes_the_mode(results: str, every_s: float) -> None:
    shown = modes(results, every_s=every_s)
    assert shown[0] == results[0]
    changes = [n for n in range(1, len(shown)) if shown[n] != shown[n - 1]]
    for n in changes:
        assert results[n - 2 : n + 1] == shown[n] * 3
        since = max([0, *(earlier for earlier in changes if earlier < n)])
        assert (n - since) * every_s >= POLICY.least_s


@pytest.mark.parametrize(
    ("operators_ok", "back_office", "mode"),
    [
        (True, Presence.ONLINE, "online"),
        (True, None, "online"),  # none is configured
        (True, Presence.UNKNOWN, "online"),  # not found missing yet
        (True, Presence.OFFLINE, "degraded"),
        (False, Presence.ONLINE, "offline"),
        (False, None, "offline"),
        (False, Presence.OFFLINE, "offline"),
    ],
)
def test_the_operators_decide_before_the_back_office(
    operators_ok: bool, back_office: Presence | None, mode: str
) -> None:
    assert judge(operators_ok=operators_ok, back_office=back_office) == mode


class Operators:
    """End points whose health calls answer as a test says, and a monitor over them."""

    def __init__(self, clock: ManualClock, *names: str) -> None:
        self.clock = clock
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.back_office: Presence | None = None
        self.told: list[NewEvent] = []
        self.endpoints = [self._endpoint(name) for name in names or ("a",)]
        self.monitor = NetworkMonitor(
            endpoints=lambda: self.endpoints,
            back_office=self._presence,
            clock=clock,
            tell=self.told.append,
            policy=POLICY,
        )

    def _endpoint(self, name: str) -> Endpoint:
        async def probe() -> None:
            self.asked.append(name)
            if name in self.down:
                raise OfdUnavailable("no answer", "нет ответа", error_code="connection")

        return Endpoint(
            name,
            transport="relay",
            breaker=Breaker(failures_to_open=2, open_s=1000.0),
            probe=probe,
            clock=self.clock,
            on_change=lambda endpoint, state: None,
        )

    async def _presence(self) -> Presence | None:
        return self.back_office


async def test_an_operator_of_which_nothing_is_known_is_asked(clock: ManualClock) -> None:
    operators = Operators(clock)
    assert operators.monitor.mode is NetworkMode.OFFLINE
    assert await operators.monitor.check() is NetworkMode.ONLINE
    assert operators.asked == ["a"]
    assert [check.by for check in operators.monitor.checks] == [NetworkEvidence.HEALTH_CALL]


async def test_a_fresh_delivery_speaks_for_the_operator_and_an_old_one_does_not(clock: ManualClock) -> None:
    operators = Operators(clock)
    operators.endpoints[0].succeeded(0.1)
    await clock.advance(29.9)
    await operators.monitor.check()
    assert operators.asked == []
    assert operators.monitor.checks[0].by is NetworkEvidence.DELIVERY
    await clock.advance(0.1)
    await operators.monitor.check()
    assert operators.asked == ["a"]


async def test_the_newest_outcome_counts_and_a_refusal_means_alive(clock: ManualClock) -> None:
    operators = Operators(clock)
    operators.endpoints[0].succeeded(0.1)
    operators.endpoints[0].heard(Signal.FAILURE, label="timeout", error="timeout")
    assert await operators.monitor.check() is NetworkMode.OFFLINE
    operators.endpoints[0].heard(Signal.ALIVE, label="http_422", error="refused")
    await operators.monitor.check()
    assert operators.monitor.checks[0].ok


async def test_an_open_breaker_is_a_failed_check_and_nobody_is_asked(clock: ManualClock) -> None:
    operators = Operators(clock)
    for _ in range(2):
        operators.endpoints[0].heard(Signal.FAILURE, label="timeout", error="timeout")
    await clock.advance(60)
    assert await operators.monitor.check() is NetworkMode.OFFLINE
    assert operators.monitor.checks[0].by is NetworkEvidence.BREAKER
    assert operators.asked == []


async def test_checks_do_not_reach_the_breaker(clock: ManualClock) -> None:
    operators = Operators(clock)
    operators.down = {"a"}
    for _ in range(5):
        await operators.monitor.check()
    assert operators.endpoints[0].breaker.failure_count == 0


async def test_the_worst_operator_decides_and_each_is_shown(clock: ManualClock) -> None:
    operators = Operators(clock, "a", "b")
    operators.down = {"b"}
    assert await operators.monitor.check() is NetworkMode.OFFLINE
    assert [(check.name, check.ok) for check in operators.monitor.checks] == [("a", True), ("b", False)]


async def test_every_change_is_told_with_its_cause(clock: ManualClock) -> None:
    operators = Operators(clock)
    operators.back_office = Presence.OFFLINE
    await operators.monitor.check()
    operators.down = {"a"}
    for _ in range(3):
        await clock.advance(30)
        await operators.monitor.check()
    assert [entry.event_type for entry in operators.told] == ["network_mode_changed"] * 2
    assert '"mode":"degraded","was":"offline"' in (operators.told[0].metadata or "")
    assert '"mode":"offline","was":"degraded","missing":["a"]' in (operators.told[1].metadata or "")
    assert [entry.level for entry in operators.told] == ["warning", "warning"]


async def test_the_service_checks_at_once_and_then_every_30_seconds(clock: ManualClock) -> None:
    operators = Operators(clock)
    stop = asyncio.Event()
    running = asyncio.create_task(operators.monitor.run(stop))
    await clock.until_sleeping()
    assert operators.asked == ["a"]
    await clock.advance(29)
    assert operators.asked == ["a"]
    await clock.advance(1)
    assert operators.asked == ["a", "a"]
    stop.set()
    await asyncio.wait_for(running, 60)


async def test_a_stop_does_not_wait_for_a_check(clock: ManualClock) -> None:
    operators = Operators(clock)
    began = asyncio.Event()

    async def never() -> Presence | None:
        began.set()
        await asyncio.Event().wait()
        return None

    operators.monitor._back_office = never
    stop = asyncio.Event()
    running = asyncio.create_task(operators.monitor.run(stop))
    await began.wait()
    stop.set()
    await asyncio.wait_for(running, 60)
