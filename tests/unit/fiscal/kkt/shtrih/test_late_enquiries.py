"""A device that was busy answers the ENQs of that time late: no command may be given to it twice for that."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from kkt_adapter.emulators.shtrih.faults import ShtrihFault, ShtrihFaultMode, ShtrihFaultPlan
from kkt_adapter.emulators.shtrih.line import EmulatedShtrihDevice, PortLine
from kkt_adapter.emulators.shtrih.machine import ShtrihMachine
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown, Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, fn_path, made_up_registration
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.ids import RegisterId

NAME = RegisterId("kkt-1")
PUT_IN = requests.cash(1, 5_000)


class BusyLine:
    """A serial line to a device that hears everything and says nothing for a while. ``busy``: so many reads
    end without a byte."""

    address = "serial:///dev/null"

    def __init__(self, device: EmulatedShtrihDevice, *, begins_empty: bool = False) -> None:
        self.begins_empty = begins_empty
        self.busy = self.busy_with_frame = 0
        self._said = bytearray()
        self._heard = b""
        self._line = PortLine(device, self._said.extend)

    async def open(self, *, within_s: float) -> None:
        pass

    def write(self, data: bytes) -> None:
        self._heard += data
        if len(data) > 2 and self.busy_with_frame:
            self.busy, self.busy_with_frame = self.busy_with_frame, 0

    async def read(self, size: int, *, within_s: float) -> bytes | None:
        if self.busy:
            self.busy -= 1
            return None
        heard, self._heard = self._heard, b""
        await self._line.feed(heard)
        if len(self._said) < size:
            return None
        found = bytes(self._said[:size])
        del self._said[:size]
        return found

    def drop_input(self) -> None:
        self._said.clear()

    async def close(self) -> None:
        pass


@pytest.fixture
def device(tmp_path: Path) -> Iterator[EmulatedShtrihDevice]:
    clock = SystemClock()
    registration = made_up_registration(NAME)
    fn = VirtualFn(fn_path(tmp_path, NAME), registration=registration, clock=clock, zone=UTC, fsync=False)
    machine = ShtrihMachine(fn)
    machine.open()
    yield EmulatedShtrihDevice(machine, ShtrihFaultPlan(), protocol=1)
    machine.close()


@pytest.mark.parametrize("busy", range(9))
async def test_a_command_is_given_once_however_many_enquiries_are_answered_late(
    device: EmulatedShtrihDevice, busy: int
) -> None:
    line = BusyLine(device)
    link = Protocol1(line, timing=Timing())
    for n in range(3):
        line.busy = busy
        await link.exchange(PUT_IN, answer_s=1.0)
        assert device.machine.counters.cash_ins == n + 1


async def test_enquiries_of_an_earlier_opening_are_answered_too(device: EmulatedShtrihDevice) -> None:
    """A serial port keeps no session: what was asked before it was closed is answered after it was opened."""
    line = BusyLine(device)
    link = Protocol1(line, timing=Timing())
    line.busy = 10
    with pytest.raises(LinkDown) as refused:
        await link.exchange(PUT_IN, answer_s=1.0)
    assert not refused.value.sent
    await link.close()
    await link.connect()
    await link.exchange(PUT_IN, answer_s=1.0)
    assert device.machine.counters.cash_ins == 1


async def test_a_frame_that_was_refused_is_sent_again_where_no_enquiry_is_open(
    device: EmulatedShtrihDevice,
) -> None:

    device.plan.set([ShtrihFault(mode=ShtrihFaultMode.NAK, count=2)])
    await Protocol1(BusyLine(device), timing=Timing()).exchange(PUT_IN, answer_s=1.0)
    assert device.machine.counters.cash_ins == 1


async def test_where_an_enquiry_is_open_a_refusal_is_doubted(device: EmulatedShtrihDevice) -> None:
    """Its NAK may be the answer to the enquiry: the command is not given again, and counts as sent."""

    line = BusyLine(device)
    link = Protocol1(line, timing=Timing())
    line.busy = 10
    with pytest.raises(LinkDown):
        await link.exchange(PUT_IN, answer_s=1.0)
    line._heard = b""  # the device was off: those enquiries are never answered
    device.plan.set([ShtrihFault(mode=ShtrihFaultMode.NAK)])
    with pytest.raises(LinkDown) as doubted:
        await link.exchange(PUT_IN, answer_s=1.0)
    assert doubted.value.sent
    assert device.machine.counters.cash_ins == 0

    await link.exchange(PUT_IN, answer_s=1.0)
    assert device.machine.counters.cash_ins == 1


@pytest.mark.parametrize("busy", range(1, 4))
async def test_an_acknowledgement_that_comes_late_shifts_no_later_answer(
    device: EmulatedShtrihDevice, busy: int
) -> None:
    line = BusyLine(device)
    link = Protocol1(line, timing=Timing())
    line.busy_with_frame = busy
    await link.exchange(PUT_IN, answer_s=1.0)
    for n in range(4):
        assert device.machine.counters.cash_ins == n + 1
        await link.exchange(PUT_IN, answer_s=1.0)
