"""Getting a device ready: waiting until it is idle, giving up what somebody left open."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from kkt_adapter.fiscal.kkt.driver import CashCounts
from kkt_adapter.fiscal.kkt.shtrih import modes, requests
from kkt_adapter.fiscal.kkt.shtrih.answers import (
    FnStatus,
    FullStatus,
    ShortStatus,
    number_behind_operator,
)
from kkt_adapter.fiscal.kkt.shtrih.archive import end_dump, read_document
from kkt_adapter.fiscal.kkt.shtrih.device_errors import OTHER_OPERATOR, WRONG_MODE
from kkt_adapter.fiscal.kkt.shtrih.requests import with_password
from kkt_adapter.fiscal.kkt.shtrih.session import DeviceRefusal, Session
from kkt_adapter.fiscal.kkt.shtrih.troubles import no_paper, still_at_work
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Timing
from kkt_adapter.fiscal.model import FiscalDocument
from kkt_adapter.kernel.errors import KktRefused

PASSWORD_TABLE = 2  # one row for each operator; field 1 is the password
OPERATORS = 30
CASH_INS, CASH_OUTS = 155, 156  # operation registers: movements since the device began
WRONG_TIME = 0x07  # of the FN
SHIFT_IS_OPEN, SHIFT_IS_CLOSED = 0x3C, 0x3D  # errors, and what a command cannot have


class Upkeep:
    """``password`` is the operator's, ``admin`` the system administrator's."""

    def __init__(
        self,
        session: Session,
        *,
        password: int,
        admin: int,
        timing: Timing,
        monotonic: Callable[[], float],
    ) -> None:
        self._session = session
        self._password = password
        self._admin = admin
        self._timing = timing
        self._monotonic = monotonic

    async def short_status(self) -> ShortStatus:
        return ShortStatus.read(await self._session.data(with_password(requests.SHORT_STATUS, self._admin)))

    async def fn_status(self) -> FnStatus:
        return FnStatus.read(await self._session.data(with_password(requests.FN_STATUS, self._admin)))

    async def cash_counts(self) -> CashCounts:
        return CashCounts(put_in=await self._counter(CASH_INS), taken_out=await self._counter(CASH_OUTS))

    async def _counter(self, number: int) -> int:
        data = await self._session.data(requests.operation_register(self._admin, number))
        return number_behind_operator(data, 2)

    async def print_lines(self, lines: Sequence[str]) -> None:
        """Then the paper is fed and cut, where the device can."""
        await self.wait_idle()
        for line in lines:
            await self._session.data(requests.print_text(self._password, line))
        await self._session.ask(with_password(requests.FEED, self._password, b"\x02\x05"))
        await self._session.ask(with_password(requests.CUT, self._password, b"\x01"))

    async def set_clock(self, moment: datetime) -> datetime:
        """22h, 23h and 21h; what the register shows then.

        Raises:
            KktRefused: a shift is open, or the FN holds a later document: it would take none before that.
        """
        mode = modes.mode_of((await self.wait_idle()).mode)
        if mode not in (modes.SHIFT_CLOSED, modes.CONFIRM_DATE):
            raise KktRefused(
                "The clock is set with the shift closed: make a Z report first.",
                "Часы устанавливают при закрытой смене: сначала снимите Z-отчёт.",
                device_code=WRONG_MODE,
            )
        last = (await self.fn_status()).last_at
        if last is not None and moment < last:
            raise KktRefused(
                f"The FN's last document is of {last.isoformat()}, which is later: look at the host's clock.",
                f"Последний документ ФН от {last.isoformat()}, это позже: проверьте часы узла.",
                device_code=WRONG_TIME,
            )
        for command in (
            requests.set_date(self._admin, moment.date()),
            requests.confirm_date(self._admin, moment.date()),
            requests.set_time(self._admin, moment),
        ):
            await self._session.data(command)
        full = await self._session.data(with_password(requests.FULL_STATUS, self._admin))
        return FullStatus.read(full).clock

    async def clean(self, refused_as: int) -> FnStatus:
        """The FN before a document, with nothing open and the shift as it must be.

        Raises:
            KktRefused: the shift is not as it must be (``refused_as``). ShiftExpired, KktUnavailable.
        """
        status = await self.wait_idle()
        if modes.mode_of(status.mode) == modes.DOCUMENT_OPEN or (await self.fn_status()).document:
            await self.discard()
            status = await self.wait_idle()
        mode = modes.mode_of(status.mode)
        ensure_shift(mode, refused_as)
        return await self.fn_status()

    async def wait_idle(self) -> ShortStatus:
        """Until nothing is printed and no dump is under way; paper that is back lets printing go on.

        Raises:
            KktUnavailable: no paper, cover open, or it prints for longer than that can take.
        """
        until = self._monotonic() + self._timing.printing_s
        while self._monotonic() < until:
            status = await self.short_status()
            if modes.mode_of(status.mode) == modes.DUMP:
                await end_dump(self._session, self._admin)
                continue
            match status.sub_mode:
                case modes.PAPER_IDLE:
                    return status
                case modes.NO_PAPER | modes.NO_PAPER_PRINTING:
                    raise no_paper(cover_open=bool(status.flags & modes.FLAG_COVER_OPEN))
                case modes.WAITS_FOR_CONTINUE:
                    await self._session.ask(with_password(requests.CONTINUE_PRINT, self._admin))
            await asyncio.sleep(self._timing.poll_s)
        raise still_at_work()

    async def nudge(self) -> None:
        """End a dump that was cut short, and let printing go on where paper is back; waits for nothing."""
        status = await self.short_status()
        if modes.mode_of(status.mode) == modes.DUMP:
            await end_dump(self._session, self._admin)
        if status.sub_mode == modes.WAITS_FOR_CONTINUE:
            await self._session.ask(with_password(requests.CONTINUE_PRINT, self._admin))

    async def discard(self) -> None:
        """Cancel an open receipt, whoever opened it, and whatever document the FN has begun."""
        if modes.mode_of((await self.wait_idle()).mode) == modes.DOCUMENT_OPEN:
            await self._cancel()
        if (await self.fn_status()).document:
            await self._session.ask(with_password(requests.FN_CANCEL, self._admin))

    async def document(self, fd_number: int) -> FiscalDocument | None:
        """With its key; what an interrupted receipt, or an interrupted reading, has left open is ended where
        it is in the way."""
        try:
            return await self._document(fd_number)
        except DeviceRefusal as refusal:
            if refusal.code != WRONG_MODE:
                raise
        await self.discard()
        return await self._document(fd_number)

    async def _document(self, fd_number: int) -> FiscalDocument | None:
        fn_number = (await self.fn_status()).fn_number
        return await read_document(self._session, self._admin, fd_number, fn_number, with_key=True)

    async def _cancel(self) -> None:
        """88h with one password after the other while the device says that another operator opened it."""
        for password in dict.fromkeys((self._password, self._admin)):
            if await self._cancelled(password):
                return
        for row in range(1, OPERATORS + 1):
            found = await self._session.ask(requests.read_table(self._admin, PASSWORD_TABLE, row, 1))
            if not found.error and await self._cancelled(int.from_bytes(found.data, "little")):
                return

    async def _cancelled(self, password: int) -> bool:
        """False: it belongs to somebody else. Any other error is left to what comes next (FF08, a look)."""
        answer = await self._session.ask(with_password(requests.CANCEL_RECEIPT, password))
        return answer.error != OTHER_OPERATOR


def ensure_shift(mode: int, refused_as: int) -> None:
    """The shift is open for what needs one (``SHIFT_IS_CLOSED``), or closed for its opening.

    Raises:
        KktRefused: it is not.
    """
    is_open = mode in (modes.SHIFT_OPEN, modes.SHIFT_EXPIRED)
    if refused_as == SHIFT_IS_OPEN and is_open:
        raise KktRefused("A shift is open already.", "Смена уже открыта.", device_code=SHIFT_IS_OPEN)
    if refused_as == SHIFT_IS_CLOSED and not is_open:
        raise KktRefused("No shift is open.", "Смена не открыта.", device_code=SHIFT_IS_CLOSED)
