"""Tells shops what became of their receipts, at the addresses they gave.

What is to be told is in rows (``fiscal/control/callbacks.py``), so a restart forgets nothing and of several
processes the one with the lease tells. One row a receipt and one try of it at a time keep the order; at most
``IN_FLIGHT`` calls are under way, ``PER_ACCOUNT`` of one shop, so that a slow one does not hold up others.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Connection

from kkt_adapter.api.doors.answers_under_way import AnswersUnderWay
from kkt_adapter.fiscal.control import callbacks
from kkt_adapter.fiscal.control.callbacks import CallbackStats, Due
from kkt_adapter.fiscal.queries.door_receipts import DoorReceipt
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict
from kkt_adapter.runtime.auth.shops import Shops
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_term
from kkt_adapter.runtime.leases.lease import Lease, Term
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.pinned_http import AddressRefused, permitted_address
from kkt_adapter.runtime.wakeup import happens_within

LEASE: Final = "callbacks"
LOOK_S: Final = 1.0
TIMEOUT_S: Final = 10.0  # one call, name and connection included
IN_FLIGHT: Final = 32
PER_ACCOUNT: Final = 8
POSTING: Final = "kkt_adapter.runtime.pinned_post"  # loaded with the first callback

Teller = Callable[[DoorReceipt], Awaitable[dict[str, Any]]]
"""The body of a callback: the report of the receipt, as of now."""


class CallbackSender:
    """A ``Service``."""

    name = "callbacks"

    def __init__(
        self,
        *,
        database: Database,
        lease: Lease,
        clock: Clock,
        shops: Shops,
        tell: Teller,
        answers: AnswersUnderWay,
        stats: CallbackStats,
        look_s: float = LOOK_S,
    ) -> None:
        self._db = database
        self._lease = lease
        self._clock = clock
        self._shops = shops
        self._tell = tell
        self._answers = answers
        self._look_s = look_s
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._of_account: Counter[str] = Counter()
        self._log = get_logger("callbacks")
        self.stats = stats

    async def run(self, stop: asyncio.Event) -> None:
        """Call until ``stop``; a call under way is given up then and made again after the start."""
        while not stop.is_set():
            try:
                async with self._lease.term(wait_s=0) as term:
                    try:
                        while not (stop.is_set() or term.lost.is_set()):
                            await self._look(term)
                            await happens_within(self._clock, self._look_s, stop, term.lost)
                    finally:
                        await self._give_up_calls()
            except Conflict:
                pass  # another process calls
            except AdapterError as error:  # the database is away, or the lease is lost
                self._log.warning("callbacks_wait", code=error.code, error=error.detail.en)
            await happens_within(self._clock, self._look_s, stop)

    async def _look(self, term: Term) -> None:
        """Begin what is due, as far as there is room."""
        room = IN_FLIGHT - len(self._tasks)
        if room <= 0:
            return
        now, under_way = self._clock.now(), tuple(self._tasks)
        found = await self._db.read(
            lambda conn: callbacks.due(conn, now=now, limit=IN_FLIGHT, besides=under_way)
        )
        if found:
            await asyncio.to_thread(import_module, POSTING)  # once; no receipt waits for it
        for one in found:
            busy = self._of_account[one.account] >= PER_ACCOUNT
            if len(self._tasks) >= IN_FLIGHT or busy or self._answers.holds(one.receipt.id):
                continue
            self._of_account[one.account] += 1
            task = asyncio.create_task(self._call(one, term), name=f"callback:{one.receipt.id}")
            self._tasks[one.receipt.seq] = task
            task.add_done_callback(partial(self._ended, one))

    def _ended(self, one: Due, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(one.receipt.seq, None)
        self._of_account[one.account] -= 1
        if not task.cancelled() and task.exception() is not None:
            self._log.error("callback_broke_off", receipt_id=one.receipt.id, exc_info=task.exception())

    async def _give_up_calls(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, one: Due, term: Term) -> None:
        import aiohttp

        error, final = None, False
        try:
            status = await self._post(one)
            if not 200 <= status < 300:
                error = f"HTTP {status}"
        except AddressRefused as refused:
            error, final = str(refused), True
        except TimeoutError:
            error = "no answer in time"
        except aiohttp.ClientSSLError:
            error = "TLS"
        except (OSError, aiohttp.ClientError, ValueError) as fault:
            error = f"no connection: {type(fault).__name__}"
        await self._write_down(one, term, error=error, final=final)

    async def _post(self, one: Due) -> int:
        """Raises AddressRefused, TimeoutError, OSError, aiohttp.ClientError."""
        from kkt_adapter.runtime.pinned_post import post_pinned

        shop = await self._shops.find(one.account)
        if shop is None:
            raise AddressRefused("the account is gone")
        body = jsontext.encode(await self._tell(one.receipt)).encode()
        async with asyncio.timeout(TIMEOUT_S):
            address = await permitted_address(one.url, shop.callback_hosts)
            return await post_pinned(
                one.url,
                body,
                address=address,
                timeout_s=TIMEOUT_S,
                headers={"Content-Type": "application/json; charset=utf-8"},
            )

    async def _write_down(self, one: Due, term: Term, *, error: str | None, final: bool) -> None:
        now, jitter = self._clock.now(), random.uniform(0.9, 1.1)

        def write(conn: Connection) -> None:
            check_term(conn, term.name, term.owner, term.number)
            if error is None:
                callbacks.told(conn, one, at=now)
            else:
                callbacks.not_told(conn, one, at=now, error=error, jitter=jitter, final=final)

        if error is None:
            self.stats.told()
            self._log.info("callback_done", receipt_id=one.receipt.id, host=one.host)
        else:
            over = final or one.attempts + 1 > len(callbacks.PAUSES_S)
            self.stats.not_told(self._clock.monotonic(), over=over)
            self._log.warning("callback_failed", receipt_id=one.receipt.id, host=one.host, error=error)
        try:
            await self._db.write(write)
        except AdapterError as fault:  # the same callback is made again later
            self._log.warning("callback_not_written", code=fault.code)
