"""The device transport: the register talks to its operator by itself; we only read how far it is.

``DeviceLane`` sends nothing. ``DevicePump`` is what a virtual register has inside in this mode: the same
relay of bytes, without any row of ours.
"""

import asyncio

import structlog

from kkt_adapter.fiscal.delivery import reconcile
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import LaneHead, PassStats, Permit
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.ofd.gateway import OfdGateway
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import KktError, OfdError, StorageError
from kkt_adapter.runtime.db.protocol import Database


class DeviceLane:
    """A ``DeliveryLane`` that marks what the FN has had confirmed."""

    def __init__(
        self, fn_number: str, *, driver: KktDriver, endpoint: Endpoint, database: Database, clock: Clock
    ) -> None:
        self.fn_number = fn_number
        self.endpoint = endpoint
        self._driver = driver
        self._db = database
        self._clock = clock
        self._log = structlog.get_logger("device").bind(fn_number=fn_number)

    def forget_wait(self) -> None:
        """It never waits."""

    def due_in_s(self) -> float | None:
        return None

    async def head(self, *, ignore_due: bool) -> LaneHead | None:
        return None  # nothing is ours to send, so nothing of ours can be a probe

    async def drain(self, permit: Permit, stats: PassStats, *, limit: int | None) -> None:
        if not permit.may_go_on():
            return
        try:
            status = await self._driver.exchange_status()
            if status.fn_number != self.fn_number:
                return  # the register has another FN now; its lane is another one
            below = status.first_unsent_number or status.last_fd_number + 1
            if await self._db.read(lambda c: reconcile.behind_fn(c, self.fn_number, below=below)):
                now = self._clock.now()
                stats.synced += await self._db.write(
                    lambda c: reconcile.confirmed_by_fn(c, self.fn_number, below=below, at=now)
                )
        except (KktError, StorageError) as error:
            stats.failed += 1
            self._log.info("exchange_status_unknown", error=error.detail.en)


class DevicePump:
    """A ``Service``: carries a virtual register's messages to its operator, as firmware would."""

    def __init__(
        self, register_id: str, *, driver: KktDriver, gateway: OfdGateway, clock: Clock, poll_s: float = 1.0
    ) -> None:
        self.name = f"pump:{register_id}"
        self._driver = driver
        self._gateway = gateway
        self._clock = clock
        self._poll_s = poll_s
        self._log = structlog.get_logger("pump").bind(register_id=register_id)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``: one message after another, the same bytes again after a failure."""
        failures = 0
        while not stop.is_set():
            try:
                message = await self._driver.read_message()
                if message is not None:
                    reply = await self._gateway.deliver(message)
                    await self._driver.accept_reply(reply.raw)
                    failures = 0
                    continue
                pause_s = self._poll_s
            except (OfdError, KktError) as error:
                failures += 1
                pause_s = backoff(failures)
                self._log.info("pump_failed", error=error.detail.en, retry_in_s=pause_s)
            try:
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            except TimeoutError:
                continue
