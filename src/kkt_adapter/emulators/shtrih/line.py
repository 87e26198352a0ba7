"""The device's side of both low-level protocols, with everything that can go wrong on a line.

One ``EmulatedShtrihDevice`` has one memory of its last answer, whatever connection it goes out on: protocol
1 gives an answer again after ENQ until it was acknowledged; protocol 2 answers every number but the next
one with the last answer. The first byte after power-on decides the protocol: 05 or 02 the first, 8Fh the
second.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kkt_adapter.emulators.shtrih.commands import execute
from kkt_adapter.emulators.shtrih.faults import ShtrihFault, ShtrihFaultMode, ShtrihFaultPlan
from kkt_adapter.emulators.shtrih.machine import ShtrihMachine
from kkt_adapter.fiscal.kkt.shtrih.requests import CLOSE_RECEIPT, command_of
from kkt_adapter.fiscal.kkt.shtrih.values import u4, u5
from kkt_adapter.fiscal.kkt.shtrih.wire import frame2
from kkt_adapter.fiscal.kkt.shtrih.wire.frame1 import ACK, ENQ, NAK, NOISE, OVERHEAD, STX, frame, lrc
from kkt_adapter.fiscal.kkt.shtrih.wire.frame2 import NUMBERS, STX2, Decoder, Frame2


class Cut(Exception):
    """The connection ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """One command that was executed, for tests and the control interface."""

    command: str
    error: int


class EmulatedShtrihDevice:
    """A machine behind its port. Commands are executed one at a time, also those of an older connection."""

    def __init__(self, machine: ShtrihMachine, plan: ShtrihFaultPlan, *, protocol: int | None = None) -> None:
        """``protocol`` 1 or 2 fixes it; None: the first byte decides."""
        self.machine = machine
        self.plan = plan
        self.fixed = protocol
        self.protocol = protocol
        self.kept: bytes | None = None  # protocol 1: an answer that was not acknowledged
        self.last_number = 0
        self.last_answer = b""
        self.silent_until = 0.0
        self.executed: list[Executed] = []
        self._busy = asyncio.Lock()
        self._late: set[asyncio.Task[bytes]] = set()

    def power_cycle(self) -> None:
        self.protocol = self.fixed
        self.kept = None
        self.last_number, self.last_answer = 0, b""
        self.machine.power_cycle()

    async def run(self, body: bytes) -> bytes:
        async with self._busy:
            answer = execute(self.machine, body)
            command = command_of(body)
            self.executed.append(Executed(command=command.hex(), error=answer[len(command)]))
            return answer

    def run_later(self, body: bytes, delay_s: float) -> None:
        """Execute although nobody waits for it any more: what was sent before the cable was pulled."""

        async def late() -> bytes:
            await asyncio.sleep(delay_s)
            answer = await self.run(body)
            self.kept = answer
            return answer

        task = asyncio.get_running_loop().create_task(late())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def settled(self) -> None:
        """Until everything that was to be executed late is done."""
        await asyncio.gather(*self._late)


