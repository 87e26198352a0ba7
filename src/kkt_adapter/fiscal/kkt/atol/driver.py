"""The driver of ATOL registers behind ATOL's web server: ``KktDriver`` over jobs.

It states facts and queues at most one job that makes a document; whether a receipt was made is decided in
``printing/recovery`` alone. The fence is KEY: the uuid of a job follows from the receipt and the number of
the attempt, and the server does one uuid once, whoever sends it.

``ready`` is believed only when the FN's document says so: number, kind, operation, sum and key. ``error`` is
believed only for codes that prove that nothing was made (``codes.py``).
"""

from collections.abc import Sequence
from uuid import uuid4

import structlog

from kkt_adapter.fiscal.ffd.tlv import Element
from kkt_adapter.fiscal.kkt.atol import codes
from kkt_adapter.fiscal.kkt.atol.answers import JobStatus
from kkt_adapter.fiscal.kkt.atol.archive import Archive
from kkt_adapter.fiscal.kkt.atol.capabilities import CAPABILITIES
from kkt_adapter.fiscal.kkt.atol.conditions import (
    ensure_closed,
    ensure_not_blocked,
    ensure_open,
    ensure_ready,
    ensure_young,
    fits_receipt,
    fits_report,
)
from kkt_adapter.fiscal.kkt.atol.documents import cash_count
from kkt_adapter.fiscal.kkt.atol.facts import INTRODUCTION, AtolFacts, read_facts
from kkt_adapter.fiscal.kkt.atol.jobs import JobLost, Jobs, Patience
from kkt_adapter.fiscal.kkt.atol.making import Making
from kkt_adapter.fiscal.kkt.atol.marking import MarkChecks
from kkt_adapter.fiscal.kkt.atol.snapshot import (
    EXCHANGE,
    SNAPSHOT,
    AtolSnapshot,
    read_exchange,
    read_snapshot,
    read_totals,
)
from kkt_adapter.fiscal.kkt.atol.task import Task, receipt_task, shift_task
from kkt_adapter.fiscal.kkt.atol.troubles import (
    busy,
    lost,
    no_rights,
    not_answered,
    refused,
    silent,
    web_refused,
)
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, rubles, section, whole
from kkt_adapter.fiscal.kkt.atol.web import WebDown, WebRefused, WebServer
from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.kkt.driver import (
    AboutTo,
    Capability,
    CashCounts,
    ExchangeStatus,
    Fence,
    KktStatus,
    ShiftState,
    untold,
)
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
    KktBlocked,
    KktRefused,
    Text,
)
from kkt_adapter.kernel.jsontext import JsonObject

READBACK_LIMIT = 1_000  # documents; each is a job


