"""Commands of a lane: run in turn, told why they are not, never left waiting."""

import asyncio

import pytest

from kkt_adapter.fiscal.printing.lane_commands import COMMAND_LIMIT, Command, LaneCommands, stopping
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.kernel.errors import Conflict, KktOutcomeUnknown, KktUnavailable

LANE = LaneTerm(lease="lane:1", owner="me", number=1)


async def test_commands_run_in_turn_and_their_callers_get_the_results() -> None:
    commands, order = LaneCommands(), []

    def command(name: str) -> Command[str]:
        async def run(lane: LaneTerm) -> str:
            order.append(name)
            return f"{name} under {lane.number}"

        return run

    futures = [commands.add(command(name)) for name in ("a", "b")]
    assert commands
    assert not await commands.run(LANE)
    assert order == ["a", "b"]
    assert [await future for future in futures] == ["a under 1", "b under 1"]
    assert not commands


async def test_a_command_nobody_waits_for_any_more_is_not_begun() -> None:
    commands, ran = LaneCommands(), []

    async def run(lane: LaneTerm) -> None:
        ran.append(lane)

    commands.add(run).cancel()
    await commands.run(LANE)
    assert not ran


@pytest.mark.parametrize(
    ("error", "doubt"),
    [(Conflict("no shift is open"), False), (KktOutcomeUnknown("lost"), True), (KktUnavailable("no"), True)],
)
async def test_a_failure_is_its_callers_and_leaves_doubt_unless_nothing_was_done(
    error: Exception, doubt: bool
) -> None:
    commands = LaneCommands()

    async def run(lane: LaneTerm) -> None:
        raise error

    future = commands.add(run)
    assert await commands.run(LANE) is doubt
    with pytest.raises(type(error)):
        await future


async def test_what_no_command_may_raise_reaches_its_caller_and_the_lane() -> None:
    commands = LaneCommands()

    async def run(lane: LaneTerm) -> None:
        raise ZeroDivisionError

    future = commands.add(run)
    with pytest.raises(ZeroDivisionError):
        await commands.run(LANE)
    with pytest.raises(ZeroDivisionError):
        await future


async def test_a_cancelled_lane_tells_the_caller_that_it_stops() -> None:
    commands = LaneCommands()

    async def run(lane: LaneTerm) -> None:
        await asyncio.sleep(60)

    future = commands.add(run)
    running = asyncio.create_task(commands.run(LANE))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(KktUnavailable):
        await future


async def test_everybody_hears_why_the_lane_stands_still() -> None:
    commands = LaneCommands()

    async def run(lane: LaneTerm) -> None:
        raise AssertionError("not begun")

    futures = [commands.add(run) for _ in range(3)]
    commands.fail(stopping())
    assert not commands
    for future in futures:
        with pytest.raises(KktUnavailable):
            await future


async def test_only_so_many_commands_wait() -> None:
    commands = LaneCommands()

    async def run(lane: LaneTerm) -> None: ...

    for _ in range(COMMAND_LIMIT):
        commands.add(run)
    with pytest.raises(KktUnavailable):
        commands.add(run)