class PortLine:
    """One connection: bytes in, bytes out through ``write``."""

    def __init__(self, device: EmulatedShtrihDevice, write: Callable[[bytes], None]) -> None:
        self._device = device
        self._write = write
        self._bytes = bytearray()
        self._decoder = Decoder()
        self._enquired = False

    async def feed(self, data: bytes) -> None:
        """Raises Cut: the connection ends now."""
        self._bytes += data
        if self._device.protocol is None and self._bytes:
            first = self._bytes[0]
            if first in (ENQ, STX, STX2):
                self._device.protocol = 2 if first == STX2 else 1
        while self._bytes:
            before = len(self._bytes)
            if self._device.protocol == 2:
                await self._feed_2()
            else:
                await self._feed_1()
            if len(self._bytes) == before:
                return

    async def _feed_1(self) -> None:
        byte = self._bytes[0]
        if byte == STX:
            await self._stx()
            return
        del self._bytes[0]
        if self._is_silent():
            return
        if byte == ENQ:
            self._enquired = True
            kept = self._device.kept
            self._write(bytes((NAK,)) if kept is None else bytes((ACK,)) + frame(kept))
        elif byte == ACK:
            self._device.kept = None
            if self._device.machine.model.noise:
                self._write(bytes((NOISE,)))

    async def _stx(self) -> None:
        have = bytes(self._bytes)
        self._cut_in_request(have)
        if len(have) < 2 or len(have) < have[1] + OVERHEAD:
            return
        size = have[1] + OVERHEAD
        del self._bytes[:size]
        whole = have[:size]
        if self._is_silent() or (self._device.machine.model.needs_enquiry and not self._enquired):
            return
        self._enquired = False
        if lrc(whole[1:-1]) != whole[-1]:
            self._write(bytes((NAK,)))
            return
        body = whole[2:-1]
        await self._execute(body, ack=bytes((ACK,)), pack=frame, keep=self._keep)

    def _keep(self, answer: bytes | None) -> None:
        self._device.kept = answer or None

    async def _feed_2(self) -> None:
        self._cut_in_request(bytes(self._bytes))
        data = bytes(self._bytes)
        self._bytes.clear()
        for found in self._decoder.feed(data):
            if not self._is_silent():
                await self._frame_2(found)

    async def _frame_2(self, found: Frame2) -> None:
        device = self._device
        if found.number is None or found.number != (device.last_number + 1) % NUMBERS or not found.data:
            self._write(frame2.frame(device.last_number, device.last_answer))
            return
        number = found.number

        def keep(answer: bytes | None) -> None:
            if answer is not None:
                device.last_number, device.last_answer = number, answer

        await self._execute(found.data, ack=b"", pack=lambda a: frame2.frame(number, a), keep=keep)

    async def _execute(
        self,
        body: bytes,
        *,
        ack: bytes,
        pack: Callable[[bytes], bytes],
        keep: Callable[[bytes | None], None],
    ) -> None:
        """One command with the fault that hits it. ``keep`` remembers the answer for asking again."""
        device, command = self._device, command_of(body)
        fault = device.plan.on_command(command)
        keep(None)
        if fault is None:
            self._write(ack)
            answer = await device.run(body)
            keep(answer)
            self._write(pack(answer))
            return
        if not self._arrives(fault, body):
            return
        said = _said(fault, command, device.machine)
        if said is not None:
            answer = said
        else:
            if fault.mode is ShtrihFaultMode.SLOW:
                self._write(ack)
                await asyncio.sleep(fault.delay_s)
            if fault.mode is ShtrihFaultMode.PAPER_ENDS:
                device.machine.paper_ends_after_next = True
            answer = await device.run(body)
        keep(b"" if fault.mode is ShtrihFaultMode.FORGET_ANSWER else answer)
        await self._answer(fault, b"" if fault.mode is ShtrihFaultMode.SLOW else ack, pack(answer))

    def _arrives(self, fault: ShtrihFault, body: bytes) -> bool:
        """False: it is not executed, or not now."""
        match fault.mode:
            case ShtrihFaultMode.LOSE_REQUEST:
                return False
            case ShtrihFaultMode.NAK:
                self._write(bytes((NAK,)))
                return False
            case ShtrihFaultMode.CUT_REQUEST:
                raise Cut
            case ShtrihFaultMode.LATE:
                self._device.run_later(body, fault.delay_s)
                raise Cut
        return True

    async def _answer(self, fault: ShtrihFault, ack: bytes, answer: bytes) -> None:
        match fault.mode:
            case ShtrihFaultMode.CUT_ANSWER:
                self._write((ack + answer)[: fault.at])
                raise Cut
            case ShtrihFaultMode.LOSE_ANSWER | ShtrihFaultMode.FORGET_ANSWER:
                self._write(ack)
            case ShtrihFaultMode.BAD_LRC:
                self._write(ack + answer[:-1] + bytes((answer[-1] ^ 0x55,)))
            case ShtrihFaultMode.DRIP:
                for byte in ack + answer:
                    self._write(bytes((byte,)))
                    await asyncio.sleep(0)
            case _:
                self._write(ack + answer)
                if fault.mode is ShtrihFaultMode.SILENT:
                    loop = asyncio.get_running_loop()
                    self._device.silent_until = loop.time() + fault.delay_s

    def _cut_in_request(self, have: bytes) -> None:
        """End the connection once so many bytes of a matching frame have come."""
        fault = self._device.plan.peek(frozenset({ShtrihFaultMode.CUT_REQUEST}))
        if fault is None or fault.skip or not have:
            return
        at = 2 if have[0] == STX else 5  # the command begins behind STX and length, or the number
        wanted = bytes.fromhex(fault.command or "")
        if not wanted.startswith(have[at : at + len(wanted)]):
            return
        if len(have) >= max(fault.at, 1) and have[at : at + len(wanted)] == wanted[: max(len(have) - at, 0)]:
            self._device.plan.on_command(wanted)
            raise Cut

    def _is_silent(self) -> bool:
        return asyncio.get_running_loop().time() < self._device.silent_until


def _said(fault: ShtrihFault, command: bytes, machine: ShtrihMachine) -> bytes | None:
    """The answer of a fault that keeps the command from being executed."""
    match fault.mode:
        case ShtrihFaultMode.BUSY:
            return command + b"\x50"
        case ShtrihFaultMode.ERROR:
            return command + bytes((fault.code,))
        case ShtrihFaultMode.LIE if command == CLOSE_RECEIPT:
            last = machine.fn.document(machine.status().fd_number)
            assert last is not None, "every FN begins with its registration"
            machine.receipt = None
            return command + b"\0" + u5(0) + u4(last.fd_number) + u4(last.fiscal_sign)
    return None
