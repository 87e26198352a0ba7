"""What people ask of a register: reports, shift openings, status, reprinting, deciding an unknown outcome."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, select, update

from kkt_adapter.fiscal.control import callbacks
from kkt_adapter.fiscal.control.register_status import RegisterStatus, ReportDecision, register_status
from kkt_adapter.fiscal.control.shift_reports import OPEN_SCOPE, X_SCOPE, Z_SCOPE, ShiftReports
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.printing.device_times import DeviceTimesShown
from kkt_adapter.fiscal.printing.lane_commands import not_held
from kkt_adapter.fiscal.printing.lane_rows import one_unprinted
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.queries.receipt_models import ReceiptSummary, summary
from kkt_adapter.fiscal.shifts.reports import ReportMade, ShiftOpened
from kkt_adapter.fiscal.store import events, receipt_json
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.idempotency import KeyScope, Outcome
from kkt_adapter.fiscal.store.tables import PRINT_FAILED_ROWS, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, InvalidInput, KktError, ReceiptNotFound
from kkt_adapter.runtime.db.protocol import Database

REPORT_DEADLINE_S = 25.0  # a Z report waits for the current receipt, then for the device
FRESH_S = 1.0  # what a device said of itself so short a time ago is not asked again
ASK_S = 1.0  # a device that prints or does not answer is shown as it was

T = TypeVar("T")
_MakeReport = Callable[[Unit, LaneTerm, str | None], Awaitable[Outcome[T]]]


class RegisterActions:
    """Every action that makes a document goes through the register's lane. ``online``: the network mode."""

    def __init__(
        self,
        *,
        registers: Registers,
        database: Database,
        clock: Clock,
        online: Callable[[], bool] = lambda: False,
        document_made: Callable[[], None] = lambda: None,
        device_times: Callable[[str], DeviceTimesShown | None] = lambda register_id: None,
    ) -> None:
        """``document_made``: a report waits for the operator. ``device_times``: of a register's receipts."""
        self._registers = registers
        self._db = database
        self._clock = clock
        self._document_made = document_made
        self._device_times = device_times
        self._reports = ShiftReports(database=database, clock=clock, online=online)

    async def x_report(
        self, pos_id: str | None, *, key: str | None = None, session_id: str | None = None
    ) -> Outcome[ReportMade]:
        """Totals of the present shift; makes no document and waits for nobody.

        Raises:
            Conflict: sessions are open on the register, and ``session_id`` is none of them.
        """
        unit = self._registers.chosen(pos_id)
        if key is not None:
            known = await self._reports.known(unit, key, scope=X_SCOPE)
            if known is not None:
                return Outcome(answer=known, replayed=True)
        if not unit.lane.holds():
            raise (unit.lane.trouble or not_held()).with_traceback(None)
        return await self._reports.x_report(unit, key, session_id=session_id)

    async def z_report(
        self, pos_id: str | None, *, key: str | None, session_id: str | None = None
    ) -> Outcome[ReportMade]:
        """Close the shift. With a key the same request gets the same answer.

        Raises:
            Conflict: no shift is open; or sessions are open on the register, and ``session_id`` is none of
                them.
            KktUnavailable: the lane did not come to it in time.
        """
        make = partial(self._reports.close, session_id=session_id)
        return await self._report(make, pos_id, key, scope=Z_SCOPE)

    async def open_shift(
        self, pos_id: str | None, *, key: str | None, session_id: str | None = None
    ) -> Outcome[ShiftOpened]:
        """Open a shift. With a key the same request gets the same answer.

        Raises:
            Conflict: a shift is open; or ``session_id``, as for a Z report.
            ShiftExpired: one is open for more than 24 hours.
            KktUnavailable: the lane did not come to it in time.
        """
        make = partial(self._reports.open, session_id=session_id)
        return await self._report(make, pos_id, key, scope=OPEN_SCOPE)

    async def _report(
        self, make: _MakeReport[T], pos_id: str | None, key: str | None, *, scope: KeyScope[T]
    ) -> Outcome[T]:
        """A report that makes a document, through the register's lane."""
        unit = self._registers.chosen(pos_id)
        if key is not None:
            known = await self._reports.known(unit, key, scope=scope)
            if known is not None:
                return Outcome(answer=known, replayed=True)
        outcome = await unit.lane.perform(lambda lane: make(unit, lane, key), deadline_s=REPORT_DEADLINE_S)
        self._document_made()
        return outcome

    async def resolve_report(
        self,
        pos_id: str | None,
        *,
        action: str,
        fiscal_doc_number: int | None,
        reason: str,
        by: str,
        question_version: str | None = None,
    ) -> ReportDecision:
        """A person ends an unknown outcome of a shift opening or a Z report: ``adopt`` a document of the FN,
        or ``do_again``.

        Raises:
            Conflict: no such outcome is an open question, it has changed since ``question_version``, or the
                document does not fit.
        """
        unit = self._registers.chosen(pos_id)
        _check_decision(action, fiscal_doc_number)
        what = await unit.lane.decide_report(
            adopt=fiscal_doc_number, version=question_version, by=by, reason=reason
        )
        return ReportDecision(
            register_id=unit.register_id, what=what, adopted=fiscal_doc_number, reason=reason, by=by
        )

    async def status(self, pos_id: str | None) -> tuple[RegisterStatus, ...]:
        """``GET /v1/kkt/status``: every register, or the one of a till, as of now."""
        units = self._registers.all() if pos_id is None else self._registers.behind(pos_id)
        await asyncio.gather(*(self._ask(unit) for unit in units))
        return tuple([self._status(unit) for unit in units])

    def _status(self, unit: Unit) -> RegisterStatus:
        groups = self._registers.groups.of_register(unit.register_id)
        return register_status(
            unit, times=self._device_times(unit.register_id), groups=tuple([group.id for group in groups])
        )

    async def _ask(self, unit: Unit) -> None:
        """Ask a device of ours that has not told for a while; a busy one stays with what it said."""
        session = unit.lane.session
        told_at = session.status_at
        fresh = told_at is not None and (self._clock.now() - told_at).total_seconds() < FRESH_S
        if fresh or not unit.lane.holds():
            return
        with suppress(KktError, TimeoutError):
            async with asyncio.timeout(ASK_S):
                await session.ask()

    async def reprint(
        self, receipt_id: str, *, reason: str | None = None, by: str = "", asked_by_shop: bool = False
    ) -> ReceiptSummary:
        """Put a ``print_failed`` receipt back into its lane.

        A shop that was told of the failure counts on it, so its receipt is printed again only for a
        ``reason``, by a person, and the shop is called back anew; or when the shop asks itself.

        Raises:
            ReceiptNotFound: no such receipt.
            Conflict: it is not ``print_failed``, or its shop was told that it failed and no reason is given.
        """
        now = self._clock.now()

        def write(conn: Connection) -> str:
            row = conn.execute(
                select(
                    receipts.c.seq,
                    receipts.c.print_state,
                    receipts.c.print_due_at,
                    receipts.c.register_id,
                    receipts.c.door,
                ).where(receipts.c.id == receipt_id)
            ).first()
            if row is None:
                raise ReceiptNotFound(f"no receipt {receipt_id}", f"нет чека {receipt_id}")
            if row.print_state != PrintState.PRINT_FAILED:
                raise Conflict(
                    f"only a print_failed receipt can be reprinted; this one is {row.print_state}",
                    f"повторить можно только чек в print_failed; этот в состоянии {row.print_state}",
                )
            told = row.door is not None and row.print_due_at is None
            if told and reason is None and not asked_by_shop:
                raise _shop_was_told()
            if told and reason is not None:
                _note_forced(conn, receipt_id, row.seq, reason=reason, by=by, at=now)
            conn.execute(
                update(receipts)
                .where(receipts.c.id == receipt_id, PRINT_FAILED_ROWS)
                .values(print_due_at=now)
            )
            return str(row.register_id)

        register_id = await self._db.write(write)
        self._registers.unit(register_id).lane.retry_refused()
        return await self._after(receipt_id)

    async def tell_shop_again(self, receipt_id: str) -> ReceiptSummary:
        """Call the shop of this receipt back anew.

        Raises:
            NotFound: no such receipt.
            Conflict: its shop gave no address.
        """
        now = self._clock.now()
        await self._db.write(lambda conn: callbacks.again(conn, receipt_id, at=now))
        return await self._after(receipt_id)

    async def resolve(
        self,
        receipt_id: str,
        *,
        action: str,
        fiscal_doc_number: int | None,
        reason: str,
        by: str,
        question_version: str | None = None,
    ) -> ReceiptSummary:
        """A person ends an unknown outcome: ``adopt`` a document of the FN, or ``print_again``.

        Raises:
            ReceiptNotFound: no such receipt.
            Conflict: its outcome is no open question, the question has changed since ``question_version``, or
                the document does not fit.
        """
        row = await self._db.read(lambda c: one_unprinted(c, receipt_id))
        if row is None:
            raise ReceiptNotFound(f"no receipt {receipt_id}", f"нет чека {receipt_id}")
        if row.print_state is not PrintState.PRINT_UNKNOWN:
            raise Conflict(
                f"only a receipt in print_unknown can be resolved; this one is {row.print_state}",
                f"решение нужно только чеку в print_unknown; этот в состоянии {row.print_state}",
            )
        _check_decision(action, fiscal_doc_number)
        register_id = receipt_json.load(row.payload).register_id
        lane = self._registers.unit(register_id).lane
        await lane.decide(receipt_id, adopt=fiscal_doc_number, version=question_version, by=by, reason=reason)
        return await self._after(receipt_id)

    async def _after(self, receipt_id: str) -> ReceiptSummary:
        def read(conn: Connection) -> ReceiptSummary:
            return summary(conn.execute(select(receipts).where(receipts.c.id == receipt_id)).one())

        return await self._db.read(read)


def _shop_was_told() -> Conflict:
    return Conflict(
        "the shop was told that this receipt failed: it may have sold in another way by now. Ask the shop, "
        "then reprint with a reason",
        "магазину сообщено, что чек не напечатан: он мог оформить продажу иначе. Спросите магазин и "
        "повторите с указанием причины (reason)",
        reason="SHOP_WAS_TOLD",
    )


def _note_forced(conn: Connection, receipt_id: str, seq: int, *, reason: str, by: str, at: datetime) -> None:
    entry = events.entry(
        EventType.REPRINT_FORCED, at, receipt_id=receipt_id, level=EventLevel.WARNING, reason=reason, by=by
    )
    events.write(conn, [entry])
    callbacks.renew(conn, seq, at=at)


def _check_decision(action: str, fiscal_doc_number: int | None) -> None:
    """Raises InvalidInput."""
    if (action == "adopt") != (fiscal_doc_number is not None):
        raise InvalidInput(
            "fiscal_doc_number goes with adopt, and only with it",
            "fiscal_doc_number указывается с adopt и только с ним",
        )
