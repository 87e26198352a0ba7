"""One connection to one device, used by one caller at a time: commands in, answers out.

Whatever only asks is asked again after a broken link. Everything else is given to the device once.
"""

import asyncio
from collections.abc import Callable

import structlog

from kkt_adapter.fiscal.kkt.command_times import CommandMeter
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import Answer, read_answer
from kkt_adapter.fiscal.kkt.shtrih.device_errors import STILL_PRINTING
from kkt_adapter.fiscal.kkt.shtrih.requests import command_of
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Link, LinkDown, Timing

REPEATABLE = frozenset(
    {
        requests.SHORT_STATUS,
        requests.FULL_STATUS,
        requests.METRICS,
        requests.PARAMETERS,
        requests.MONEY_REGISTER,
        requests.OPERATION_REGISTER,
        requests.READ_TABLE,
        requests.TABLE_STRUCTURE,
        requests.FIELD_STRUCTURE,
        requests.SUBTOTAL,
        requests.FN_STATUS,
        requests.FN_NUMBER,
        requests.FN_VALID_UNTIL,
        requests.FN_VERSION,
        requests.FN_REGISTRATION,
        requests.FN_FIND,
        requests.FN_SHIFT,
        requests.FN_EXCHANGE,
        requests.FN_UNCONFIRMED,
        requests.FN_TICKET,
        requests.FN_MESSAGE_SIZE,
        requests.FN_READ_BLOCK,
    }
)
"""Commands that change nothing. FF3A and FF3B are not among them: they move a cursor."""

ANSWER_S = {  # how long the first byte of an answer may take; the vendor's driver's numbers
    requests.SHORT_STATUS: 3.0,
    requests.FULL_STATUS: 3.0,
    requests.Z_REPORT: 65.0,
    requests.FN_CLOSE_SHIFT: 65.0,
    requests.FN_BEGIN_OPEN_SHIFT: 65.0,
    requests.OPEN_SHIFT: 120.0,  # keys of the FN may be updated first
    requests.FN_OPEN_SHIFT: 120.0,
    requests.CHECK_MARK: 40.0,  # asks a server
    requests.BIND_MARK: 40.0,
}
OTHER_ANSWER_S = 30.0
REPEATS = 3


class DeviceRefusal(Exception):
    """The device has answered with an error: the command was not executed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.command.hex()}: {answer.error:02X}h")
        self.code = answer.error
        self.sub_code = answer.sub_code


class Session:
    """Takes the lock of ``lock`` for granted: the driver holds it for the length of an operation."""

    def __init__(self, link: Link, *, timing: Timing, monotonic: Callable[[], float]) -> None:
        self.lock = asyncio.Lock()
        self._link = link
        self._timing = timing
        self._monotonic = monotonic
        self._connected = False
        self._log = structlog.get_logger("shtrih")
        self.meter = CommandMeter(monotonic)

    async def ask(self, body: bytes) -> Answer:
        """The device's answer, errors included; 50h ("still printing") is waited for.

        Raises:
            LinkDown: as in ``Link``.
        """
        command = command_of(body)
        tries = REPEATS if command in REPEATABLE else 1
        while True:
            try:
                answer = await self._when_printed(command, body)
            except LinkDown as error:
                tries -= 1
                self._log.info("link_down", command=command.hex(), why=error.why, sent=error.sent)
                if not tries:
                    raise
                continue
            return answer

    async def data(self, body: bytes) -> bytes:
        """The answer's data.

        Raises:
            DeviceRefusal: the answer is an error. LinkDown.
        """
        answer = await self.ask(body)
        if answer.error:
            raise DeviceRefusal(answer)
        return answer.data

    async def close(self) -> None:
        self._connected = False
        await self._link.close()

    async def _when_printed(self, command: bytes, body: bytes) -> Answer:
        until = self._monotonic() + self._timing.printing_s
        while True:
            answer = await self._once(command, body)
            if answer.error != STILL_PRINTING or self._monotonic() > until:
                return answer
            await asyncio.sleep(self._timing.poll_s)

    async def _once(self, command: bytes, body: bytes) -> Answer:
        with self.meter.command(command.hex().upper()):
            return await self._answered(command, body)

    async def _answered(self, command: bytes, body: bytes) -> Answer:
        answer_s = self._timing.answer_s(ANSWER_S.get(command, OTHER_ANSWER_S))
        try:
            if not self._connected:
                await self._link.connect()
                self._connected = True
            answer = await self._link.exchange(body, answer_s=answer_s)
            return read_answer(command, answer)
        except LinkDown:
            await self.close()
            raise
        except BadShtrihAnswer as error:
            await self.close()
            raise LinkDown(str(error), sent=True) from error
        except BaseException:  # cancelled in the middle: what comes next on this line would be this answer
            await self.close()
            raise
