"""What every `Lease` promises, over memory and both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.clock import ManualClock
from tests.support.databases.leases import NAME, PATIENCE_S, held_until, two_nodes

from kkt_adapter.kernel.errors import LeaseLost
from kkt_adapter.runtime.leases.lease import LeaseHeld, Leases
from kkt_adapter.runtime.leases.memory import MemoryLeases


@dataclass
class Rivals:
    """Two that want the same lease: two processes, or two tasks where memory is all there is."""

    one: Leases
    other: Leases
    clock: ManualClock


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def rivals(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Rivals]:
    if request.param == "memory":
        memory = MemoryLeases(owner="node-0", clock=clock)
        yield Rivals(memory, memory, clock)
        return
    url = str(tmp_path / "kkt.db")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with two_nodes(url, clock) as both:
        yield Rivals(both.leases(0), both.leases(1), clock)


async def test_every_term_has_a_higher_number(rivals: Rivals) -> None:
    numbers = []
    for leases_of in (rivals.one, rivals.other, rivals.other, rivals.one):
        async with leases_of.lease(NAME).term() as term:
            numbers.append(term.number)

    assert numbers == [1, 2, 3, 4]


async def test_a_term_rises_above_the_number_that_was_seen_elsewhere(rivals: Rivals) -> None:
    numbers = []
    for above in (0, 7, 3):
        lease = rivals.one.lease(NAME)
        lease.rise_above(above)
        async with lease.term() as term:
            numbers.append(term.number)

    assert numbers == [1, 8, 9]


async def test_a_held_lease_is_refused_at_once_to_who_does_not_wait(rivals: Rivals) -> None:
    async with rivals.one.lease(NAME).term():
        with pytest.raises(LeaseHeld) as refusal:
            async with rivals.other.lease(NAME).term(wait_s=0):
                pass

    assert refusal.value.facts["owner"] == "node-0"
    assert refusal.value.facts["pid"] > 0


async def test_one_lease_object_is_not_held_twice(rivals: Rivals) -> None:
    lease = rivals.one.lease(NAME)
    async with lease.term() as term:
        with pytest.raises(LeaseHeld):
            async with lease.term(wait_s=0):
                pass
        assert term.still_trusted(rivals.clock.monotonic())


async def test_who_waits_gets_the_lease_when_the_holder_leaves(rivals: Rivals) -> None:
    leave, taken = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        async with rivals.one.lease(NAME).term() as first:
            group.create_task(held_until(rivals.other.lease(NAME), leave, taken))
            await asyncio.sleep(0.05)
            assert not taken.done()
        while not taken.done():
            await rivals.clock.advance(1)
            await asyncio.sleep(0.005)
        assert taken.result().number == first.number + 1
        leave.set()


async def test_who_waits_for_a_while_is_refused_when_it_is_over(rivals: Rivals) -> None:
    async def wait_seven_seconds() -> None:
        async with rivals.other.lease(NAME).term(wait_s=7):
            pytest.fail("the lease is held")

    async with rivals.one.lease(NAME).term():
        waiting = asyncio.ensure_future(wait_seven_seconds())
        while not waiting.done():
            await rivals.clock.advance(1)
            await asyncio.sleep(0.005)
        with pytest.raises(LeaseHeld):
            await waiting


async def test_a_cancelled_holder_gives_the_lease_back(rivals: Rivals) -> None:
    taken = asyncio.get_running_loop().create_future()
    holder = asyncio.ensure_future(held_until(rivals.one.lease(NAME), asyncio.Event(), taken))
    await asyncio.wait_for(taken, PATIENCE_S)

    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)

    async with rivals.other.lease(NAME).term(wait_s=0) as term:
        assert term.number == 2


async def test_an_error_in_the_block_gives_the_lease_back_and_comes_out(rivals: Rivals) -> None:
    with pytest.raises(KeyError):
        async with rivals.one.lease(NAME).term():
            raise KeyError("work failed")

    async with rivals.other.lease(NAME).term(wait_s=0) as term:
        assert term.number == 2


async def test_names_do_not_disturb_each_other(rivals: Rivals) -> None:
    async with rivals.one.lease("a").term(), rivals.other.lease("b").term(wait_s=0) as term:
        assert term.number == 1


async def test_a_term_that_is_held_is_trusted(rivals: Rivals) -> None:
    async with rivals.one.lease(NAME).term() as term:
        assert term.still_trusted(rivals.clock.monotonic())
        term.ensure_trusted(rivals.clock.monotonic())
        assert not term.lost.is_set()
        assert (term.name, term.owner) == (NAME, "node-0")


async def test_a_revoked_memory_term_is_lost(clock: ManualClock) -> None:
    memory = MemoryLeases(owner="node-0", clock=clock)
    async with memory.lease(NAME).term() as first:
        memory.revoke(NAME)
        assert first.lost.is_set()
        assert not first.still_trusted(clock.monotonic())
        async with memory.lease(NAME).term(wait_s=0) as second:
            assert second.number == 2
    with pytest.raises(LeaseLost):
        first.ensure_trusted(clock.monotonic())
