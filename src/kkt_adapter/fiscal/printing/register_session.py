"""A register's shift as its lane sees it: looking, opening, closing, each with an attempt row.

``RegisterSession`` keeps what the lane knows of its device between two looks: the registration, the last
status, the FN's baseline, and until when the open shift can be trusted (24 hours less a margin).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import KktDriver, KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome
from kkt_adapter.fiscal.model import (
    Baseline,
    Cashier,
    DocumentCode,
    FiscalDocument,
    Registration,
    ShiftReport,
)
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.attempt_commands import commands_json
from kkt_adapter.fiscal.printing.blocked import blocked_by_device
from kkt_adapter.fiscal.printing.lane_rows import LaneRows
from kkt_adapter.fiscal.printing.registration import FactsRead, store_facts
from kkt_adapter.fiscal.shifts.shift_rows import record_shift
from kkt_adapter.fiscal.store import attempts, events
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.fn_contacts import MetFns, MetNowhere
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    Conflict,
    KktBlocked,
    KktOutcomeUnknown,
    KktRefused,
    KktUnavailable,
    ShiftExpired,
)
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.kernel.in_flight import InFlightCalls
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms
from kkt_adapter.runtime.log import get_logger

log = get_logger("lane")

SHIFT_LIMIT_S = 24 * 3600  # law 54-FZ; FN error 0x16
SHIFT_MARGIN_S = 60  # a shift this near its end is looked at again before the next receipt
EVIDENCE_LIMIT = 1000  # documents read after a baseline; more than that is no lost answer any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the FN holds after a baseline."""

    now: Baseline
    found: tuple[FiscalDocument, ...]


