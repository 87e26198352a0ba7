"""Receipts that other processes stored: looked for once for all lanes, however many registers there are."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf

from kkt_adapter.fiscal.printing.lane_rows import registers_with_unprinted
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.wakeup import happens_within

LOOK_EVERY_S = 0.5


class OthersReceipts:
    """A ``Service``. ``shared``: is another process at work on this database?

    A lane that is told has a look of its own, once it is at rest: what waits may be what it prints now.
    """

    name = "other processes"

    def __init__(
        self, registers: Registers, *, database: Database, clock: Clock, shared: Callable[[], bool]
    ) -> None:
        self._registers = registers
        self._database = database
        self._clock = clock
        self._shared = shared
        self._changed = asyncio.Event()

    def pace_changed(self) -> None:
        """``shared`` is another one now."""
        self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Look twice a second while others are there, until ``stop``."""
        while not stop.is_set():
            self._changed.clear()
            if self._shared():
                with suppress(AdapterError):  # lanes say themselves that the database cannot be used
                    await self._look()
            seconds = LOOK_EVERY_S if self._shared() else inf
            await happens_within(self._clock, seconds, stop, self._changed)

    async def _look(self) -> None:
        for register_id in await self._database.read(registers_with_unprinted):
            unit = self._registers.by_id(register_id)
            if unit is not None:
                unit.lane.others_stored()
