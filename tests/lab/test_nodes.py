"""How the lab drives a process: none is forgotten, none starts unasked, and one that stays away is told."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import pytest
from tests.lab import little_nodes
from tests.lab.worlds import empty_world

from kkt_adapter.lab import injector as injecting
from kkt_adapter.lab import menu, nodes
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.control_channel import ControlChannel
from kkt_adapter.lab.fork_server import ForkServer, NodeSpec
from kkt_adapter.lab.injector import Injector
from kkt_adapter.lab.nodes import NOT_STARTED, LabNode
from kkt_adapter.lab.ports import ReservedPort
from kkt_adapter.lab.world import World

PATIENCE_S = 20.0  # before a test gives up


@dataclass
class Lab:
    node: LabNode
    database: Path
    channel: ControlChannel

    def world(self) -> World:
        return empty_world(self.database, nodes=(self.node,), channel=self.channel)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A node that starts while its database is there; it is not begun yet."""
    database = tmp_path / "buffer.db"
    channel = ControlChannel(tmp_path / "control")
    await channel.open()
    fork_server = ForkServer(little_nodes.COMMAND)
    await fork_server.open()
    node = LabNode(
        "node0", port=ReservedPort(), channel=channel, fork_server=fork_server, restart_pause_s=lambda: 0.0
    )
    node.make_spec = lambda of: NodeSpec(
        name=of.name,
        run="",
        control=str(channel.path),
        log=str(tmp_path / "node.log"),
        scale=1.0,
        epoch=0.0,
        offset_s=0.0,
        settings={"database": str(database)},
    )
    try:
        yield Lab(node, database, channel)
    finally:
        await node.end()
        await fork_server.close()
        await channel.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - counts and flags
            await asyncio.sleep(0.005)


async def test_a_process_that_has_ended_before_its_number_is_known_is_followed_by_another(lab: Lab) -> None:
    lab.node.begin()
    await until(lambda: lab.node.starts >= 3)
    seen = lab.node.starts
    time.sleep(0.3)  # noqa: ASYNC251 - a busy lab: it hears of the beginning and of the end at once

    await until(lambda: lab.node.starts > seen + 2)

    assert set(lab.node.unexpected) == {NOT_STARTED}


async def test_while_halted_one_process_may_try_to_start_and_no_other(lab: Lab) -> None:
    lab.database.touch()
    lab.node.begin()
    await lab.node.up()
    async with lab.node.halted(signal.SIGKILL):
        lab.database.unlink()
        starts = lab.node.starts

        assert not await lab.node.tries_to_start()
        for _ in range(50):
            await asyncio.sleep(0)  # another would have begun: there is no pause between two

        assert lab.node.starts == starts + 1
        lab.database.touch()
        assert await lab.node.tries_to_start()
        assert lab.node.pid is None
    await lab.node.up()
    assert lab.node.unexpected == []


async def test_a_process_may_refuse_to_start_while_nothing_can_be_written(lab: Lab) -> None:
    lab.node.begin()
    with lab.node.excused():
        await until(lambda: lab.node.starts > 3)
        lab.node.unexpected.clear()  # of the first ones
        lab.database.touch()
        await lab.node.up()
    assert lab.node.unexpected == []


@pytest.mark.parametrize(("killed", "told"), [(False, True), (True, False)])
async def test_only_an_end_by_the_hang_up_is_held_against_it(lab: Lab, killed: bool, told: bool) -> None:
    lab.database.touch()
    lab.node.begin()
    await lab.node.up()
    world = lab.world()
    fault = next(kind for kind in menu.MENU if kind.name == "process told that its terminal hung up")
    assert fault.work is not None and lab.node.pid is not None

    async with aiohttp.ClientSession() as world.session:
        if killed:
            os.kill(lab.node.pid, signal.SIGKILL)
        await fault.work(world, Random(1))
        await until(lambda: lab.node.starts > 1)

    assert bool(world.wrong) is told


async def test_a_node_that_stays_away_ends_the_run_with_a_finding(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def waits(world: World, rng: Random) -> str | None:
        await world.nodes[0].up()
        return "node0"

    kind = FaultKind(name="waits for a node", weight=1, work=waits)
    monkeypatch.setattr(injecting, "MENU", (kind,))
    monkeypatch.setattr(nodes, "UP_WITHIN_S", 0.3)
    lab.node.begin()
    world = lab.world()
    injector = Injector(world, seed=1, gap_s=0.01)

    async with asyncio.timeout(PATIENCE_S):
        await injector.inject(1_000, limit_s=600)

    assert world.gone == ["node0"]
    assert set(injector.stats.stuck) == {"waits for a node"}


async def test_a_fault_that_cannot_be_done_is_told_and_ends_no_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(world: World, rng: Random) -> str | None:
        raise OSError("no space left")

    async def works(world: World, rng: Random) -> str | None:
        return "something"

    monkeypatch.setattr(
        injecting,
        "MENU",
        (FaultKind(name="fails", weight=1, work=fails), FaultKind(name="works", weight=1, work=works)),
    )
    injector = Injector(lab.world(), seed=1, gap_s=0.001)

    await injector.inject(20, limit_s=PATIENCE_S)

    assert injector.stats.hit["works"] >= 20
    assert injector.stats.broken
    assert all(text.startswith("fails: OSError('no space left')") for text in injector.stats.broken)