class RegisterSession:
    """The lane's side of one register. Only the lane's own task calls what makes documents."""

    def __init__(
        self,
        register_id: RegisterId,
        *,
        driver: KktDriver,
        database: Database,
        clock: Clock,
        cashier: Cashier,
        automatic_shift: bool,
        fits: Callable[[Registration], None],
        met: MetFns | None = None,
        rows: LaneRows | None = None,
    ) -> None:
        """``fits`` raises KktBlocked when the configuration contradicts the registration. ``met``: what the
        data directory remembers of FNs. ``rows``: shared by all lanes, so that they begin with few reads."""
        self.register_id = register_id
        self.driver = driver
        self._db = database
        self._clock = clock
        self._cashier = cashier
        self._automatic_shift = automatic_shift
        self.fits = fits
        self.met: MetFns = met or MetNowhere()
        self.rows = rows or LaneRows(database)
        self.reading_back: KktUnavailable | None = None  # how far: nothing is printed meanwhile
        self._registration: Registration | None = None
        self._fitting: Registration | None = None  # the one that was compared with the configuration
        self.opened = asyncio.Event()
        self.status: KktStatus | None = None
        self.status_at: datetime | None = None  # when the device said so, by the host's clock
        self.baseline: Baseline | None = None
        self.shift_good_until = 0.0  # monotonic
        self.looked_at = 0.0  # monotonic
        self.report_open = False  # a report's outcome is not known: recover first
        self.calls = InFlightCalls(
            clock, silent=(KktUnavailable, KktOutcomeUnknown)
        )  # commands at the device

    @property
    def registration(self) -> Registration | None:
        return self._registration

    async def open(self) -> Registration:
        """Connect once; later calls return what was read then. Only under the lane's lease.

        Raises:
            KktBlocked: the configuration contradicts the registration. The device stays connected:
                what its FN holds is still delivered.
        """
        if self._registration is None:
            with self.calls.call():
                registration = await self.driver.open()
            now = self._clock.now()
            facts = FactsRead(register_id=self.register_id, registration=registration, at=now)
            await self._db.write_each(store_facts, facts)
            self._registration = registration
            self.opened.set()
        if self._fitting is not self._registration:
            self.fits(self._registration)
            self._fitting = self._registration
        return self._registration

    async def close(self) -> None:
        """Give the device back; the next ``open`` reads everything anew."""
        self._registration = None
        self.opened.clear()
        self.forget()
        await self.driver.close()

    def forget(self) -> None:
        """Whatever is known of the FN's position and shift may be wrong now: look before the next print."""
        self.baseline = None
        self.shift_good_until = 0.0

    def trusts_shift(self) -> bool:
        return self.baseline is not None and self._clock.monotonic() < self.shift_good_until

    async def look(self) -> KktStatus:
        """Ask the device.

        Raises:
            KktBlocked: it cannot fiscalise until a person acts.
            KktUnavailable: not now (paper, cover, link).
        """
        status = await self.ask()
        self.looked_at = self._clock.monotonic()
        self._compare(status)
        if status.blocked is not None:
            raise blocked_by_device(status.blocked)
        if status.state not in (KktState.READY, KktState.BUSY):
            raise KktUnavailable(
                f"the register is not ready: {status.state}",
                f"ККТ не готова: {status.state}",
                state=status.state.value,
            )
        return status

    async def ask(self) -> KktStatus:
        """What the device says of itself, blocked or not. Raises KktError."""
        with self.calls.call():
            status = await self.driver.status()
        self.status, self.status_at = status, self._clock.now()
        return status

    async def ready(self, lane: LaneTerm) -> Baseline:
        """The FN's present position with an open shift, opening one where that is allowed.

        Raises:
            ShiftExpired: older than 24 h and automatic closing is off.
        """
        if self.baseline is not None and self.trusts_shift():
            return self.baseline
        status = await self.look()
        if status.shift_state is ShiftState.EXPIRED:
            if not self._automatic_shift:
                raise shift_expired()
            await self.close_shift(lane)
            status = await self.look()
        if status.shift_state is ShiftState.CLOSED:
            if not self._automatic_shift:
                raise KktUnavailable(
                    "The shift is closed: open one (POST /v1/kkt/shift/open or kkt-adapter shifts open).",
                    "Смена закрыта: откройте её (POST /v1/kkt/shift/open или kkt-adapter shifts open).",
                    reason="SHIFT_CLOSED",
                )
            await self._open(lane, status.baseline)
            status = await self.look()
        opened = status.shift_opened_at or status.clock
        left_s = SHIFT_LIMIT_S - (status.clock - opened).total_seconds() - SHIFT_MARGIN_S
        self.shift_good_until = self._clock.monotonic() + left_s
        self.baseline = status.baseline
        return status.baseline

    def _compare(self, status: KktStatus) -> None:
        """What we knew of the device is dropped where it says otherwise: somebody else used it, or its FN was
        replaced."""
        if self._registration is not None and status.fn_number != self._registration.fn_number:
            self._registration = None  # the next ``open`` reads it anew
            self.opened.clear()
            self.forget()
        if self.baseline is not None and (
            status.baseline != self.baseline or status.shift_state is not ShiftState.OPEN
        ):
            self.forget()

    async def close_shift(self, lane: LaneTerm, cashier: Cashier | None = None) -> ShiftReport:
        """The Z report.

        Raises:
            Conflict: no shift is open.
        """
        status = await self.ask()
        if status.shift_state is ShiftState.CLOSED:
            raise Conflict("no shift is open", "нет открытой смены")
        async with self._attempt(AttemptKind.CLOSE_SHIFT, lane, status.baseline) as attempt_id:
            with self.calls.call():
                report = await self.driver.close_shift(cashier or self._cashier, term=lane.number)
            await self.write_report(
                attempt_id, report.document, report, lane=lane, outcome=AttemptOutcome.DONE
            )
        return report

    async def open_shift(self, lane: LaneTerm) -> FiscalDocument:
        """Open a shift by request.

        Raises:
            Conflict: one is open. ShiftExpired: it must be closed first.
        """
        status = await self.look()
        ensure_closed(status)
        return await self._open(lane, status.baseline)

    async def _open(self, lane: LaneTerm, baseline: Baseline) -> FiscalDocument:
        async with self._attempt(AttemptKind.OPEN_SHIFT, lane, baseline) as attempt_id:
            with self.calls.call():
                document = await self.driver.open_shift(self._cashier, term=lane.number)
            await self.write_report(attempt_id, document, None, lane=lane, outcome=AttemptOutcome.DONE)
        return document

    @asynccontextmanager
    async def _attempt(self, what: AttemptKind, lane: LaneTerm, baseline: Baseline) -> AsyncIterator[int]:
        """An attempt around a command that makes a report. Unless it ends cleanly it may be open on disk, and
        the lane recovers before it goes on."""
        self.forget()
        self.looked_at = float("-inf")
        self.report_open = True
        attempt, now = NewAttempt(lane=lane, baseline=baseline), self._clock.now()
        attempt_id = await self._db.write(
            lambda c: records.begin_attempt(c, attempt, what=what, register_id=self.register_id, at=now)
        )
        try:
            yield attempt_id
        except (KktUnavailable, KktBlocked, KktRefused) as error:
            await self._refused(attempt_id, lane, error)
            self.report_open = False
            raise
        self.report_open = False

    async def _refused(self, attempt_id: int, lane: LaneTerm, error: AdapterError) -> None:
        now, text, commands = self._clock.now(), error.detail.ru, commands_json(self.driver.command_times)

        def write(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            attempts.end_attempt(
                conn, attempt_id, outcome=AttemptOutcome.REFUSED, at=now, error=text, commands=commands
            )

        await self._db.write(write)

    async def write_report(
        self,
        attempt_id: int,
        document: FiscalDocument,
        report: ShiftReport | None,
        *,
        lane: LaneTerm,
        outcome: AttemptOutcome,
        note: Callable[[Connection], None] = lambda conn: None,
    ) -> None:
        """Write a shift opening or a Z report down and end its attempt; ``note`` joins that commit."""
        now = self._clock.now()
        commands = commands_json(self.driver.command_times) if outcome is AttemptOutcome.DONE else None
        what = EventType.SHIFT_OPENED if document.code is DocumentCode.OPEN_SHIFT else EventType.SHIFT_CLOSED

        def record(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            records.store_document(conn, document, register_id=self.register_id, at=now)
            record_shift(conn, self.register_id, document, report)
            attempts.end_attempt(conn, attempt_id, outcome=outcome, at=now, commands=commands)
            note(conn)
            events.write(
                conn,
                [
                    events.entry(
                        what,
                        now,
                        register_id=self.register_id,
                        shift_number=document.shift_number,
                        fd_number=document.fd_number,
                    )
                ],
            )

        await self._db.write(record)
        log.info(
            what.value,
            register_id=self.register_id,
            shift_number=document.shift_number,
            fn_number=document.fn_number,
            fd_number=document.fd_number,
        )

    async def evidence(self, baseline: Baseline) -> Evidence:
        """Every document of the FN after ``baseline``, read now.

        Raises:
            KktUnavailable: the device cannot be asked, or is busy with something.
        """
        now = await self._standing_still()
        if now.fn_number != baseline.fn_number:
            return Evidence(now=now, found=())
        last = min(now.fd_number, baseline.fd_number + EVIDENCE_LIMIT)
        with self.calls.call():
            found = [await self.driver.document(n) for n in range(baseline.fd_number + 1, last + 1)]
        return Evidence(now=now, found=tuple(document for document in found if document is not None))

    async def _standing_still(self) -> Baseline:
        """The FN's position once nothing can change it any more: whatever was sent before the link broke has
        arrived or is lost, and a document that was begun and not closed is given up.

        Raises:
            KktUnavailable: the device cannot be asked, is busy, or two looks differ.
        """
        await self._clock.sleep(self.driver.settle_s)
        status = await self.position()
        if status.open_document:
            with self.calls.call():
                await self.driver.discard()
            again = await self.position()
            if again.open_document or again.baseline != status.baseline:
                raise KktUnavailable(
                    "the register is still at work on a document: it is asked again",
                    "ККТ ещё занята документом: опрос повторится",
                )
        return status.baseline

    async def position(self) -> KktStatus:
        """Where the FN stands, by a register that is idle. Raises KktUnavailable."""
        status = await self.ask()
        if status.state in (KktState.BUSY, KktState.UNREACHABLE):
            raise KktUnavailable(
                f"the register cannot be asked for its documents: {status.state}",
                f"ККТ не может показать свои документы: {status.state}",
                state=status.state.value,
            )
        return status


def ensure_closed(status: KktStatus) -> None:
    """Raises Conflict while a shift is open, ShiftExpired for one that is older than 24 hours."""
    if status.shift_state is ShiftState.EXPIRED:
        raise shift_expired()
    if status.shift_state is ShiftState.OPEN:
        raise Conflict(
            f"shift {status.shift_number} is open already", f"смена {status.shift_number} уже открыта"
        )


def shift_expired() -> ShiftExpired:
    return ShiftExpired(
        "The shift is older than 24 hours: close it with a Z report (POST /v1/kkt/z_report or "
        "kkt-adapter shifts z).",
        "Смена открыта более 24 часов: закройте её Z-отчётом (POST /v1/kkt/z_report или "
        "kkt-adapter shifts z).",
    )
