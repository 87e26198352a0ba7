"""Safeguards of printing, taken out."""

from typing import Any

from tests.lab.broken.patching import forget_the_fn, patch

from kkt_adapter.fiscal.kkt.shtrih.session import Session
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
from kkt_adapter.fiscal.kkt.virtual import VirtualRegister, naming
from kkt_adapter.fiscal.kkt.virtual.filelock import FnFileLock
from kkt_adapter.fiscal.kkt.virtual.memory import FnMemory
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.printer import ReceiptPrinter
from kkt_adapter.fiscal.printing.recovery.resolve import Recovery
from kkt_adapter.fiscal.printing.recovery.rules import Absent
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable


def print_before_intent() -> None:
    forget_the_fn()
    write_down, put_back, refuse = (
        ReceiptPrinter._write_down,
        ReceiptPrinter._put_back,
        ReceiptPrinter._refuse,
    )

    async def no_attempt(self: PrintLane, job: PrintJob, lane: LaneTerm) -> int:
        await self.session.ready(lane)
        return 0

    async def late(self: ReceiptPrinter, job: PrintJob, lane: LaneTerm) -> int:
        status = await self._session.driver.status()
        attempt = NewAttempt(lane=lane, baseline=status.baseline)
        return await self._db.write(
            lambda c: records.begin_attempt(
                c,
                attempt,
                what=AttemptKind.PRINT,
                register_id=self._session.register_id,
                at=self._clock.now(),
                receipt_seq=job.seq,
            )
        )

    async def late_write_down(
        self: ReceiptPrinter, job: PrintJob, _: int, document: Any, lane: LaneTerm, following: Any
    ) -> Any:
        return await write_down(self, job, await late(self, job, lane), document, lane, following)

    async def late_put_back(self: ReceiptPrinter, job: PrintJob, _: int, lane: LaneTerm, error: Any) -> None:
        await put_back(self, job, await late(self, job, lane), lane, error)

    async def late_refuse(self: ReceiptPrinter, job: PrintJob, _: int, lane: LaneTerm, error: Any) -> Any:
        return await refuse(self, job, await late(self, job, lane), lane, error)

    patch(PrintLane, "reserve", lambda self: None)
    patch(PrintLane, "_following", lambda self: None)
    patch(PrintLane, "_begin", no_attempt)
    patch(ReceiptPrinter, "_write_down", late_write_down)
    patch(ReceiptPrinter, "_put_back", late_put_back)
    patch(ReceiptPrinter, "_refuse", late_refuse)


def blind_recovery() -> None:
    forget_the_fn()
    judge = Recovery._judge

    async def absent(self: Recovery, attempt: Any, row: Any) -> Any:
        evidence, _ = await judge(self, attempt, row)
        return evidence, Absent()

    patch(Recovery, "_judge", absent)


def lost_means_unsent() -> None:
    forget_the_fn()
    fiscalize = VirtualRegister.fiscalize

    async def hopeful(self: VirtualRegister, receipt: Any, **how: Any) -> Any:
        try:
            return await fiscalize(self, receipt, **how)
        except KktOutcomeUnknown as error:
            raise KktUnavailable(error.detail.en, error.detail.ru) from error

    patch(VirtualRegister, "fiscalize", hopeful)


def silence_means_unsent() -> None:
    forget_the_fn()
    answered = Session._answered

    async def hopeful(self: Session, command: bytes, body: bytes) -> Any:
        try:
            return await answered(self, command, body)
        except LinkDown as error:
            raise LinkDown(error.why, sent=False) from error

    patch(Session, "_answered", hopeful)


def register_without_fence() -> None:
    forget_the_fn()
    ready = FnMemory.ready

    def anew(self: FnMemory) -> Any:
        self._forget()  # somebody else may have used the file
        return ready(self)

    patch(FnFileLock, "take", lambda self: None)
    patch(FnMemory, "fence", lambda self, term: self.ready())
    patch(FnMemory, "ready", anew)


def odd_name_shortened() -> None:
    """What is no letter or digit is left out, and not written in another way."""

    def plain(register_id: str) -> str:
        return "".join(c for c in register_id if c.isascii() and (c.isalnum() or c in "-_."))

    patch(naming, "_file_name", plain)
