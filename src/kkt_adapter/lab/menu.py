"""The faults: what each kind does, and how often it is chosen.

A fault answers with what it hit, or with None when nothing was hit: a point nobody passed, a lost answer for
which nobody asked. Only faults that hit something are counted. Durations are seconds of the nodes.
"""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from kkt_adapter.emulators.link import LinkMode
from kkt_adapter.emulators.ofd import OfdFaultMode
from kkt_adapter.lab.acts import ACTS, idle, network
from kkt_adapter.lab.acts.kind import FaultKind, Work
from kkt_adapter.lab.acts.network import COMES_BY_S, in_time
from kkt_adapter.lab.devices.brands import BRANDS
from kkt_adapter.lab.devices.device import DeviceFault, LabDevice
from kkt_adapter.lab.world import World
from kkt_adapter.runtime.leases.lease import TTL_S

AT_START_SHARE = 0.3  # of the named points: while a start recovers from the last end
PAST_A_LEASE, ANY_LIFE = (1.25, 1.75), (0.1, 1.75)  # how long a process stands still, in lives of a lease
BREATH_S = 12.0  # a node that is up works for so long, at most, before its process is hit again
DEVICE_S = 10.0  # what a device command waits for its answer (printing.md)

DAY_S = 86_400
CLOCK_JUMPS_S = (5, 300, 4_000, 90_000, 3 * DAY_S, 40 * DAY_S, 402 * DAY_S, 1_826 * DAY_S)


async def _kill(world: World, rng: Random) -> str | None:
    node = world.node(rng)
    async with node.turn:
        await node.up()
        await world.pause(rng.uniform(0, BREATH_S))
        killed = await node.kill()
    return node.name if killed else None


async def _kill_at(world: World, rng: Random) -> str | None:
    return await _signal_at(world, rng, signal.SIGKILL)


async def _freeze_at(world: World, rng: Random) -> str | None:
    """Stopped between two steps for longer than a lease lives, then woken in the middle of it. One node at a
    time, so that there is another to take over."""
    async with world.frozen_turn:
        return await _signal_at(world, rng, signal.SIGSTOP)


async def _signal_at(world: World, rng: Random, kind: signal.Signals) -> str | None:
    points = world.channel.rarest(rng)
    node = world.node(rng)
    if not points:
        return None
    skip, within_s = rng.choice((0, 0, 0, 1, 3)), world.real(COMES_BY_S)
    async with node.turn:
        await node.up()
        if rng.random() < AT_START_SHARE:
            point = await node.at_next_start(points, kind, within_s=within_s)
        else:
            await world.pause(rng.uniform(0, BREATH_S))
            async with world.somebody_buys(node, rng):
                point = await node.at(points, kind, skip=skip, within_s=within_s)
        if point is None:
            return None
        if kind is signal.SIGSTOP:
            try:
                await world.pause(rng.uniform(*PAST_A_LEASE) * TTL_S)
            finally:
                node.thaw()
    return point


async def _terminate(world: World, rng: Random) -> str | None:
    node = world.node(rng)
    async with node.turn:
        await node.up()
        await node.terminate()
    return node.name


async def _freeze(world: World, rng: Random) -> str | None:
    node = world.node(rng)
    async with node.turn:
        await node.up()
        seconds = world.real(rng.uniform(*ANY_LIFE) * TTL_S)
        passed = await world.passes(partial(node.freeze, seconds), rng, node=node)
    return node.name if passed else None


async def _hang_up(world: World, rng: Random) -> str | None:
    node = world.node(rng)

    async def hang_up() -> None:
        node.hang_up()
        await world.pause(rng.uniform(1, 5))

    async with node.turn:
        await node.up()
        process = node.starts
        passed = await world.passes(hang_up, rng, node=node)
        await world.answers(node)  # meanwhile it is told of an end
        if node.last_end in ((process, 0), (process, -signal.SIGHUP)):
            world.wrong.append(f"{node.name} did not outlive a hang-up of its terminal")
    return node.name if passed else None


