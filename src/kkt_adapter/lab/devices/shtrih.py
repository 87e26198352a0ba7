"""Shtrih-M in the lab: lines that break at any byte, answers that get lost, paper, power, and lies."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from kkt_adapter.emulators.shtrih import ShtrihEmulator, ShtrihFault, ShtrihFaultMode
from kkt_adapter.emulators.shtrih.own_exchange import by_itself
from kkt_adapter.emulators.shtrih.tables import FFD_TABLE, REPLACEMENT
from kkt_adapter.fiscal.kkt.shtrih.session import OTHER_ANSWER_S
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.lab.devices.device import Brand, DeviceFault, DeviceSpec, LabDevice, Used

BEFORE_CLOSING = ("8d", "ff46", "ff0c", "89")
RECEIPT = ("ff45", "ff45", "ff45", *BEFORE_CLOSING)  # mostly the one that counts
RELAY = ("ff30", "ff31", "ff32", "ff33")
LOOKS = ("10", "11", "ff01", "ff40")
LONGEST_FRAME = 124  # bytes: FF45 with its frame
NO_REPLACEMENT = 2  # of 20 by 22 percent: a shop that has set its register well
REFUSALS = (0x33, 0x45, 0x5E, 0x4B)  # the caller's data, as firmware says it
LATEST_S = OTHER_ANSWER_S * 0.5  # what was sent may be executed so late: well within what the driver waits

Real = Callable[[float], float]
Begin = Callable[[LabDevice, Random, Real], Awaitable[Used]]


class ShtrihDevice:
    """Implements ``LabDevice``."""

    def __init__(self, register_id: str, folder: Path, emulator: ShtrihEmulator) -> None:
        self.register_id = register_id
        self.fn_file = folder / "fn.sqlite"
        self.emulator = emulator
        self.address = emulator.address

    async def lift(self) -> None:
        self.emulator.set_faults()
        machine = self.emulator.machine
        machine.set_paper(present=True)
        machine.cover_open = False
        machine.mark_answer = "good"
        if self.emulator.down:
            await self.emulator.set_down(False)

    async def stop(self) -> None:
        await self.emulator.stop()


async def start(spec: DeviceSpec) -> ShtrihDevice:
    emulator = ShtrihEmulator(
        state=spec.folder,
        registration=made_up_registration(
            RegisterId(spec.register_id), seed=spec.register_id, place="Lab", marked_goods=True
        ),
        clock=spec.clock,
        zone=spec.zone,
        relayed=spec.relayed,
        deliver=None if spec.relayed else by_itself(*spec.operator),
    )
    await emulator.start()
    emulator.machine.tables.fields[FFD_TABLE, 1, REPLACEMENT].value = NO_REPLACEMENT
    return ShtrihDevice(spec.register_id, spec.folder, emulator)


def _emulator(device: LabDevice) -> ShtrihEmulator:
    assert isinstance(device, ShtrihDevice)
    return device.emulator


def _command(make: Callable[[Random, Real], ShtrihFault]) -> Begin:
    """A fault of the next commands that it matches."""

    async def begin(device: LabDevice, rng: Random, real: Real) -> Used:
        fault = make(rng, real)
        given = fault.count
        _emulator(device).set_faults(fault)
        return lambda: fault.count != given

    return begin


def _closing_lost(rng: Random, real: Real) -> ShtrihFault:
    """The receipt is made, and nobody hears of it."""
    mode = rng.choice(
        (ShtrihFaultMode.FORGET_ANSWER, ShtrihFaultMode.LOSE_ANSWER, ShtrihFaultMode.CUT_ANSWER)
    )
    return ShtrihFault(mode=mode, command="ff45", at=rng.randrange(24))


def _lost(rng: Random, real: Real) -> ShtrihFault:
    """The command is done, and its answer never arrives."""
    mode = rng.choice(
        (ShtrihFaultMode.FORGET_ANSWER, ShtrihFaultMode.LOSE_ANSWER, ShtrihFaultMode.CUT_ANSWER)
    )
    return ShtrihFault(mode=mode, command=rng.choice((*BEFORE_CLOSING, *RELAY)), at=rng.randrange(24))


def _cut_in_request(rng: Random, real: Real) -> ShtrihFault:
    return ShtrihFault(
        mode=ShtrihFaultMode.CUT_REQUEST,
        command=rng.choice((*RECEIPT, "ff33")),
        at=rng.randrange(LONGEST_FRAME),
    )


def _swallowed(rng: Random, real: Real) -> ShtrihFault:
    return ShtrihFault(mode=ShtrihFaultMode.LOSE_REQUEST, command=rng.choice((*RECEIPT, *LOOKS)))


def _late(rng: Random, real: Real) -> ShtrihFault:
    delay_s = real(rng.uniform(0.1, LATEST_S))
    return ShtrihFault(
        mode=ShtrihFaultMode.LATE, command=rng.choice(("ff45", "ff45", "ff46")), delay_s=delay_s
    )


def _silent(rng: Random, real: Real) -> ShtrihFault:
    return ShtrihFault(mode=ShtrihFaultMode.SILENT, command="ff45", delay_s=real(rng.uniform(1, 20)))


def _noise(rng: Random, real: Real) -> ShtrihFault:
    mode = rng.choice(
        (ShtrihFaultMode.NAK, ShtrihFaultMode.BAD_LRC, ShtrihFaultMode.BUSY, ShtrihFaultMode.DRIP)
    )
    return ShtrihFault(mode=mode, count=rng.choice((1, 2, 5)))


def _refusal(rng: Random, real: Real) -> ShtrihFault:
    return ShtrihFault(mode=ShtrihFaultMode.ERROR, command=rng.choice(RECEIPT), code=rng.choice(REFUSALS))


def _lie(rng: Random, real: Real) -> ShtrihFault:
    return ShtrihFault(mode=ShtrihFaultMode.LIE, command="ff45")


def _paper_ends(rng: Random, real: Real) -> ShtrihFault:
    return ShtrihFault(mode=ShtrihFaultMode.PAPER_ENDS, command="ff45")


async def _power_off(device: LabDevice, rng: Random, real: Real) -> Used:
    emulator = _emulator(device)
    emulator.device.power_cycle()
    await emulator.set_down(True)
    return _always


async def _unplugged(device: LabDevice, rng: Random, real: Real) -> Used:
    await _emulator(device).set_down(True)
    return _always


async def _no_paper(device: LabDevice, rng: Random, real: Real) -> Used:
    machine = _emulator(device).machine
    if rng.random() < 0.5:
        machine.cover_open = True
    else:
        machine.set_paper(present=False)
    return _always


async def _connection_taken(device: LabDevice, rng: Random, real: Real) -> Used:
    """The line is taken by somebody else for a moment: on most devices a new connection ends the old one."""
    _emulator(device).drop_connection()
    return _always


def _always() -> bool:
    return True


BRAND = Brand(
    name="Shtrih-M",
    transports=("relay", "device"),
    start=start,
    faults={
        "answer to the closing lost": DeviceFault(weight=8, begin=_command(_closing_lost)),
        "another answer lost": DeviceFault(weight=4, begin=_command(_lost)),
        "line cut in a command": DeviceFault(weight=5, begin=_command(_cut_in_request)),
        "command swallowed": DeviceFault(weight=3, begin=_command(_swallowed)),
        "command executed after the line broke": DeviceFault(weight=4, begin=_command(_late)),
        "silent after closing": DeviceFault(weight=2, begin=_command(_silent)),
        "noise": DeviceFault(weight=3, begin=_command(_noise)),
        "refuses": DeviceFault(weight=3, begin=_command(_refusal)),
        "answers well and has done nothing": DeviceFault(weight=3, begin=_command(_lie)),
        "paper ends in a receipt": DeviceFault(weight=3, begin=_command(_paper_ends)),
        "off and on": DeviceFault(weight=3, begin=_power_off, lasts_s=20),
        "unplugged": DeviceFault(weight=2, begin=_unplugged, lasts_s=20),
        "no paper": DeviceFault(weight=2, begin=_no_paper, lasts_s=15),
        "connection taken": DeviceFault(weight=3, begin=_connection_taken, lasts_s=5),
    },
)
