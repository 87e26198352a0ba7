"""What only a `Lease` of a database can promise: trust that ends in time, and writes that are fenced."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, select
from tests.support.clock import ManualClock
from tests.support.databases.leases import NAME, PATIENCE_S, Nodes, held_until, two_nodes

from kkt_adapter.kernel.errors import LeaseLost
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import (
    ENDED_KEPT,
    DatabaseLeases,
    check_term,
    check_terms,
    sign_of_life,
)
from kkt_adapter.runtime.leases.lease import LeaseHeld
from kkt_adapter.runtime.leases.rows import Held, LeaseRow, Taking, give_back, leases, look, renew, take

T = TypeVar("T")


@pytest.fixture
async def nodes(database_url: str, clock: ManualClock) -> AsyncIterator[Nodes]:
    async with two_nodes(database_url, clock) as both:
        yield both


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def test_renewal_keeps_a_lease_for_as_long_as_it_is_used(nodes: Nodes) -> None:
    async with nodes.leases(0).lease(NAME).term() as term:
        taken = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(held_until(nodes.leases(1).lease(NAME), asyncio.Event(), taken))
        await nodes.pass_time(100, sleepers=3)  # renewal, watch, and the one that waits

        assert not taken.done()
        assert term.still_trusted(nodes.clock.monotonic())
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_silent_holder_loses_trust_before_anybody_takes_over(nodes: Nodes) -> None:
    lost_at = taken_at = 0.0
    taken = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()
    async with nodes.leases(0).lease(NAME).term() as term:
        other = nodes.leases(1).lease(NAME)
        waiting = asyncio.ensure_future(held_until(other, leave, taken))
        await nodes.pass_time(1, sleepers=3)
        began = nodes.clock.monotonic()
        await nodes.databases[0].close()  # this node cannot reach the database any more
        while not taken.done():
            await nodes.clock.advance(1)
            while other._trying.locked():  # noqa: ASYNC110 - its look at the database takes real time
                await asyncio.sleep(0.001)
            if term.lost.is_set() and not lost_at:
                lost_at = nodes.clock.monotonic()
        taken_at = nodes.clock.monotonic()

        assert lost_at - began <= 18  # ttl 30 s less the margin of 12 s
        assert 30 - 3 <= taken_at - began <= 45
        assert lost_at < taken_at
        assert taken.result().number == term.number + 1
        with pytest.raises(LeaseLost):
            term.ensure_trusted(nodes.clock.monotonic())
    leave.set()
    await waiting


async def test_nobody_takes_over_before_a_whole_ttl_of_their_own_clock(nodes: Nodes) -> None:
    def renewed_long_ago(connection: Any) -> None:
        connection.execute(
            leases.insert().values(name=NAME, owner="gone", term=5, renewals=9, host="till-2", pid=77)
        )

    await nodes.databases[0].write(renewed_long_ago)
    lease = nodes.leases(1).lease(NAME)

    for second in range(30):
        with pytest.raises(LeaseHeld, match="till-2, pid 77"):
            async with lease.term(wait_s=0):
                pytest.fail(f"taken after {second} s")
        await nodes.clock.advance(1)
    async with lease.term(wait_s=0) as term:
        assert term.number == 6


async def test_a_sign_of_life_starts_the_patience_anew(nodes: Nodes) -> None:
    def renewal(number: int) -> Callable[[Any], None]:
        return lambda connection: connection.execute(leases.update().values(renewals=number))

    await nodes.databases[0].write(
        lambda connection: connection.execute(
            leases.insert().values(name=NAME, owner="slow", term=1, renewals=1, host="till-2", pid=77)
        )
    )
    lease = nodes.leases(1).lease(NAME)

    for number in range(2, 5):
        with pytest.raises(LeaseHeld):
            async with lease.term(wait_s=0):
                pass
        await nodes.clock.advance(29)
        await nodes.databases[0].write(renewal(number))

    with pytest.raises(LeaseHeld):
        async with lease.term(wait_s=0):
            pass


async def test_a_holder_proven_ended_is_followed_at_once(nodes: Nodes) -> None:
    async with nodes.leases(0).lease(NAME).term():
        nodes.ended.add("node-0")
        async with nodes.leases(1).lease(NAME).term(wait_s=0) as term:
            assert term.number == 2


async def test_a_renewal_that_finds_another_holder_ends_the_term(nodes: Nodes) -> None:
    async with nodes.leases(0).lease(NAME).term() as first:
        nodes.ended.add("node-0")
        async with nodes.leases(1).lease(NAME).term(wait_s=0) as second:
            await nodes.clock.until_sleeping(4)
            await nodes.clock.advance(10)
            await asyncio.wait_for(first.lost.wait(), PATIENCE_S)
            assert not second.lost.is_set()
            assert second.still_trusted(nodes.clock.monotonic())


async def test_leaving_a_lost_term_does_not_touch_the_next_holder_s(nodes: Nodes) -> None:
    first = nodes.leases(0).lease(NAME).term()
    await first.__aenter__()
    nodes.ended.add("node-0")
    async with nodes.leases(1).lease(NAME).term(wait_s=0) as second:
        await first.__aexit__(None, None, None)

        await nodes.databases[1].write(lambda c: check_term(c, NAME, "node-1", second.number))


async def test_a_write_is_fenced_by_its_term(nodes: Nodes) -> None:
    async with nodes.leases(0).lease(NAME).term() as first:
        await nodes.databases[0].write(lambda c: check_term(c, NAME, first.owner, first.number))
        nodes.ended.add("node-0")
        async with nodes.leases(1).lease(NAME).term(wait_s=0):
            with pytest.raises(LeaseLost):
                await nodes.databases[0].write(lambda c: check_term(c, NAME, first.owner, first.number))


async def test_an_older_term_of_the_same_process_is_fenced(nodes: Nodes) -> None:
    lease = nodes.leases(0).lease(NAME)
    async with lease.term() as old:
        pass
    async with lease.term():
        with pytest.raises(LeaseLost):
            await nodes.databases[0].write(lambda c: check_term(c, NAME, old.owner, old.number))


async def test_many_terms_are_checked_at_once_and_the_lost_one_is_named(nodes: Nodes) -> None:
    of_node = nodes.leases(0)
    async with of_node.lease("lane a").term() as first, of_node.lease("lane b").term() as second:
        held = [(term.name, term.owner, term.number) for term in (first, second)]
        await nodes.databases[0].write(lambda c: check_terms(c, held))
        nodes.ended.add("node-0")
        async with nodes.leases(1).lease("lane b").term(wait_s=0):
            with pytest.raises(LeaseLost, match="lane b"):
                await nodes.databases[0].write(lambda c: check_terms(c, held))


class Interrupted:
    """A database in which something happens just before the next write."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.dialect = inner.dialect
        self.first: Callable[[Connection], object] | None = None

    async def read(self, fn: Callable[[Connection], T]) -> T:
        return await self._inner.read(fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        if self.first is not None:
            await self._inner.write(self.first)
        return await self._inner.write(fn)

    async def write_each(self, apply: Any, item: Any) -> Any:
        if self.first is not None:
            await self._inner.write(self.first)
        return await self._inner.write_each(apply, item)

    async def close(self) -> None:
        await self._inner.close()


async def test_a_sign_of_life_between_the_look_and_the_taking_stops_the_taking(nodes: Nodes) -> None:
    interrupted = Interrupted(nodes.databases[1])
    lease = DatabaseLeases(interrupted, owner="node-1", clock=nodes.clock).lease(NAME)
    await nodes.databases[0].write(
        lambda c: c.execute(
            leases.insert().values(name=NAME, owner="slow", term=4, renewals=1, host="", pid=0)
        )
    )
    with pytest.raises(LeaseHeld):
        async with lease.term(wait_s=0):
            pass
    interrupted.first = lambda c: c.execute(leases.update().values(renewals=leases.c.renewals + 1))
    await nodes.clock.advance(31)

    with pytest.raises(LeaseHeld):
        async with lease.term(wait_s=0):
            pass
    await nodes.databases[1].write(lambda c: check_term(c, NAME, "slow", 4))


async def test_of_many_takings_and_renewals_only_the_overtaken_ones_fail(nodes: Nodes) -> None:
    row = {"term": 4, "renewals": 7, "host": "", "pid": 0}
    rows = [row | {"name": name, "owner": owner} for name, owner in (("a", ""), ("b", ""), ("c", "other"))]
    await nodes.databases[0].write(lambda c: c.execute(leases.insert(), rows))
    seen = await nodes.databases[0].read(lambda c: look(c, ["a", "b", "none"]))
    assert seen == [LeaseRow("", 4, 7, "", 0), LeaseRow("", 4, 7, "", 0), None]
    stale = LeaseRow("", 4, 6, "", 0)
    wanted = [
        Taking(name=name, seen=known, number=5, owner="us", host="here")
        for name, known in (("a", seen[0]), ("b", stale), ("new", None), ("c", None))
    ]

    assert await nodes.databases[0].write(lambda c: take(c, wanted)) == [True, False, True, False]

    held = [Held("a", "us", 5), Held("b", "us", 5), Held("new", "us", 5)]
    assert await nodes.databases[0].write(lambda c: renew(c, held)) == [True, False, True]
    await nodes.databases[0].write(lambda c: give_back(c, held))
    left = await nodes.databases[0].read(lambda c: look(c, ["a", "b", "new"]))
    assert [one and (one.owner, one.term, one.renewals) for one in left] == [
        ("", 5, 10),
        ("", 4, 7),
        ("", 5, 3),
    ]


async def test_a_lease_given_back_or_never_taken_fences_too(nodes: Nodes) -> None:
    async with nodes.leases(0).lease(NAME).term() as term:
        pass

    for name in (NAME, "never taken"):
        with pytest.raises(LeaseLost):
            await nodes.databases[0].write(partial(check_term, name=name, owner="node-0", term=term.number))


async def test_a_taking_that_was_cancelled_on_its_way_does_not_lock_out_its_own_process(nodes: Nodes) -> None:
    database, lease = nodes.databases[0], nodes.leases(0).lease(NAME)
    entered, go_on = threading.Event(), threading.Event()

    def hold_the_writer(connection: Connection) -> None:
        entered.set()
        assert go_on.wait(PATIENCE_S)

    holding = asyncio.ensure_future(database.write(hold_the_writer))
    assert await asyncio.to_thread(entered.wait, PATIENCE_S)
    attempt = asyncio.ensure_future(lease.term().__aenter__())
    await asyncio.to_thread(until, lambda: database.waiting > 0)  # the taking is queued
    attempt.cancel()
    go_on.set()
    await holding
    await asyncio.gather(attempt, return_exceptions=True)

    async with lease.term(wait_s=0) as term:
        assert term.number == 2


async def test_the_row_names_the_process_for_people(nodes: Nodes) -> None:
    async with nodes.leases(0).lease(NAME).term():
        row = await nodes.databases[1].read(lambda c: c.execute(select(leases)).one())

    assert (row.name, row.owner, row.term) == (NAME, "node-0", 1)
    assert row.host
    assert row.pid > 0


def test_a_margin_that_leaves_no_trust_between_renewals_is_refused(clock: ManualClock) -> None:
    of_memory_only: Any = object()  # no database is needed to refuse
    leases_of = DatabaseLeases(of_memory_only, owner="node-0", clock=clock)

    with pytest.raises(ValueError, match="margin_s"):
        leases_of.lease(NAME, margin_s=20)


async def test_of_those_who_ended_only_some_are_remembered(clock: ManualClock) -> None:
    of_memory_only: Any = object()
    asked: list[str] = []

    def has_ended(owner: str) -> bool:
        asked.append(owner)
        return True

    leases_of = DatabaseLeases(of_memory_only, owner="node-0", clock=clock, holder_ended=has_ended)
    owners = [f"owner-{number}" for number in range(ENDED_KEPT + 1)]
    for owner in owners:
        assert await leases_of.ended(owner)
    assert await leases_of.ended(owners[-1])
    assert asked == owners
    assert await leases_of.ended(owners[0])  # forgotten, and proven anew
    assert asked == [*owners, owners[0]]


async def test_a_sign_of_life_changes_while_the_lease_is_held_and_not_after(nodes: Nodes) -> None:
    look = partial(sign_of_life, name=NAME)
    db = nodes.databases[0]
    assert await db.read(look) is None
    seen = []
    async with nodes.leases(0).lease(NAME).term(wait_s=0):
        for _ in range(2):
            seen.append(await db.read(look))
            await nodes.pass_time(11, sleepers=2)  # renewal and watch
    left = await db.read(look)
    await nodes.clock.advance(100)
    assert seen[0] != seen[1]
    assert await db.read(look) == left
