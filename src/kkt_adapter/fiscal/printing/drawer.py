"""Cash movements at the device: done by the lane between receipts, once each, and never in the way of sales.

They wait for an open shift: a movement opens none by itself. A lost answer is settled by the device's
counters as soon as nothing that was sent can still arrive; receipts are printed meanwhile.
"""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.shifts import device_cash
from kkt_adapter.fiscal.shifts.device_cash import CashOrder, Counted, Happened, NotYet
from kkt_adapter.fiscal.store import events, losses
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    KktBlocked,
    KktOutcomeUnknown,
    KktProtocolError,
    KktRefused,
    KktUnavailable,
    Text,
)
from kkt_adapter.kernel.money import rubles
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms

_MAY_BE_DONE = "база восстановлена из копии: возможно, операция уже проведена после её создания"
LOOK_AGAIN_S = 10.0  # for a shift, and for movements that other processes stored


class Drawer:
    """Belongs to one lane and is called by its task alone; ``wake`` may come from anywhere on its loop."""

    def __init__(
        self,
        session: RegisterSession,
        *,
        database: Database,
        clock: Clock,
        owner_ended: Callable[[str], bool],
    ) -> None:
        self._session = session
        self._db = database
        self._clock = clock
        self._owner_ended = owner_ended
        self._due_at = 0.0  # monotonic
        self._tries = 0
        self._log = structlog.get_logger("drawer").bind(register_id=session.register_id)

    def wake(self) -> None:
        """A movement was stored, or a person has decided one."""
        self._due_at = 0.0

    @property
    def due_in_s(self) -> float:
        return max(self._due_at - self._clock.monotonic(), 0.0)

    async def work(self, lane: LaneTerm, *, hurry: bool = False) -> None:
        """Send what waits, settle what was sent. ``hurry``: a report is about to be made."""
        if self.due_in_s and not hurry:
            return
        self._due_at = self._clock.monotonic() + LOOK_AGAIN_S
        register_id = self._session.register_id
        while order := await self._session.rows.first_order(register_id):
            try:
                if not await self._advance(order, lane):
                    return
            except (KktUnavailable, KktBlocked) as error:
                self._log.info("cash_waits", movement=order.id, error=error.detail.en)
                self._again_in(backoff(self._tries, cap_s=60.0))
                self._tries += 1
                return
        self._tries = 0

    async def _advance(self, order: CashOrder, lane: LaneTerm) -> bool:
        """False: not now."""
        if order.state is DeviceCash.SENT:
            return await self._settle(order, lane)
        if order.may_be_done(await self._db.read(losses.replaced_at)):
            await self._end(order, DeviceCash.UNCLEAR, lane, was=DeviceCash.WAITING, error=_MAY_BE_DONE)
            return True
        with self._session.calls.call():
            before = await self._counted()
        if before is None:
            return False
        await self._write(lane, lambda c: device_cash.begin(c, order, before, by=lane.owner))
        try:
            with self._session.calls.call():
                await self._session.driver.move_cash(order.amount_kop)
        except KktRefused as error:
            text = f"{error.device_code}: {error.detail.ru}"
            await self._end(order, DeviceCash.REFUSED, lane, error=text)
        except (KktUnavailable, KktBlocked):
            await self._end(order, DeviceCash.WAITING, lane)
            raise
        except (KktOutcomeUnknown, KktProtocolError) as error:
            self._log.warning("cash_outcome_unknown", movement=order.id, error=str(error))
            self._again_in(self._session.driver.settle_s)
            return False
        else:
            await self._end(order, DeviceCash.DONE, lane)
        return True

    async def _settle(self, order: CashOrder, lane: LaneTerm) -> bool:
        """Nobody wrote down what came of it."""
        left_s = self._session.driver.settle_s
        if left_s:
            self._again_in(left_s)
            return False
        with self._session.calls.call():
            now = await self._counted(any_shift=True)
        assert now is not None
        outcome = device_cash.judge(order, now)
        if isinstance(outcome, NotYet) and not await self._sender_is_gone(order, lane):
            outcome = device_cash.Unclear(
                why=Text(
                    "the process that sent it is not proven to have ended: it may still send",
                    "процесс, отправивший операцию, возможно ещё работает: команда может прийти позже",
                )
            )
        if isinstance(outcome, Happened):
            await self._end(order, DeviceCash.DONE, lane)
        elif isinstance(outcome, NotYet):
            await self._end(order, DeviceCash.WAITING, lane)
        else:
            await self._end(order, DeviceCash.UNCLEAR, lane, error=outcome.why.ru)
        return True

    async def _counted(self, *, any_shift: bool = False) -> Counted | None:
        """None: no shift is open, or it is too old."""
        status = await self._session.ask()
        if status.shift_state is not ShiftState.OPEN and not any_shift:
            return None
        counts = await self._session.driver.cash_counts()
        return Counted(
            fn_number=status.fn_number,
            shift_number=status.shift_number,
            put_in=counts.put_in,
            taken_out=counts.taken_out,
            by_shift=counts.shift_number is not None,
        )

    async def _sender_is_gone(self, order: CashOrder, lane: LaneTerm) -> bool:
        if order.sent_by in (None, lane.owner):
            return True
        return await asyncio.to_thread(self._owner_ended, order.sent_by)

    def _again_in(self, seconds: float) -> None:
        self._due_at = self._clock.monotonic() + seconds

    async def _end(
        self,
        order: CashOrder,
        state: DeviceCash,
        lane: LaneTerm,
        *,
        was: DeviceCash = DeviceCash.SENT,
        error: str | None = None,
    ) -> None:
        def write(conn: Connection) -> None:
            device_cash.end(conn, order.id, state, was=was, error=error)
            if state in _TOLD:
                what, level = _TOLD[state]
                entry = events.entry(
                    what,
                    self._clock.now(),
                    level=level,
                    register_id=self._session.register_id,
                    movement=order.id,
                    kind="cash_in" if order.amount_kop > 0 else "cash_out",
                    amount=rubles(abs(order.amount_kop)),
                    error=error,
                )
                events.write(conn, [entry])

        await self._write(lane, write)
        self._log.info("cash_at_register", movement=order.id, state=state.value, error=error)

    async def _write(self, lane: LaneTerm, work: Callable[[Connection], None]) -> None:
        def write(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            work(conn)

        await self._db.write(write)


_TOLD = {
    DeviceCash.REFUSED: (EventType.CASH_REFUSED, EventLevel.WARNING),
    DeviceCash.UNCLEAR: (EventType.CASH_UNCLEAR, EventLevel.ERROR),
}
