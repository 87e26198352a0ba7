"""Documents of the FN by number, Z reports, and when the shift was opened."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from kkt_adapter.fiscal.kkt.atol.codes import NO_DATA
from kkt_adapter.fiscal.kkt.atol.documents import FoundDocument, read_document
from kkt_adapter.fiscal.kkt.atol.snapshot import EXCHANGE, SHIFT_LIMIT, AtolSnapshot, read_exchange
from kkt_adapter.fiscal.kkt.atol.task import Task
from kkt_adapter.fiscal.kkt.atol.troubles import silent
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.z_reports import documents_in_shift, report_of
from kkt_adapter.fiscal.model import DocumentCode, ShiftReport
from kkt_adapter.kernel.errors import KktUnavailable

SEARCHED = 30  # documents looked through for the opening or closing of a shift
TRIES = 3  # to read the bytes of one document

Ask = Callable[[Sequence[Task]], Awaitable[list[dict[str, Any] | None]]]


class Archive:
    """``ask`` puts questions in one job and raises KktUnavailable (with ``device_code``) when one fails."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._opened: tuple[str, int, datetime] | None = None  # FN, shift, time

    def forget(self) -> None:
        self._opened = None

    async def find(self, fd_number: int) -> FoundDocument | None:
        """None: the FN has no such number. 123 with raw bytes may be an archived document: asked twice.

        Raises:
            KktUnavailable: no answer.
        """
        if fd_number < 1:
            return None
        for _ in range(TRIES):
            found = await self._find(fd_number, raw=True)
            if found is None:
                return await self._find(fd_number, raw=False)
            if not found.garbled:
                break
        return found

    async def _find(self, fd_number: int, *, raw: bool) -> FoundDocument | None:
        question: Task = {"type": "getFnDocument", "fiscalDocumentNumber": fd_number, "withRawData": raw}
        try:
            answers = await self._ask([*EXCHANGE, question])
        except KktUnavailable as error:
            if error.facts.get("device_code") != NO_DATA:
                raise
            return None
        try:
            exchange = read_exchange(answers)
            return read_document(
                answers[-1],
                fd_number=fd_number,
                fn_number=exchange.fn_number,
                first_unsent=exchange.first_unsent_number,
            )
        except BadAtolAnswer as error:
            raise silent(str(error)) from error

    async def report(self, fd_number: int) -> ShiftReport | None:
        """The Z report kept as that document; None: it is another one. Raises KktUnavailable."""
        found = await self.find(fd_number)
        if found is None or found.document.code is not DocumentCode.CLOSE_SHIFT:
            return None
        tags = found.tags or ()
        inside = documents_in_shift(tags)
        opening = None if inside is None else await self.find(fd_number - inside + 1)
        opened_at = None
        if opening is not None and opening.document.code is DocumentCode.OPEN_SHIFT:
            opened_at = opening.document.fiscalized_at
        return report_of(found.document, tags, opened_at=opened_at)

    async def last_report(self, look: AtolSnapshot) -> ShiftReport | None:
        """Of the shift that was closed last. Raises KktUnavailable."""
        for number in range(look.fd_number, max(look.fd_number - SEARCHED, 0), -1):
            report = await self.report(number)
            if report is not None:
                return report
        return None

    async def shift_opened_at(self, look: AtolSnapshot) -> datetime | None:
        """From the document that opened the shift; else a day before it expires. Raises KktUnavailable."""
        if not look.shift_number:
            return None
        if self._opened is not None and self._opened[:2] == (look.fn_number, look.shift_number):
            return self._opened[2]
        opened_at = await self._opening(look)
        if opened_at is not None:
            self._opened = (look.fn_number, look.shift_number, opened_at)
        elif look.shift_state is not ShiftState.CLOSED and look.expires_at is not None:
            opened_at = (look.expires_at - SHIFT_LIMIT).replace(second=0)
        return opened_at

    async def _opening(self, look: AtolSnapshot) -> datetime | None:
        """Searches backwards from where a shift of receipts alone would have begun."""
        guess = look.fd_number - look.receipt_number - (1 if look.shift_state is ShiftState.CLOSED else 0)
        for number in range(guess, max(guess - SEARCHED, 0), -1):
            found = await self.find(number)
            if found is None:
                return None
            document = found.document
            if document.code is DocumentCode.OPEN_SHIFT and document.shift_number == look.shift_number:
                return document.fiscalized_at
        return None
