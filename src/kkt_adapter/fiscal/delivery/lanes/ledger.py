"""What a relay lane has claimed and not sent yet, and what the FN has confirmed and our rows do not say yet.

A lane that is busy claims several documents at once and writes their results together with the next claims,
so a document costs a share of a commit. The block begins with one document and doubles while the FN keeps us
busy, up to ``BLOCK``. No result waits for longer than ``HELD_S``: an operator that hangs does not keep the
result of the document before.
"""

import asyncio
from datetime import timedelta

from kkt_adapter.fiscal.delivery import blocks, results
from kkt_adapter.fiscal.delivery.blocks import BlockStep
from kkt_adapter.fiscal.delivery.claims import BlockRequest, Claim
from kkt_adapter.fiscal.delivery.results import Failed, Synced
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import get_logger

CLAIM_S = 300.0  # delivery.md#claims
BLOCK = 8  # documents claimed at once, at most
HELD_S = 0.4  # how long a result may wait for those of the next documents


class DeliveryLedger:
    """Of one drain; one task uses it at a time."""

    def __init__(self, fn_number: str, *, database: Database, clock: Clock, owner: str) -> None:
        self._fn_number = fn_number
        self._db = database
        self._clock = clock
        self._owner = owner
        self._size = 1
        self._claims: dict[int, Claim] = {}  # by document number
        self._done: list[Synced] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._error: AdapterError | None = None  # of a write that nobody waited for
        self._log = get_logger("delivery").bind()

    @property
    def is_written(self) -> bool:
        """Our rows know of every confirmation that the FN has taken."""
        return not self._done and self._writing is None

    def claim_on(self, fd_number: int) -> Claim | None:
        """The claim on this document, if it is claimed already."""
        return self._claims.get(fd_number)

    async def claim(self, fd_number: int, *, most: int | None) -> Claim | None:
        """Write what there is, and claim this document and those that follow, ``most`` at most.

        None: no receipt of this number waits.
        """
        await self._settle()
        size = self._size if most is None else min(self._size, most)
        now = self._clock.now()
        wanted = BlockRequest(
            fn_number=self._fn_number,
            fd_numbers=[n for n in range(fd_number, fd_number + size) if n not in self._claims],
            owner=self._owner,
            at=now,
            lease_until=now + timedelta(seconds=CLAIM_S),
        )
        taken = await self._step(BlockStep(done=self._take(), claim=wanted))
        self._claims |= {claim.fd_number: claim for claim in taken}
        self._size = min(BLOCK, size * 2) if len(taken) == size else max(1, len(taken))
        return self._claims.get(fd_number)

    def delivered(self, result: Synced) -> None:
        """To be written with the next claims, or soon."""
        self._claims.pop(result.claim.fd_number, None)
        self._done.append(result)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HELD_S, self._begin)

    async def write(self, failed: Failed | None = None) -> None:
        """Write everything now, with a failure if there is one, and give back what was not sent.

        Raises:
            StorageError: nobody knows whether it is written.
            LeaseLost: a claim was over.
        """
        await self._settle()
        if failed is not None:
            self._claims.pop(failed.claim.fd_number, None)
        back, self._claims = tuple(self._claims.values()), {}
        done = self._take()
        if done or back or failed is not None:
            await self._step(BlockStep(done=done, failed=failed, back=back))

    def leave(self) -> bool:
        """Nothing more is written, except what is on its way; whether results are lost by that."""
        lost = not self.is_written
        self._take()
        return lost

    def _take(self) -> tuple[Synced, ...]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done = tuple(self._done)
        self._done.clear()
        return done

    async def _step(self, step: BlockStep) -> list[Claim]:
        taken: list[Claim] = await self._db.write_each(blocks.step, step)
        for result in step.done:
            results.log_delivered(self._log, result)
        return taken

    def _begin(self) -> None:
        """A result has waited for long enough."""
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write_now(self._take()))
        else:  # a slow disk: after the write that is on its way
            self._timer = asyncio.get_running_loop().call_later(HELD_S, self._begin)

    async def _write_now(self, done: tuple[Synced, ...]) -> None:
        try:
            await self._step(BlockStep(done=done))
        except AdapterError as error:
            self._error = error
        finally:
            self._writing = None

    async def _settle(self) -> None:
        """Wait for a write that has begun by itself. Raises what it ended with."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        error, self._error = self._error, None
        if error is not None:
            raise error