class AtolRegister:
    """Implements ``KktDriver``. Questions may run beside a print: the server's queue serialises them."""

    def __init__(
        self, web: WebServer, *, device_id: str | None, clock: Clock, patience: Patience | None = None
    ) -> None:
        """``device_id`` None: the one register of the web server, if it has no other."""
        self._patience = patience or Patience()
        self.fence = Fence.KEY
        self.tells = True
        self.readback_limit = READBACK_LIMIT
        self.web = web
        self._device_id = device_id
        self._jobs = Jobs(web, patience=self._patience, monotonic=clock.monotonic)
        self._archive = Archive(self._questions)
        self._marks = MarkChecks(self._jobs, patience=self._patience, monotonic=clock.monotonic)
        self._facts: AtolFacts | None = None
        self._making = Making(self._jobs, self._archive, look=self._look)
        self._log = structlog.get_logger("atol")

    @property
    def settle_s(self) -> float:
        return self._jobs.settle_s

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES if self._facts is None else self._facts.capabilities

    @property
    def command_times(self) -> Sequence[CommandTime]:
        """Jobs by the type of their (last) task."""
        return self._jobs.meter.times

    @property
    def facts(self) -> AtolFacts | None:
        """What register and web server told when they were opened; for people."""
        return self._facts

    async def open(self) -> Registration:
        try:
            server = await self.web.server_info()
            device_id = self._device_id or await self._only_device()
            self.web.device_id = device_id
            answers = await self._questions(INTRODUCTION)
            self._facts = read_facts(answers, device_id=device_id, server=server)
        except (WebDown, BadAtolAnswer) as error:
            raise silent(str(error)) from error
        except WebRefused as error:
            raise (no_rights(error) if error.status == 401 else web_refused(error)) from error
        return self._facts.registration

    async def close(self) -> None:
        self._facts = None
        await self.web.close()

    async def status(self) -> KktStatus:
        look = await self._look()
        opened_at = await self._archive.shift_opened_at(look)
        return look.status(opened_at=opened_at, open_document=self._making.in_doubt)

    async def x_report(self) -> ShiftTotals:
        look = await self._look()
        if look.shift_state is ShiftState.CLOSED:
            report = await self._archive.last_report(look)
            if report is not None:
                return report.totals
        return await self._totals(look)

    async def document(self, fd_number: int) -> FiscalDocument | None:
        self._need_open()
        found = await self._archive.find(fd_number)
        return None if found is None else found.document

    async def tags(self, fd_number: int) -> Sequence[Element] | None:
        self._need_open()
        found = await self._archive.find(fd_number)
        return None if found is None else found.tags

    async def shift_report(self, fd_number: int) -> ShiftReport | None:
        self._need_open()
        return await self._archive.report(fd_number)

    async def exchange_status(self) -> ExchangeStatus:
        self._need_open()
        answers = await self._questions(EXCHANGE)
        try:
            return read_exchange(answers)
        except BadAtolAnswer as error:
            raise silent(str(error)) from error

    async def cash_counts(self) -> CashCounts:
        """Of the present shift: the register counts no longer."""
        self._need_open()
        answers = await self._questions([{"type": "getShiftTotals"}])
        try:
            totals = section(answers[0], "shiftTotals")
            return CashCounts(
                put_in=cash_count(totals, "income"),
                taken_out=cash_count(totals, "outcome"),
                shift_number=whole(totals, "shiftNumber"),
            )
        except BadAtolAnswer as error:
            raise silent(str(error)) from error

    async def open_shift(self, cashier: Cashier, *, term: int) -> FiscalDocument:
        with self._jobs.meter.document():
            return await self._open_shift(cashier)

    async def close_shift(self, cashier: Cashier, *, term: int) -> ShiftReport:
        with self._jobs.meter.document():
            return await self._close_shift(cashier)

    async def fiscalize(self, receipt: Receipt, *, term: int, about_to: AboutTo = untold) -> FiscalDocument:
        with self._jobs.meter.document():
            return await self._fiscalize(receipt, about_to)

    async def _open_shift(self, cashier: Cashier) -> FiscalDocument:
        look = await self._ready_look()
        ensure_closed(look)
        ensure_not_blocked(look)
        task, code = shift_task("openShift", cashier), DocumentCode.OPEN_SHIFT
        return await self._make_report(f"shift:{look.shift_number + 1}:open", task, code, look)

    async def _close_shift(self, cashier: Cashier) -> ShiftReport:
        look = await self._ready_look()
        ensure_open(look)
        counted = await self._totals(look)
        task, code = shift_task("closeShift", cashier), DocumentCode.CLOSE_SHIFT
        document = await self._make_report(f"shift:{look.shift_number}:close", task, code, look)
        report = await self._making.after(lambda: self._archive.report(document.fd_number))
        if report is None:
            raise lost(Text("the Z report cannot be read back", "Z-отчёт не читается из ФН"))
        if self._need_open().registration.ffd_version is FfdVersion.V1_05:  # its Z report carries no sums
            return ShiftReport(document=document, totals=counted)
        return report

    async def _fiscalize(self, receipt: Receipt, about_to: AboutTo) -> FiscalDocument:
        task = receipt_task(receipt)
        look = await self._ready_look()
        ensure_not_blocked(look)
        ensure_open(look)
        ensure_young(look)
        checks = await self._marks.check(receipt)
        if checks:
            task = receipt_task(receipt, checks=checks)
        before = look.baseline
        await about_to()
        return await self._making.make(f"receipt:{receipt.id}", task, before, fits_receipt(receipt, before))

    async def discard(self) -> None:
        """Let the register end, or give up, what was interrupted: it does so when it goes on printing."""
        self._need_open()
        await self._jobs.ask([{"type": "continuePrint"}])
        self._making.in_doubt = False

    async def move_cash(self, amount_kop: int) -> None:
        before = await self.cash_counts()
        name = "cashIn" if amount_kop >= 0 else "cashOut"
        task = {"type": name, "cashSum": rubles(abs(amount_kop))}
        try:
            ended = await self._jobs.make(str(uuid4()), task)
        except JobLost as error:
            raise lost(error.why) from error
        result = ended.result
        if result.status is JobStatus.READY:
            return
        after = await self._making.after(self.cash_counts)  # ``error`` is possible after the money was booked
        moved = (after.put_in - before.put_in, after.taken_out - before.taken_out)
        if moved == ((1, 0) if amount_kop >= 0 else (0, 1)):
            return
        if moved != (0, 0):
            raise lost(Text("others move cash at this register too", "кассой пользуется другая программа"))
        raise refused(result.code, result.description)

    async def reprint(self) -> None:
        await self._do({"type": "printLastReceiptCopy"})

    async def print_lines(self, lines: Sequence[str]) -> None:
        """A slip that is no fiscal document; for trying the printer."""
        items = [{"type": "text", "text": line, "alignment": "left"} for line in lines]
        await self._do({"type": "nonFiscal", "items": items, "printFooter": False})

    async def read_message(self) -> OfdMessage | None:
        """None: messages cannot be read through the web server (no ``RELAY``)."""
        self._need_open()
        return None

    async def accept_reply(self, reply: bytes) -> None:
        raise KktRefused(
            "ATOL registers deliver by themselves: they take no answers of the operator from us.",
            "ККТ АТОЛ передаёт документы сама: ответы ОФД от нас она не принимает.",
            device_code=codes.NO_AGENT,
        )

    def _need_open(self) -> AtolFacts:
        if self._facts is None:
            raise silent("it was not opened")
        return self._facts

    async def _only_device(self) -> str | None:
        """The id of the one register. Never the default one: that can be switched under way.

        Raises:
            KktBlocked: there are several, and none is named.
        """
        devices = await self.web.devices()
        if devices is None:
            return None
        if len(devices) == 1:
            return devices[0].id
        ids = ", ".join(f"{one.id} ({one.name})" for one in devices) or "-"
        raise KktBlocked(
            f"Set device_id of the register: the web server has {len(devices)} registers: {ids}.",
            f"Укажите device_id ККТ: у веб-сервера их {len(devices)}: {ids}.",
            reason="CONFIGURATION",
        )

    async def _questions(self, tasks: Sequence[Task]) -> list[JsonObject | None]:
        """Raises KktUnavailable: no answer to one of them."""
        answers = await self._jobs.ask(tasks)
        for one in answers:
            if one.status is JobStatus.ERROR:
                raise not_answered(one.code, one.description)
        if len(answers) != len(tasks) or any(one.status is not JobStatus.READY for one in answers):
            raise silent("not all questions were answered")
        return [one.result for one in answers]

    async def _look(self) -> AtolSnapshot:
        facts = self._need_open()
        try:
            look = read_snapshot(await self._questions(SNAPSHOT))
        except BadAtolAnswer as error:
            raise silent(str(error)) from error
        if look.fn_number != facts.registration.fn_number:
            self._archive.forget()
        return look

    async def _ready_look(self) -> AtolSnapshot:
        """A look before a document. Raises KktUnavailable: no paper, no link, or another FN."""
        look = await self._look()
        if look.fn_number != self._need_open().registration.fn_number:
            raise busy(Text("its FN is another one", "в ней другой ФН"))
        ensure_ready(look)
        return look

    async def _totals(self, look: AtolSnapshot) -> ShiftTotals:
        answers = await self._questions([{"type": "getShiftTotals"}])
        try:
            return read_totals(
                answers[0],
                shift_number=look.shift_number,
                opened_at=await self._archive.shift_opened_at(look),
                receipts=look.receipt_number,
            )
        except BadAtolAnswer as error:
            raise silent(str(error)) from error

    async def _do(self, task: Task) -> None:
        """A task that makes no document."""
        self._need_open()
        (result,) = await self._jobs.ask([task], timeout_s=self._patience.result_s)
        if result.status is not JobStatus.READY:
            raise refused(result.code, result.description)

    async def _make_report(
        self, what: str, task: Task, code: DocumentCode, look: AtolSnapshot
    ) -> FiscalDocument:
        """A shift opening or Z report: its ``error`` may come from reading out what was made, whatever its
        code, so that the FN's number is compared."""
        before = look.baseline
        return await self._making.make(what, task, before, fits_report(code, before), compare=True)
