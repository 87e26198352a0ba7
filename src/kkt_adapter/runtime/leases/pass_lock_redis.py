"""The pass lock in Redis, on the same keys as python-redis-lock, so that both exclude each other.

What that library puts on the wire (read from its release 4.0.1): the key ``lock:<name>`` holds a random
id of the holder and expires; it is set only if absent; to extend or delete it the holder compares the id
in a script; on release one element is pushed to the list ``lock-signal:<name>``, which lives for a
second and wakes those who wait with BLPOP. We never wait, but others may, so we leave the signal.

Unlike that library, renewal runs on the event loop and tells the holder when the lock is lost.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from os import urandom

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.in_flight import InFlightCalls
from kkt_adapter.runtime.leases.pass_lock import EXPIRY_S, LOCK_NAME, LockOutcome, PassHold
from kkt_adapter.runtime.log import get_logger

CONNECT_S = 1.0
ANSWER_S = 2.0  # for one command
RECONNECT_S = 30.0  # delivery.md#lock: reconnect is tried at most every 30 s
RENEW_S = 30.0  # a lost lock is noticed within this; the expiry allows for several failures in a row
SIGNAL_MS = 1000

# KEYS: lock. ARGV: our id, seconds to live. A lock that already carries our id is what is left of an attempt
# whose answer never came: nobody uses it, so it is ours again.
_TAKE = """
if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('expire', KEYS[1], ARGV[2])
end
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  return 1
end
return 0
"""

# KEYS: lock, signal. ARGV: our id, how long the signal lives.
_RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then
  redis.call('del', KEYS[1], KEYS[2])
  redis.call('rpush', KEYS[2], 1)
  redis.call('pexpire', KEYS[2], ARGV[2])
  return 1
end
return 0
"""

# KEYS: lock. ARGV: our id, seconds to live from now.
_EXTEND = """
if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('expire', KEYS[1], ARGV[2])
end
return 0
"""


class RedisPassLock:
    """Implements `PassLock`; connects when first asked."""

    backend = "redis"

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        name: str = LOCK_NAME,
        expiry_s: int = EXPIRY_S,
        renew_s: float = RENEW_S,
        reconnect_s: float = RECONNECT_S,
    ) -> None:
        """``url`` is ``redis://host:port/db`` (or rediss://, unix://).

        Raises:
            ValueError: it is not such an address.
        """
        self._redis = Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_S,
            socket_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
            max_connections=4,
        )
        self._clock = clock
        self._lock_key = f"lock:{name}"
        self._signal_key = f"lock-signal:{name}"
        self._expiry_s = expiry_s
        self._renew_s = renew_s
        self._reconnect_s = reconnect_s
        self._next_try = clock.monotonic()
        self._available = True
        self._holder = b64encode(urandom(18))
        self._hold: PassHold | None = None
        self._in_use = False  # this object's own attempts exclude each other too
        self._calls = InFlightCalls(clock)
        self._asked_at: datetime | None = None
        self._log = get_logger("passlock")

    @property
    def available(self) -> bool:
        return self._available

    @property
    def held(self) -> bool:
        return self._hold is not None and self._hold.held

    @property
    def waits_s(self) -> float:
        return self._calls.oldest_s

    @property
    def asked_at(self) -> datetime | None:
        return self._asked_at

    def attempt(self) -> AbstractAsyncContextManager[PassHold]:
        return self._attempt()

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[PassHold]:
        if self._in_use:
            yield PassHold(LockOutcome.BUSY)
            return
        self._in_use = True
        try:
            started = self._clock.monotonic()
            hold = PassHold(await self._take())
            if hold.outcome is LockOutcome.HELD:
                async with self._kept(hold, started):
                    yield hold
            else:
                yield hold
        finally:
            self._in_use = False

    @asynccontextmanager
    async def _kept(self, hold: PassHold, started: float) -> AsyncIterator[None]:
        self._hold = hold
        keeper = asyncio.create_task(self._keep(hold, started))
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            self._hold = None
            await self._release()

    async def _take(self) -> LockOutcome:
        if not self._available and self._clock.monotonic() < self._next_try:
            return LockOutcome.UNAVAILABLE
        try:
            taken = await self._run(_TAKE, (self._lock_key,), self._expiry_s)
        except (RedisError, OSError) as error:
            self._went_away(error)
            return LockOutcome.UNAVAILABLE
        self._came_back()
        return LockOutcome.HELD if taken else LockOutcome.BUSY

    async def _keep(self, hold: PassHold, started: float) -> None:
        """Renew until the block ends; past the expiry without a renewal the lock counts as lost."""
        ends = started + self._expiry_s
        while True:
            await self._clock.sleep(min(self._renew_s, max(0.0, ends - self._clock.monotonic())))
            started = self._clock.monotonic()
            if started >= ends:
                break
            try:
                extended = await self._run(_EXTEND, (self._lock_key,), self._expiry_s)
            except (RedisError, OSError) as error:
                self._went_away(error)
                continue
            self._came_back()
            if not extended:
                break
            ends = started + self._expiry_s
        self._log.warning("pass_lock_lost", lock=self._lock_key)
        hold.lost.set()

    async def _release(self) -> None:
        try:
            await self._run(_RELEASE, (self._lock_key, self._signal_key), SIGNAL_MS)
        except (RedisError, OSError) as error:  # it expires by itself
            self._went_away(error)

    async def _run(self, script: str, keys: tuple[str, ...], time_to_live: int) -> bool:
        self._asked_at = self._clock.now()
        with self._calls.call():
            async with asyncio.timeout(CONNECT_S + ANSWER_S):
                return bool(await self._redis.eval(script, len(keys), *keys, self._holder, time_to_live))

    def _went_away(self, error: Exception) -> None:
        self._next_try = self._clock.monotonic() + self._reconnect_s
        if self._available:
            self._available = False
            self._log.warning("pass_lock_unavailable", error=str(error), retry_in_s=self._reconnect_s)

    def _came_back(self) -> None:
        if not self._available:
            self._available = True
            self._log.info("pass_lock_available")
