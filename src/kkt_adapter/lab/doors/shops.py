"""The shops of one run: their settings, their clients, and the server where one of them is called back."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import aiohttp

from kkt_adapter.lab.doors.accounts import BUTTON, door_settings
from kkt_adapter.lab.doors.button import Button
from kkt_adapter.lab.doors.callbacks import CallbackServer
from kkt_adapter.lab.doors.client import DoorClient
from kkt_adapter.lab.doors.web_shop import WebShop
from kkt_adapter.lab.ledger import Ledger
from kkt_adapter.lab.registers import LabRegisters


class LabShops:
    """``wanted``: shall there be any? Without a register for the group there is none."""

    def __init__(self, registers: LabRegisters, ledger: Ledger, *, seed: int, wanted: bool) -> None:
        self.pool: Sequence[str] = registers.pool if wanted else ()
        self._ledger = ledger
        self._seed = seed
        self._calls = CallbackServer(ledger, self._rng("calls"))

    def _rng(self, name: str) -> Random:
        return Random(f"{self._seed}:{name}")

    async def open(self, stack: AsyncExitStack) -> None:
        """Listen for calls; ``stack`` ends that."""
        if self.pool:
            await self._calls.listener.start()
            stack.push_async_callback(self._calls.listener.stop)

    @property
    def settings(self) -> dict[str, Any]:
        """For the nodes, once it is open."""
        return door_settings(self.pool, callback_port=self._calls.listener.port)

    def clients(
        self, bases: Sequence[str], session: aiohttp.ClientSession, *, answer_s: float, think_s: float
    ) -> list[DoorClient]:
        """``answer_s`` and ``think_s`` are real seconds."""
        if not self.pool:
            return []
        web = self._calls.shop = WebShop(
            bases=bases,
            session=session,
            ledger=self._ledger,
            rng=self._rng("web"),
            answer_s=answer_s,
            think_s=think_s,
            callback_url=self._calls.listener.url,
        )
        button = Button(
            BUTTON,
            bases=bases,
            ledger=self._ledger,
            rng=self._rng(BUTTON),
            answer_s=answer_s,
            think_s=think_s,
        )
        return [web, button]
