"""Services start in order, come back after a crash, and stop in reverse within the deadline."""

import asyncio

import pytest
import structlog
from tests.support.clock import ManualClock

from kkt_adapter.runtime.supervisor import Service, ServiceState, Supervisor


class Recorder:
    """Works until it is stopped, and notes when it started and stopped."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self._journal = journal

    async def run(self, stop: asyncio.Event) -> None:
        self._journal.append(f"{self.name} started")
        await stop.wait()
        self._journal.append(f"{self.name} stopped")


class Faulty:
    """Crashes (or returns) so many times, each after ``works_s``; then it works until it is stopped."""

    name = "faulty"

    def __init__(
        self, clock: ManualClock, *, crashes: int, works_s: float = 0, returns: bool = False
    ) -> None:
        self._clock = clock
        self._crashes = crashes
        self._works_s = works_s
        self._returns = returns
        self.runs = 0

    async def run(self, stop: asyncio.Event) -> None:
        self.runs += 1
        if self.runs > self._crashes:
            await stop.wait()
            return
        await self._clock.sleep(self._works_s)
        if not self._returns:
            raise ValueError(f"crash {self.runs}")


class Deaf:
    """Does not listen to ``stop``; cleans up when cancelled."""

    name = "deaf"

    def __init__(self, journal: list[str]) -> None:
        self._journal = journal

    async def run(self, stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self._journal.append("deaf cleaned up")


async def test_services_start_in_order_and_stop_in_reverse(clock: ManualClock) -> None:
    journal: list[str] = []
    async with Supervisor([Recorder(name, journal) for name in "abc"], clock=clock) as supervisor:
        assert journal == ["a started", "b started", "c started"]
        assert all(state.running for state in supervisor.states.values())

    assert journal[3:] == ["c stopped", "b stopped", "a stopped"]
    assert list(supervisor.states) == ["a", "b", "c"]
    assert not any(state.running for state in supervisor.states.values())


async def test_a_crash_is_logged_once_and_the_service_comes_back_after_a_growing_pause(
    clock: ManualClock,
) -> None:
    journal: list[str] = []
    faulty = Faulty(clock, crashes=3)
    with structlog.testing.capture_logs() as lines:
        async with Supervisor([faulty, Recorder("other", journal)], clock=clock) as supervisor:
            for pause in (1, 2, 4):
                runs = faulty.runs
                await clock.advance(pause - 0.1)
                assert faulty.runs == runs
                assert not supervisor.states["faulty"].running
                await clock.advance(0.1)
                assert faulty.runs == runs + 1
            assert supervisor.states["faulty"] == ServiceState(
                running=True, restarts=3, last_error="ValueError: crash 3"
            )
            assert journal == ["other started"]

    crashes = [line for line in lines if line["event"] == "service_crashed"]
    assert [line["restart_in_s"] for line in crashes] == [1, 2, 4]
    assert {line["log_level"] for line in crashes} == {"error"}


async def test_a_service_that_returns_unasked_is_started_again(clock: ManualClock) -> None:
    faulty = Faulty(clock, crashes=1, returns=True)
    async with Supervisor([faulty], clock=clock) as supervisor:
        await clock.advance(1)
        assert faulty.runs == 2
        assert "without being asked" in (supervisor.states["faulty"].last_error or "")


async def test_a_service_that_ran_steadily_starts_its_back_off_anew(clock: ManualClock) -> None:
    faulty = Faulty(clock, crashes=4, works_s=60)
    async with Supervisor([faulty], clock=clock):
        for run in range(2, 6):
            await clock.advance(61)  # a minute of work and one second of pause
            assert faulty.runs == run


async def test_a_stop_during_the_pause_after_a_crash_does_not_wait(clock: ManualClock) -> None:
    supervisor = Supervisor([Faulty(clock, crashes=1)], clock=clock)
    await supervisor.start()
    async with asyncio.timeout(60):
        await supervisor.stop()


async def test_a_service_that_does_not_return_in_time_is_cancelled_and_the_others_stop(
    clock: ManualClock,
) -> None:
    journal: list[str] = []
    services: list[Service] = [Recorder("first", journal), Deaf(journal), Recorder("last", journal)]
    async with Supervisor(services, clock=clock, stop_within_s=0.05):
        pass

    assert journal == ["first started", "last started", "last stopped", "first stopped", "deaf cleaned up"]


async def test_stopping_twice_is_stopping_once(clock: ManualClock) -> None:
    journal: list[str] = []
    supervisor = Supervisor([Recorder("a", journal)], clock=clock)
    await supervisor.start()
    await supervisor.stop()
    await supervisor.stop()

    assert journal == ["a started", "a stopped"]


def test_two_services_of_one_name_are_refused(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="one name"):
        Supervisor([Recorder("a", []), Recorder("a", [])], clock=clock)