async def _disk_full(world: World, rng: Random) -> str | None:
    node = world.node(rng)

    async def fill() -> None:
        node.fill_disk(True)
        try:
            await world.pause(rng.uniform(2, 30))
        finally:
            node.fill_disk(False)

    async with node.turn:
        await node.up()
        passed = await world.passes(fill, rng, node=node)
    return node.name if passed else None


async def _clock_jump(world: World, rng: Random) -> str | None:
    """The wall clock is wrong for a while: by seconds, more than a shift, past every retention, or years."""
    node = world.node(rng)
    jump_s = rng.choice((1, -1)) * rng.choice(CLOCK_JUMPS_S)

    async def jump() -> None:
        node.set_clock(float(jump_s))
        await world.pause(rng.uniform(5, 60))
        if rng.random() < 0.7:
            node.set_clock(0.0)

    async with world.clock_turn:
        passed = await world.passes(jump, rng, node=node)
    return f"{jump_s:+d} s" if passed else None


def _counted(name: str) -> Work:
    """A fault that uses itself up: it counts when the register has."""

    async def work(world: World, rng: Random) -> str | None:
        register_id, n = world.register(rng), rng.choice((1, 1, 2))
        async with world.turn_of(register_id):
            world.set_plan(register_id, **{name: n})
            async with asyncio.TaskGroup() as group:
                group.create_task(world.customer(register_id, rng))
                hit = await in_time(world, lambda: world.plan_used(register_id, name, n))
            world.set_plan(register_id)
        return register_id if hit else None

    return work


def _lasting(*names: str, longest_s: float) -> Work:
    """A condition that lasts for a while."""

    async def work(world: World, rng: Random) -> str | None:
        register_id, name = world.register(rng), rng.choice(names)

        async def last() -> None:
            world.set_plan(register_id, **{name: True})
            await world.pause(rng.uniform(1, longest_s))
            world.set_plan(register_id)

        async with world.turn_of(register_id):
            passed = await world.passes_at(register_id, last, rng)
        return f"{name} {register_id}" if passed else None

    return work


async def _slow(world: World, rng: Random) -> str | None:
    register_id = world.register(rng)

    async def last() -> None:
        world.set_plan(register_id, latency_s=rng.uniform(0.5, 1.2 * DEVICE_S))
        await world.pause(rng.uniform(5, 30))
        world.set_plan(register_id)

    async with world.turn_of(register_id):
        passed = await world.passes_at(register_id, last, rng)
    return register_id if passed else None


def _device(brand: str, fault: DeviceFault) -> Work:
    async def work(world: World, rng: Random) -> str | None:
        device = world.device(brand, rng)
        async with world.turn_of(device.register_id):
            try:
                hit = await _done_to(world, device, fault, rng)
            finally:
                await device.lift()
        return device.register_id if hit else None

    return work


async def _done_to(world: World, device: LabDevice, fault: DeviceFault, rng: Random) -> bool:
    """Has it hit anybody?"""
    if not fault.lasts_s:
        used = await fault.begin(device, rng, world.real)

        async def has_hit() -> bool:
            return used()

        async with asyncio.TaskGroup() as group:
            group.create_task(world.customer(device.register_id, rng))
            return await in_time(world, has_hit)

    async def last() -> None:
        await fault.begin(device, rng, world.real)
        await world.pause(rng.uniform(1, fault.lasts_s))
        await device.lift()

    return await world.passes_at(device.register_id, last, rng)


def _device_faults() -> Iterator[FaultKind]:
    for driver, brand in BRANDS.items():
        for name, fault in brand.faults.items():
            yield FaultKind(
                name=f"{brand.name}: {name}",
                weight=fault.weight,
                work=_device(driver, fault),
                needs=idle.has_device(driver),
                free=idle.device(driver),
            )


async def _redis_killed(world: World, rng: Random) -> str | None:
    assert world.redis is not None
    redis = world.redis

    async def kill() -> None:
        await redis.stop()
        await world.pause(rng.uniform(1, 60))
        await redis.start()

    async with world.redis_turn:
        passed = await world.passes(kill, rng, node=world.node(rng))
    return "redis" if passed else None


