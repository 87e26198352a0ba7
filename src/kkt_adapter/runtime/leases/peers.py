"""Is another process at work on this database? Then idle lanes look for its rows, else they need not."""

import asyncio
from collections.abc import Callable

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.file_lock import ProcessLocks
from kkt_adapter.runtime.wakeup import happens_within

LOOK_EVERY_S = 1.0


class Peers:
    """A ``Service``. ``alive`` is always true for a database on a server, where nobody can be seen.

    ``changed`` is called when it has become true or false.
    """

    name = "peers"

    def __init__(self, locks: ProcessLocks, *, owner: str, on_server: bool, clock: Clock) -> None:
        self.alive = on_server
        self.changed: Callable[[], None] = lambda: None
        self._locks = locks
        self._owner = owner
        self._on_server = on_server
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look once a second, until ``stop``."""
        while not stop.is_set():
            if not self._on_server:
                before, self.alive = (
                    self.alive,
                    await asyncio.to_thread(self._locks.others_alive, self._owner),
                )
                if self.alive is not before:
                    self.changed()
            await happens_within(self._clock, LOOK_EVERY_S, stop)
