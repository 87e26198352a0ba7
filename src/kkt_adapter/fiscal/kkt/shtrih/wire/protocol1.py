"""Low-level protocol 1 as a host speaks it.

The device keeps an answer until the host has acknowledged it, and gives it again after ENQ. So a host
still gets an answer that was lost on its way. But an answer that comes after ENQ may belong to an earlier
command; it is taken only by the command that waits for it.

A device that is busy for a while (cutting, updating keys) answers the ENQs that were sent meanwhile one after
the other. A NAK that comes behind a frame may be the answer to such an ENQ and not to the frame, which the
device then executes: the frame is sent again only when no ENQ is without its answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kkt_adapter.fiscal.kkt.shtrih.requests import command_of
from kkt_adapter.fiscal.kkt.shtrih.wire.frame1 import ACK, ENQ, NAK, NOISE, STX, frame, lrc
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown, Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.wires import Wire, WireError


@dataclass(slots=True)
class _Enquiries:
    """ENQs whose answer has not come: it may still come, or is lost."""

    owed: int = 0


class Protocol1:
    """Implements ``Link``."""

    def __init__(self, wire: Wire, *, timing: Timing) -> None:
        self._wire = wire
        self._timing = timing
        self._enquiries = _Enquiries()
        self.sending: Callable[[], None] = lambda: None

    async def connect(self) -> None:
        if self._wire.begins_empty:
            self._enquiries.owed = 0
        try:
            await self._wire.open(within_s=self._timing.connect_s)
        except WireError as error:
            raise LinkDown(str(error), sent=False) from error

    async def close(self) -> None:
        await self._wire.close()

    async def exchange(self, body: bytes, *, answer_s: float) -> bytes:
        work = _Exchange(self._wire, self._timing, self._enquiries, body, answer_s, self.sending)
        try:
            return await work.run()
        except WireError as error:
            raise LinkDown(str(error), sent=work.sent) from error


class _Exchange:
    def __init__(
        self,
        wire: Wire,
        timing: Timing,
        enquiries: _Enquiries,
        body: bytes,
        answer_s: float,
        sending: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._timing = timing
        self._enquiries = enquiries
        self._body = body
        self._answer_s = answer_s
        self._sending = sending
        self.sent = False

    async def run(self) -> bytes:
        drained = 0
        for _ in range(self._timing.enquiries):
            match await self._enquire():
                case 0x15 if self.sent:  # idle, and it keeps no answer: executed or not, nobody knows
                    raise LinkDown("the device keeps no answer", sent=True)
                case 0x15:
                    answer = await self._give()
                    if answer is not None:
                        return answer
                case 0x06:
                    answer = await self._answer(self._timing.byte_s)
                    if answer is not None and self.sent and self._is_ours(answer):
                        return answer
                    drained += 1
                    if drained > self._timing.drains:
                        raise LinkDown("the device gives the same old answer again and again", sent=self.sent)
                case None:
                    continue
                case _:
                    await self._wait_for_quiet()
        raise LinkDown("the device does not answer ENQ", sent=self.sent)

    async def _give(self) -> bytes | None:
        """Send the frame to a device that is ready for it. None: go on with ENQ."""
        for _ in range(self._timing.frames):
            self.sent = True
            self._sending()
            self._wire.write(frame(self._body))
            match await self._about_frame():
                case 0x06:
                    answer = await self._answer(self._answer_s)
                    if answer is not None:
                        self._enquiries.owed = 0  # whatever was asked before has been answered before
                    return answer
                case 0x15:  # it did not take the frame: sending it again is safe
                    self.sent = False
                case _:
                    return None
        raise LinkDown("the device refuses the frame again and again", sent=False)

    async def _enquire(self, before: bytes = b"") -> int | None:
        self._enquiries.owed += 1
        self._wire.write(before + bytes((ENQ,)))
        found = await self._control()
        if found in (ACK, NAK):
            self._enquiries.owed -= 1
        return found

    async def _about_frame(self) -> int | None:
        """What the device says of a frame; answers to earlier ENQs come first and are passed over."""
        while True:
            found = await self._control()
            if found is None:
                self._enquiries.owed += 1  # it may still come, and would be taken for the answer to an ENQ
            if found != NAK or not self._enquiries.owed:
                return found
            self._enquiries.owed -= 1

    async def _control(self) -> int | None:
        """One control byte; None: nothing in time."""
        while True:
            found = await self._wire.read(1, within_s=self._timing.byte_s)
            if found is None:
                return None
            if found[0] != NOISE:
                return found[0]

    async def _answer(self, within_s: float) -> bytes | None:
        """The body of an answer, acknowledged; None: none has come whole."""
        for _ in range(self._timing.frames):
            body = await self._frame(within_s)
            if body is not None:
                self._wire.write(bytes((ACK,)))
                return body
            self._wire.drop_input()
            if await self._enquire(bytes((NAK,))) != ACK:
                return None
            within_s = self._timing.byte_s
        return None

    async def _frame(self, within_s: float) -> bytes | None:
        while True:
            start = await self._wire.read(1, within_s=within_s)
            if start is None:
                return None
            if start[0] == STX:
                break
        length = await self._wire.read(1, within_s=self._timing.byte_s)
        if length is None:
            return None
        rest = await self._wire.read(length[0] + 1, within_s=self._timing.byte_s)
        if rest is None or lrc(length + rest[:-1]) != rest[-1]:
            return None
        return rest[:-1]

    async def _wait_for_quiet(self) -> None:
        """Let whatever the device is sending come to its end."""
        while await self._wire.read(1, within_s=self._timing.quiet_s) is not None:
            self._wire.drop_input()

    def _is_ours(self, answer: bytes) -> bool:
        """An FF command that is not known may come back as FFh and the error."""
        command = command_of(self._body)
        unknown = command[:1] == b"\xff" and len(answer) == 2 and answer[:1] == b"\xff"
        return unknown or answer.startswith(command)