async def _redis_frozen(world: World, rng: Random) -> str | None:
    assert world.redis is not None
    redis = world.redis

    async def freeze() -> None:
        redis.freeze()
        await world.pause(rng.uniform(1, 30))
        redis.thaw()

    async with world.redis_turn:
        passed = await world.passes(freeze, rng, node=world.node(rng))
    return "redis" if passed else None


async def _postgres_restarted(world: World, rng: Random) -> str | None:
    """An immediate shutdown: connections break in the middle, the log is replayed at the start."""
    assert world.postgres is not None
    postgres = world.postgres

    async def restart() -> None:
        await postgres.stop(signal.SIGQUIT)
        await world.pause(rng.uniform(0, 15))
        await postgres.start()

    async with world.postgres_turn:
        passed = await world.passes(restart, rng, node=world.node(rng))
        await world.pause(rng.uniform(0, 30))  # some work in between
    return "postgres" if passed else None


MENU: Sequence[FaultKind] = (
    FaultKind(name="process killed at a named point", weight=24, work=_kill_at, free=idle.node),
    FaultKind(name="process killed at random", weight=8, work=_kill, free=idle.node),
    FaultKind(name="process frozen at a named point", weight=4, work=_freeze_at, free=idle.node_to_freeze),
    FaultKind(name="process frozen at random", weight=3, work=_freeze, free=idle.node),
    FaultKind(name="process stopped in order", weight=3, work=_terminate, free=idle.node),
    FaultKind(name="process told that its terminal hung up", weight=2, work=_hang_up, free=idle.node),
    FaultKind(name="disk full", weight=3, work=_disk_full, free=idle.node),
    FaultKind(name="clock jump", weight=3, work=_clock_jump, free=idle.clock_idle),
    FaultKind(
        name="device answer lost after fiscalising",
        weight=10,
        work=_counted("timeout_after"),
        free=idle.register,
    ),
    FaultKind(
        name="device answer lost before fiscalising",
        weight=6,
        work=_counted("timeout_before"),
        free=idle.register,
    ),
    FaultKind(name="device refuses", weight=3, work=_counted("refuse"), free=idle.register),
    FaultKind(
        name="device hangs", weight=4, work=_lasting("hang", longest_s=1.5 * DEVICE_S), free=idle.register
    ),
    FaultKind(
        name="device not ready",
        weight=3,
        work=_lasting("paper_out", "cover_open", "unreachable", longest_s=15),
        free=idle.register,
    ),
    FaultKind(name="device slow", weight=2, work=_slow, free=idle.register),
    *_device_faults(),
    FaultKind(
        name="operator down",
        weight=3,
        work=network.operator(OfdFaultMode.DOWN, longest_s=30),
        free=idle.operator_idle,
    ),
    FaultKind(
        name="operator hangs",
        weight=3,
        work=network.operator(OfdFaultMode.HANG, longest_s=30),
        free=idle.operator_idle,
    ),
    FaultKind(
        name="operator answers wrongly",
        weight=5,
        work=network.answers(
            OfdFaultMode.BAD_CRC,
            OfdFaultMode.WRONG_FN,
            OfdFaultMode.WRONG_NUMBER,
            OfdFaultMode.REFUSE,
            OfdFaultMode.CODE,
        ),
        free=idle.operator_idle,
    ),
    FaultKind(
        name="operator's answer cut or late",
        weight=4,
        work=network.answers(OfdFaultMode.CLOSE, OfdFaultMode.HALF_ANSWER, OfdFaultMode.SLOW),
        free=idle.operator_idle,
    ),
    *(
        FaultKind(
            name=f"line: {mode.value.replace('_', ' ')}",
            weight=2,
            work=network.line(mode),
            free=idle.line_idle,
        )
        for mode in LinkMode
    ),
    FaultKind(name="Redis killed", weight=4, work=_redis_killed, needs=idle.has_redis, free=idle.redis_idle),
    FaultKind(name="Redis frozen", weight=2, work=_redis_frozen, needs=idle.has_redis, free=idle.redis_idle),
    FaultKind(
        name="PostgreSQL restarted",
        weight=3,
        work=_postgres_restarted,
        needs=idle.has_postgres,
        free=idle.postgres_idle,
    ),
    *ACTS,
)
