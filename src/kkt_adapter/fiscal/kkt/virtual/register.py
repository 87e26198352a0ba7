"""The virtual register: a driver over a software FN, as good as a device for everything but the law."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TypeVar

from kkt_adapter.fiscal.ffd.tlv import Element
from kkt_adapter.fiscal.kkt.command_times import CommandMeter, CommandTime
from kkt_adapter.fiscal.kkt.driver import (
    AboutTo,
    Capability,
    CashCounts,
    ExchangeStatus,
    Fence,
    KktState,
    KktStatus,
    untold,
)
from kkt_adapter.fiscal.kkt.virtual.faults import NO_FAULTS, VirtualFaults
from kkt_adapter.fiscal.kkt.virtual.fn import CAPACITY, LIFE_DAYS, VirtualFn
from kkt_adapter.fiscal.kkt.virtual.naming import fn_path
from kkt_adapter.fiscal.kkt.virtual.pool import FnPool
from kkt_adapter.fiscal.kkt.virtual.state import Blocked
from kkt_adapter.fiscal.model import (
    Cashier,
    FiscalDocument,
    OfdMessage,
    Receipt,
    Registration,
    ShiftReport,
    ShiftTotals,
)
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktRefused, KktUnavailable
from kkt_adapter.kernel.ids import RegisterId

T = TypeVar("T")

READBACK_LIMIT = 10_000  # documents; older ones are older than any key that matters
CAPABILITIES = frozenset(
    {
        Capability.RELAY,
        Capability.NO_QUEUE,
        Capability.CASH_COUNTERS,
        Capability.DOCUMENT_BYTES,
        Capability.TAGS,
        Capability.MARKING,
        Capability.NO_PRINT,
    }
)
DEADLINE_S = 10.0  # for each command, as for a device (printing.md: read time out)


class VirtualRegister:
    """Implements ``KktDriver``.

    Commands of one register are done one after the other in the order of the calls, so whatever is asked
    later sees what an earlier command has done, even one whose answer nobody waited for: ``settle_s`` is 0.
    The fence is the lease term, kept in the FN's file: a command with a lower one ends in LeaseLost.

    Cancelling a command does not undo it: once handed to the FN, it is done.
    """

    def __init__(
        self,
        fn: VirtualFn,
        *,
        pool: FnPool,
        faults: VirtualFaults | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.fence = Fence.TERM
        self.tells = False
        self.settle_s = 0.0
        self.readback_limit = READBACK_LIMIT
        self.faults = faults or VirtualFaults()
        self._fn = fn
        self._lane = pool.lane()
        self._lane.at_end(fn.close)
        self._deadline_s = deadline_s
        self._meter = CommandMeter(fn.monotonic)

    @classmethod
    def in_folder(
        cls,
        folder: Path,
        register_id: RegisterId,
        *,
        registration: Registration,
        pool: FnPool,
        clock: Clock,
        zone: tzinfo,
        fsync: bool = True,
        keeps_queue: bool = True,
        capacity: int = CAPACITY,
        life_days: int = LIFE_DAYS,
        faults: VirtualFaults | None = None,
        deadline_s: float = DEADLINE_S,
        database: str | None = None,
    ) -> "VirtualRegister":
        """The register whose FN is the file of that name; ``registration`` is for an FN that begins now."""
        fn = VirtualFn(
            fn_path(folder, register_id),
            registration=registration,
            clock=clock,
            zone=zone,
            fsync=fsync,
            keeps_queue=keeps_queue,
            capacity=capacity,
            life_days=life_days,
            database=database,
        )
        return cls(fn, pool=pool, faults=faults, deadline_s=deadline_s)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    @property
    def command_times(self) -> Sequence[CommandTime]:
        return self._meter.times

    async def open(self) -> Registration:
        return await self._ask(self._fn.open)

    async def close(self) -> None:
        """Give the FN's file back, faults or not. May be called twice; the pool's end closes it too."""
        if self._lane.pool.is_closed:
            return
        try:
            await self._lane.run(self._fn.close, deadline_s=self._deadline_s)
        except TimeoutError as error:
            raise _silent() from error

    async def status(self) -> KktStatus:
        return await self._ask(partial(self._fn.status, condition=self._condition(), forced=self._forced()))

    async def open_shift(self, cashier: Cashier, *, term: int) -> FiscalDocument:
        command = partial(self._fn.open_shift, cashier, term=term, forced=self._forced())
        return await self._make("open_shift", command)

    async def close_shift(self, cashier: Cashier, *, term: int) -> ShiftReport:
        return await self._make("close_shift", partial(self._fn.close_shift, cashier, term=term))

    async def x_report(self) -> ShiftTotals:
        return await self._ask(self._fn.x_report)

    async def fiscalize(self, receipt: Receipt, *, term: int, about_to: AboutTo = untold) -> FiscalDocument:
        """``about_to`` is not called: the term fences, and a receipt is begun and closed in one step."""
        command = partial(self._fn.fiscalize, receipt, term=term, forced=self._forced())
        return await self._make("fiscalize", command)

    async def document(self, fd_number: int) -> FiscalDocument | None:
        return await self._ask(partial(self._fn.document, fd_number))

    async def tags(self, fd_number: int) -> Sequence[Element] | None:
        return await self._ask(partial(self._fn.tags, fd_number))

    async def shift_report(self, fd_number: int) -> ShiftReport | None:
        return await self._ask(partial(self._fn.shift_report, fd_number))

    async def discard(self) -> None:
        """A virtual receipt is begun and closed in one step: there is never one in between."""

    async def move_cash(self, amount_kop: int) -> None:
        await self._make("move_cash", partial(self._fn.move_cash, amount_kop))

    async def cash_counts(self) -> CashCounts:
        put_in, taken_out = await self._ask(self._fn.cash_counts)
        return CashCounts(put_in=put_in, taken_out=taken_out)

    async def reprint(self) -> None:
        """There is no printer."""
        await self._ask(self._fn.exchange_status)

    async def exchange_status(self) -> ExchangeStatus:
        return await self._ask(self._fn.exchange_status)

    async def read_message(self) -> OfdMessage | None:
        return await self._ask(self._fn.read_message)

    async def accept_reply(self, reply: bytes) -> None:
        await self._ask(partial(self._fn.accept_reply, reply))

    async def _ask(self, command: Callable[[], T]) -> T:
        """A command that makes no document."""
        try:
            if self.faults.plan.hang:
                async with asyncio.timeout(self._deadline_s):
                    await self.faults.while_hanging()
            self._refuse_when_unreachable()
            return await self._lane.run(command, deadline_s=self._deadline_s)
        except TimeoutError as error:
            raise _silent() from error

    async def _make(self, name: str, command: Callable[[], T]) -> T:
        """A command that makes a document: lost answers are unknown outcomes, as with a device."""
        with self._meter.document(), self._meter.command(name):
            return await self._made(command)

    async def _made(self, command: Callable[[], T]) -> T:
        faults = self.faults
        try:
            if faults.plan != NO_FAULTS:
                async with asyncio.timeout(self._deadline_s):
                    await self._go_wrong()
            made = await self._lane.run(command, deadline_s=self._deadline_s)
        except TimeoutError as error:
            raise _lost() from error
        if faults.take("timeout_after"):
            raise _lost()
        return made

    async def _go_wrong(self) -> None:
        """Everything that can happen before the FN gets the command."""
        faults = self.faults
        await faults.while_hanging()
        self._refuse_when_unreachable()
        plan = faults.plan
        if plan.paper_out or plan.cover_open:
            raise KktUnavailable(
                "The register has no paper." if plan.paper_out else "The cover of the register is open.",
                "В кассе нет бумаги." if plan.paper_out else "Крышка кассы открыта.",
                state=self._condition(),
            )
        if plan.latency_s:
            await asyncio.sleep(plan.latency_s)
        if faults.take("refuse"):
            raise KktRefused(
                "The register refuses the document (a fault that was set).",
                "Касса отказывает в документе (заданная неисправность).",
                device_code=plan.refuse_code,
            )
        if faults.take("timeout_before"):
            raise _lost()

    def _refuse_when_unreachable(self) -> None:
        if self.faults.plan.unreachable:
            raise KktUnavailable("The register cannot be reached.", "Касса недоступна.")

    def _condition(self) -> KktState:
        plan = self.faults.plan
        if plan.paper_out:
            return KktState.PAPER_OUT
        return KktState.COVER_OPEN if plan.cover_open else KktState.READY

    def _forced(self) -> Blocked | None:
        plan = self.faults.plan
        if plan.fn_full:
            return Blocked.FN_FULL
        return Blocked.FN_EXPIRED if plan.fn_expired else None


def _silent() -> KktUnavailable:
    return KktUnavailable("The register does not answer.", "Касса не отвечает.")


def _lost() -> KktOutcomeUnknown:
    return KktOutcomeUnknown(
        "The register has not answered in time; the document may exist.",
        "Касса не ответила вовремя; документ мог быть сформирован.",
    )
