"""What every `PassLock` promises; then what Redis alone has to withstand."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.support.clock import ManualClock
from tests.support.services import RedisServer, redis_server

from kkt_adapter.runtime.leases.pass_lock import LockOutcome, PassLock, ProcessPassLock
from kkt_adapter.runtime.leases.pass_lock_redis import RedisPassLock

KEY, SIGNAL = "lock:kkt_sync_lock", "lock-signal:kkt_sync_lock"
PATIENCE_S = 60.0
HELD, BUSY, UNAVAILABLE = LockOutcome.HELD, LockOutcome.BUSY, LockOutcome.UNAVAILABLE


@asynccontextmanager
async def connected(server: RedisServer) -> AsyncIterator[Redis]:
    """A plain client, as another program would use it."""
    client = Redis.from_url(server.url)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
async def client(redis: RedisServer) -> AsyncIterator[Redis]:
    async with connected(redis) as plain:
        await plain.flushall()
        yield plain


Make = Callable[[], RedisPassLock]


@pytest.fixture
async def make(redis: RedisServer, client: Redis, clock: ManualClock) -> AsyncIterator[Make]:
    made: list[RedisPassLock] = []

    def one() -> RedisPassLock:
        made.append(RedisPassLock(redis.url, clock=clock))
        return made[-1]

    yield one
    for lock in made:
        await lock.close()


@pytest.fixture(params=["process", "redis"])
def rivals(request: pytest.FixtureRequest) -> tuple[PassLock, PassLock]:
    """Two that want the lock; within a process they are users of one object."""
    if request.param == "process":
        lock = ProcessPassLock()
        return lock, lock
    make: Make = request.getfixturevalue("make")
    return make(), make()


async def test_a_free_lock_is_held_inside_the_block(rivals: tuple[PassLock, PassLock]) -> None:
    one, _ = rivals
    async with one.attempt() as hold:
        assert (hold.outcome, hold.held, one.held) == (HELD, True, True)
        assert not hold.lost.is_set()
    assert not one.held
    assert one.available


async def test_a_held_lock_is_busy_for_the_other_without_waiting(rivals: tuple[PassLock, PassLock]) -> None:
    one, other = rivals
    async with one.attempt():
        async with other.attempt() as refused:
            assert (refused.outcome, refused.held) == (BUSY, False)
        async with other.attempt() as refused:  # and looking did not take it from its holder
            assert refused.outcome is BUSY
    async with other.attempt() as hold:
        assert hold.outcome is HELD


async def test_an_object_does_not_hold_its_lock_twice(rivals: tuple[PassLock, PassLock]) -> None:
    one, _ = rivals
    async with one.attempt(), one.attempt() as second:
        assert second.outcome is BUSY


async def test_a_cancelled_holder_gives_the_lock_back(rivals: tuple[PassLock, PassLock]) -> None:
    one, other = rivals
    holding = asyncio.Event()

    async def hold_for_ever() -> None:
        async with one.attempt():
            holding.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(hold_for_ever())
    await asyncio.wait_for(holding.wait(), PATIENCE_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async with other.attempt() as hold:
        assert hold.outcome is HELD


async def test_an_error_in_the_block_comes_out_and_frees_the_lock(rivals: tuple[PassLock, PassLock]) -> None:
    one, other = rivals
    with pytest.raises(KeyError):
        async with one.attempt():
            raise KeyError("work failed")
    async with other.attempt() as hold:
        assert hold.outcome is HELD


async def test_on_the_wire_it_is_the_lock_of_python_redis_lock(make: Make, client: Redis) -> None:
    async with make().attempt():
        assert len(await client.get(KEY) or "") == 24  # 18 random bytes in base64
        assert 240 <= await client.ttl(KEY) <= 300
        assert not await client.set(KEY, b"theirs", nx=True, ex=10)  # how that library takes it
        waiting = asyncio.ensure_future(client.blpop([SIGNAL], timeout=PATIENCE_S))
        while not (await client.info("clients"))["blocked_clients"]:  # noqa: ASYNC110 - the server's word
            await asyncio.sleep(0.001)

    assert tuple(await waiting or ()) == (SIGNAL.encode(), b"1")  # wakes whoever waits with BLPOP
    assert await client.get(KEY) is None
    async with make().attempt():
        pass
    assert await client.pttl(SIGNAL) in (-2, *range(1001))  # with nobody waiting it is gone within a second


async def test_a_lock_of_that_library_is_busy_for_us(make: Make, client: Redis) -> None:
    await client.set(KEY, b"theirs", nx=True, ex=10)
    async with make().attempt() as hold:
        assert hold.outcome is BUSY
    assert await client.get(KEY) == b"theirs"
    assert not await client.exists(SIGNAL)


async def test_a_long_pass_keeps_the_lock(make: Make, client: Redis, clock: ManualClock) -> None:
    async with make().attempt() as hold:
        for _ in range(3):
            await client.expire(KEY, 20)
            await clock.until_sleeping(1)
            await clock.advance(30)
            await clock.until_sleeping(1)
            assert await client.ttl(KEY) > 290
        assert hold.held


async def test_a_lock_that_somebody_took_is_noticed_and_left_to_them(
    make: Make, client: Redis, clock: ManualClock
) -> None:
    lock = make()
    async with lock.attempt() as hold:
        await client.set(KEY, b"theirs")
        await clock.until_sleeping(1)
        await clock.advance(30)
        await asyncio.wait_for(hold.lost.wait(), PATIENCE_S)
        assert not hold.held
        assert not lock.held
    assert await client.get(KEY) == b"theirs"


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="kkt-redis-") as home, redis_server(Path(home)) as server:
        yield server


async def test_without_redis_the_answer_is_quick_and_the_next_try_waits_half_a_minute(
    own_server: RedisServer, clock: ManualClock
) -> None:
    own_server.stop()
    lock = RedisPassLock(own_server.url, clock=clock)
    async with asyncio.timeout(40):
        async with lock.attempt() as hold:
            assert (hold.outcome, hold.held, lock.available) == (UNAVAILABLE, False, False)

    own_server.start()
    await clock.advance(29)
    async with lock.attempt() as hold:
        assert hold.outcome is UNAVAILABLE  # it did not look
    await clock.advance(1)
    async with lock.attempt() as hold:
        assert hold.outcome is HELD
    assert lock.available
    await lock.close()


async def test_a_redis_that_forgot_everything_is_noticed(own_server: RedisServer, clock: ManualClock) -> None:
    lock = RedisPassLock(own_server.url, clock=clock)
    async with lock.attempt() as hold:
        own_server.stop()
        own_server.start()
        while not hold.lost.is_set():  # one renewal finds a dead connection, the next an empty server
            await clock.until_sleeping(1, unless=hold.lost.is_set)
            await clock.advance(30)
        assert clock.monotonic() < 1_000 + 300
    async with lock.attempt() as hold:
        assert hold.outcome is HELD
    await lock.close()


async def test_a_redis_that_stays_away_costs_the_lock_when_it_expires(
    own_server: RedisServer, clock: ManualClock
) -> None:
    lock = RedisPassLock(own_server.url, clock=clock)
    async with lock.attempt() as hold:
        own_server.stop()
        began = clock.monotonic()
        while not hold.lost.is_set():
            assert clock.monotonic() - began <= 300
            await clock.until_sleeping(1, unless=hold.lost.is_set)
            await clock.advance(10)
        assert clock.monotonic() - began == pytest.approx(300, abs=10)
        assert not lock.available
    await lock.close()


async def test_a_redis_that_does_not_answer_does_not_hold_the_pass_up(
    own_server: RedisServer, clock: ManualClock
) -> None:
    lock = RedisPassLock(own_server.url, clock=clock)
    async with lock.attempt() as hold:
        assert hold.held
    own_server.freeze()
    try:
        async with asyncio.timeout(40):
            async with lock.attempt() as hold:
                assert hold.outcome is UNAVAILABLE
    finally:
        own_server.thaw()
    async with connected(own_server) as plain:
        await plain.ping()  # the command that nobody waited for has been done by now
        await clock.advance(30)
        async with lock.attempt() as hold:
            assert hold.outcome is HELD  # what it left behind is ours, not somebody else's
    await lock.close()
