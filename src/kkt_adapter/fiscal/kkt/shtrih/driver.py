"""The driver of Shtrih-M registers: ``KktDriver`` over one session.

It states facts and sends at most one command that makes a document; whether a receipt was made is decided in
``printing/recovery`` alone. The fence is NONE: the protocol has nothing that shuts an older process out.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import structlog

from kkt_adapter.fiscal.ffd.tlv import Element
from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.kkt.driver import (
    AboutTo,
    Capability,
    CashCounts,
    ExchangeStatus,
    Fence,
    KktStatus,
    untold,
)
from kkt_adapter.fiscal.kkt.shtrih import modes, requests
from kkt_adapter.fiscal.kkt.shtrih.answers import (
    Exchange,
    FnShift,
    FnStatus,
    FullStatus,
    MadeDocument,
)
from kkt_adapter.fiscal.kkt.shtrih.archive import (
    document_of,
    find,
    read_document,
    read_report,
    read_tags,
)
from kkt_adapter.fiscal.kkt.shtrih.capabilities import CAPABILITIES
from kkt_adapter.fiscal.kkt.shtrih.facts import ShtrihFacts, read_facts
from kkt_adapter.fiscal.kkt.shtrih.late import LateWork
from kkt_adapter.fiscal.kkt.shtrih.receipt import plan_receipt
from kkt_adapter.fiscal.kkt.shtrih.registers import read_totals
from kkt_adapter.fiscal.kkt.shtrih.relay import read_waiting, write_reply
from kkt_adapter.fiscal.kkt.shtrih.requests import with_password
from kkt_adapter.fiscal.kkt.shtrih.session import OTHER_ANSWER_S, DeviceRefusal, Session
from kkt_adapter.fiscal.kkt.shtrih.snapshot import Openings, blocked, status_of
from kkt_adapter.fiscal.kkt.shtrih.steps import Steps
from kkt_adapter.fiscal.kkt.shtrih.tags import cashier_tags
from kkt_adapter.fiscal.kkt.shtrih.troubles import (
    WrongPassword,
    lost,
    may_be_made,
    nothing_made,
    silent,
    surely_given,
    too_old,
)
from kkt_adapter.fiscal.kkt.shtrih.upkeep import SHIFT_IS_CLOSED, SHIFT_IS_OPEN, Upkeep
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Link, LinkDown, Timing
from kkt_adapter.fiscal.model import (
    Cashier,
    DocumentCode,
    FfdVersion,
    FiscalDocument,
    OfdMessage,
    Receipt,
    Registration,
    ShiftReport,
    ShiftTotals,
)
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktBlocked,
    KktRefused,
    KktUnavailable,
    Text,
)
from kkt_adapter.kernel.ids import FnNumber

READBACK_LIMIT = 1_000  # documents; each takes four commands or more


class ShtrihRegister:
    """Implements ``KktDriver``."""

    def __init__(
        self,
        link: Link,
        *,
        password: int,
        admin_password: int,
        clock: Clock,
        timing: Timing | None = None,
    ) -> None:
        """``password`` is an operator's of table 2, for everything about receipts; the system administrator's
        is for the FN, tables and reports."""
        timing = timing or Timing()
        self.fence = Fence.NONE
        self.tells = True
        self.readback_limit = READBACK_LIMIT
        self._password = password
        self._admin = admin_password
        self._late = LateWork(link, late_s=OTHER_ANSWER_S * timing.answer_scale, monotonic=clock.monotonic)
        self._session = Session(link, timing=timing, monotonic=clock.monotonic)
        self._upkeep = Upkeep(
            self._session,
            password=password,
            admin=admin_password,
            timing=timing,
            monotonic=clock.monotonic,
        )
        self._openings = Openings(self._session, password=admin_password)
        self._facts: ShtrihFacts | None = None
        self._wrong_password: WrongPassword | None = None
        self._log = structlog.get_logger("shtrih")

    @property
    def settle_s(self) -> float:
        return self._late.settle_s

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES if self._facts is None else self._facts.capabilities

    @property
    def command_times(self) -> Sequence[CommandTime]:
        return self._session.meter.times

    @property
    def facts(self) -> ShtrihFacts | None:
        """What the device told when it was opened; for people."""
        return self._facts

    async def open(self) -> Registration:
        async with self._line():
            await self._upkeep.nudge()
            self._facts = await read_facts(self._session, self._admin)
            return self._facts.registration

    async def close(self) -> None:
        async with self._session.lock:
            self._facts = None
            await self._session.close()

    async def status(self) -> KktStatus:
        """Lets a printer that waits for it go on, and ends a dump that was cut short; nothing else."""
        async with self._operation() as facts:
            await self._upkeep.nudge()
            full = FullStatus.read(await self._admin_data(requests.FULL_STATUS))
            fn = await self._upkeep.fn_status()
            shift = await self._shift()
            return status_of(
                full,
                fn,
                shift,
                await self._exchange(),
                opened_at=await self._openings.opened_at(fn, shift),
                valid_until=facts.valid_until,
            )

    async def x_report(self) -> ShiftTotals:
        async with self._operation():
            fn, shift = await self._upkeep.fn_status(), await self._shift()
            if not shift.open:
                report = await read_report(self._session, self._admin, fn.fd_number, fn)
                if report is not None:
                    return report.totals
            return await self._totals(fn)

    async def document(self, fd_number: int) -> FiscalDocument | None:
        async with self._operation():
            return await self._upkeep.document(fd_number)

    async def tags(self, fd_number: int) -> Sequence[Element] | None:
        async with self._operation():
            return await read_tags(self._session, self._admin, fd_number)

    async def shift_report(self, fd_number: int) -> ShiftReport | None:
        async with self._operation():
            return await read_report(self._session, self._admin, fd_number, await self._upkeep.fn_status())

    async def exchange_status(self) -> ExchangeStatus:
        async with self._operation():
            fn, exchange = await self._upkeep.fn_status(), await self._exchange()
            return ExchangeStatus(
                fn_number=FnNumber(fn.fn_number),
                unsent_count=exchange.queue,
                first_unsent_number=exchange.first_fd,
                first_unsent_at=exchange.first_at,
                last_fd_number=fn.fd_number,
            )

    async def cash_counts(self) -> CashCounts:
        async with self._operation():
            return await self._upkeep.cash_counts()

    async def open_shift(self, cashier: Cashier, *, term: int) -> FiscalDocument:
        async with self._making():
            with nothing_made():
                before = await self._upkeep.clean(SHIFT_IS_OPEN)
                begun = await self._session.ask(with_password(requests.FN_BEGIN_OPEN_SHIFT, self._admin))
                if not begun.error:
                    await self._send_cashier(cashier)
            self._late.sending()
            with may_be_made():
                await self._session.data(with_password(requests.OPEN_SHIFT, self._admin))
            with surely_given():
                return await self._made(before, DocumentCode.OPEN_SHIFT)

    async def close_shift(self, cashier: Cashier, *, term: int) -> ShiftReport:
        async with self._making() as facts:
            with nothing_made():
                before = await self._upkeep.clean(SHIFT_IS_CLOSED)
                counted = await self._totals(before)
                begun = await self._session.ask(with_password(requests.FN_BEGIN_CLOSE_SHIFT, self._admin))
                if not begun.error:
                    await self._send_cashier(cashier)
            self._late.sending()
            with may_be_made():
                await self._session.data(with_password(requests.Z_REPORT, self._admin))
            with surely_given():
                document = await self._made(before, DocumentCode.CLOSE_SHIFT)
                report = await read_report(
                    self._session, self._admin, document.fd_number, await self._upkeep.fn_status()
                )
            if report is None:
                raise lost(Text("the Z report cannot be read back", "Z-отчёт не читается из ФН"))
            if facts.registration.ffd_version is FfdVersion.V1_05:  # its Z report carries no sums
                return replace(report, totals=counted)
            return report

    async def fiscalize(self, receipt: Receipt, *, term: int, about_to: AboutTo = untold) -> FiscalDocument:
        async with self._making() as facts:
            if facts.trouble is not None:
                raise KktBlocked(facts.trouble.en, facts.trouble.ru, reason="CONFIGURATION")
            with nothing_made():
                before = await self._upkeep.clean(SHIFT_IS_CLOSED)
                full = FullStatus.read(await self._admin_data(requests.FULL_STATUS))
                if modes.mode_of(full.mode) == modes.SHIFT_EXPIRED:
                    exchange = await self._exchange()
                    raise too_old(blocked(full, before, exchange, facts.valid_until))
            today = full.clock.date()
            plan = plan_receipt(receipt, device=facts.device, rates=facts.rates, today=today)
            steps = Steps(
                self._session,
                device=facts.device,
                password=self._password,
                admin=self._admin,
                on_close=self._late.sending,
            )
            try:
                await steps.prepare(receipt, plan)
                await about_to()
                made = await steps.close(plan)
            except (KktRefused, KktUnavailable, KktBlocked) as error:
                await self._give_up(error)
                raise
            with surely_given():
                return await self._closed(before, made, receipt, key=steps.key)

    async def discard(self) -> None:
        async with self._operation():
            await self._upkeep.discard()

    async def move_cash(self, amount_kop: int) -> None:
        async with self._making():
            with nothing_made():
                await self._upkeep.wait_idle()
            self._late.sending()
            with may_be_made():
                await self._session.data(requests.cash(self._password, amount_kop))

    async def reprint(self) -> None:
        async with self._operation():
            await self._upkeep.wait_idle()
            await self._session.data(with_password(requests.COPY, self._password))

    async def print_lines(self, lines: Sequence[str]) -> None:
        """A slip that is no fiscal document, cut off at its end; for trying the printer."""
        async with self._operation():
            await self._upkeep.print_lines(lines)

    async def set_clock(self, moment: datetime) -> datetime:
        """What it shows then. Raises KktRefused: a shift is open, or the FN holds a later document."""
        async with self._operation():
            return await self._upkeep.set_clock(moment)

    async def read_message(self) -> OfdMessage | None:
        async with self._operation():
            return await read_waiting(self._session, self._admin)

    async def accept_reply(self, reply: bytes) -> None:
        async with self._operation():
            await write_reply(self._session, self._admin, reply)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[None]:
        """The device for one operation. What goes wrong outside ``may_be_made`` has made nothing."""
        async with self._session.lock:
            if self._wrong_password is not None:
                raise self._wrong_password
            try:
                with nothing_made():
                    yield
            except WrongPassword as error:
                self._wrong_password = error
                raise

    @asynccontextmanager
    async def _operation(self) -> AsyncIterator[ShtrihFacts]:
        """Likewise, with an open device."""
        async with self._line():
            if self._facts is None:
                raise silent("it was not opened")
            yield self._facts

    @asynccontextmanager
    async def _making(self) -> AsyncIterator[ShtrihFacts]:
        """Likewise, for a document: its commands are timed from here."""
        async with self._operation() as facts:
            with self._late.document(), self._session.meter.document():
                yield facts

    async def _admin_data(self, command: bytes) -> bytes:
        return await self._session.data(with_password(command, self._admin))

    async def _shift(self) -> FnShift:
        return FnShift.read(await self._admin_data(requests.FN_SHIFT))

    async def _exchange(self) -> Exchange:
        return Exchange.read(await self._admin_data(requests.FN_EXCHANGE))

    async def _totals(self, fn: FnStatus) -> ShiftTotals:
        shift = await self._shift()
        opened_at = await self._openings.opened_at(fn, shift)
        return await read_totals(self._session, self._admin, shift=shift, opened_at=opened_at)

    async def _give_up(self, error: AdapterError) -> None:
        """Cancel what was begun; what cannot be cancelled now is cancelled before the next receipt."""
        self._log.info("receipt_given_up", error=error.detail.en)
        try:
            await self._upkeep.discard()
        except (AdapterError, LinkDown, DeviceRefusal, BadShtrihAnswer) as left:
            self._log.warning("receipt_left_open", error=str(left))

    async def _send_cashier(self, cashier: Cashier) -> None:
        for tlv in cashier_tags(cashier):
            await self._session.data(requests.tag(self._admin, tlv))

    async def _made(self, before: FnStatus, code: DocumentCode) -> FiscalDocument:
        """The report that was just made.

        Raises:
            KktOutcomeUnknown: the FN has no such document.
        """
        now = await self._upkeep.fn_status()
        for number in range(now.fd_number, before.fd_number, -1):
            document = await read_document(self._session, self._admin, number, now.fn_number)
            if document is not None and document.code is code:
                return document
        raise lost(Text("the FN has no new document", "в ФН нет нового документа"))

    async def _closed(
        self, before: FnStatus, made: MadeDocument, receipt: Receipt, *, key: str | None
    ) -> FiscalDocument:
        """The document of FF45 with everything FF45 does not say.

        Raises:
            KktOutcomeUnknown: the FN says otherwise than the answer.
        """
        now, shift = await self._upkeep.fn_status(), await self._shift()
        found = await find(self._session, self._admin, made.fd_number)
        if now.fd_number != made.fd_number or made.fd_number <= before.fd_number or found is None:
            raise lost(
                Text(
                    f"it says document {made.fd_number}, and the FN's last one is {now.fd_number}",
                    f"в ответе ФД № {made.fd_number}, а последний в ФН № {now.fd_number}",
                )
            )
        document = document_of(found, None, fn_number=now.fn_number, shift_number=shift.number)
        if document is None:
            raise lost(Text(f"a document of code {found.code}", f"документ с кодом {found.code}"))
        return replace(document, receipt_number=shift.receipt_number, key=key, unread=None)
