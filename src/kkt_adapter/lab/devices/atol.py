"""ATOL in the lab: a web server and a register that break apart, and both of them lie."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from kkt_adapter.emulators.atol import AtolEmulator, AtolFault, AtolFaultMode
from kkt_adapter.emulators.shtrih.own_exchange import by_itself
from kkt_adapter.fiscal.kkt.atol.jobs import Patience
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.lab.devices.device import Brand, DeviceFault, DeviceSpec, LabDevice, Used

RECEIPTS = ("sell", "sell", "sell", "sellReturn")
PROVES_NOTHING = (5, 6, 34, 118, 140, 178, 203, 503, 600)  # of which none stops the queue everywhere
REFUSALS = (16, 52, 66, 501)  # the caller's data, as the driver says it
LONGEST_ANSWER = 400  # bytes, about
LATEST_S = Patience().late_s * 0.8  # what was sent may arrive so late: within what the driver waits

Real = Callable[[float], float]
Begin = Callable[[LabDevice, Random, Real], Awaitable[Used]]


class AtolDevice:
    """Implements ``LabDevice``."""

    def __init__(self, register_id: str, folder: Path, emulator: AtolEmulator) -> None:
        self.register_id = register_id
        self.fn_file = folder / "fn-1.sqlite"
        self.emulator = emulator
        self.address = emulator.address

    async def lift(self) -> None:
        self.emulator.set_faults()
        machine = self.emulator.machine
        machine.paper, machine.cover_open, machine.linked = True, False, True
        if self.emulator.down:
            await self.emulator.set_down(False)

    async def stop(self) -> None:
        await self.emulator.stop()


async def start(spec: DeviceSpec) -> AtolDevice:
    emulator = AtolEmulator(
        state=spec.folder,
        registration=made_up_registration(
            RegisterId(spec.register_id), seed=spec.register_id, place="Lab", marked_goods=True
        ),
        clock=spec.clock,
        zone=spec.zone,
        deliver=by_itself(*spec.operator),
    )
    await emulator.start()
    return AtolDevice(spec.register_id, spec.folder, emulator)


def _emulator(device: LabDevice) -> AtolEmulator:
    assert isinstance(device, AtolDevice)
    return device.emulator


def _job(make: Callable[[Random, Real], AtolFault]) -> Begin:
    """A fault of the next requests or jobs that it matches."""

    async def begin(device: LabDevice, rng: Random, real: Real) -> Used:
        fault = make(rng, real)
        given = fault.count
        _emulator(device).set_faults(fault)
        return lambda: fault.count != given

    return begin


def _hidden(rng: Random, real: Real) -> AtolFault:
    """The receipt is made, and nobody hears of it."""
    return AtolFault(mode=AtolFaultMode.HIDE, task=rng.choice(RECEIPTS))


def _cut(rng: Random, real: Real) -> AtolFault:
    return AtolFault(
        mode=rng.choice((AtolFaultMode.CUT_REQUEST, AtolFaultMode.CUT_ANSWER)),
        step=rng.choice(("post", "get", None)),
        at=rng.randrange(LONGEST_ANSWER),
        skip=rng.randrange(4),
        count=rng.choice((1, 2, 5)),
    )


def _late(rng: Random, real: Real) -> AtolFault:
    delay_s = real(rng.uniform(0.1, LATEST_S))
    return AtolFault(
        mode=AtolFaultMode.LATE,
        step="post",
        task=rng.choice(RECEIPTS),
        delay_s=delay_s,
        count=rng.choice((1, 4)),
    )


def _error_though_made(rng: Random, real: Real) -> AtolFault:
    return AtolFault(
        mode=AtolFaultMode.ERROR_CLOSED, task=rng.choice(RECEIPTS), code=rng.choice(PROVES_NOTHING)
    )


def _error(rng: Random, real: Real) -> AtolFault:
    return AtolFault(mode=AtolFaultMode.ERROR, task=rng.choice(RECEIPTS), code=rng.choice(PROVES_NOTHING))


def _refusal(rng: Random, real: Real) -> AtolFault:
    return AtolFault(mode=AtolFaultMode.ERROR, task=rng.choice(RECEIPTS), code=rng.choice(REFUSALS))


def _ready_though_not_made(rng: Random, real: Real) -> AtolFault:
    mode = rng.choice((AtolFaultMode.READY_OTHER, AtolFaultMode.READY_NOTHING))
    return AtolFault(mode=mode, task=rng.choice(RECEIPTS))


def _poor_result(rng: Random, real: Real) -> AtolFault:
    mode = rng.choice((AtolFaultMode.READY_NULL, AtolFaultMode.READY_FLAT, AtolFaultMode.DELETED))
    return AtolFault(mode=mode, task=rng.choice(RECEIPTS))


def _link_breaks(rng: Random, real: Real) -> AtolFault:
    """The cable between server and register, before or after the receipt is closed."""
    return AtolFault(
        mode=rng.choice((AtolFaultMode.LINK_BEFORE, AtolFaultMode.LINK_AFTER)),
        task=rng.choice(RECEIPTS),
        code=rng.choice((2, 2, 15, 241)),
        delay_s=real(rng.uniform(0.5, 20)),
    )


def _slow(rng: Random, real: Real) -> AtolFault:
    return AtolFault(mode=AtolFaultMode.SLOW, task=rng.choice(RECEIPTS), delay_s=real(rng.uniform(1, 20)))


def _paper_ends(rng: Random, real: Real) -> AtolFault:
    return AtolFault(mode=AtolFaultMode.PAPER_ENDS, task=rng.choice(RECEIPTS))


async def _server_down(device: LabDevice, rng: Random, real: Real) -> Used:
    await _emulator(device).set_down(True)
    return _always


async def _unlinked(device: LabDevice, rng: Random, real: Real) -> Used:
    _emulator(device).set_link(False)
    return _always


async def _no_paper(device: LabDevice, rng: Random, real: Real) -> Used:
    machine = _emulator(device).machine
    if rng.random() < 0.5:
        machine.cover_open = True
    else:
        machine.paper = False
    return _always


def _always() -> bool:
    return True


BRAND = Brand(
    name="ATOL",
    transports=("device",),
    start=start,
    faults={
        "result hidden": DeviceFault(weight=5, begin=_job(_hidden)),
        "connection cut": DeviceFault(weight=5, begin=_job(_cut)),
        "request arrives late": DeviceFault(weight=4, begin=_job(_late)),
        "error though made": DeviceFault(weight=6, begin=_job(_error_though_made)),
        "error that proves nothing": DeviceFault(weight=4, begin=_job(_error)),
        "refuses": DeviceFault(weight=3, begin=_job(_refusal)),
        "ready though not made": DeviceFault(weight=5, begin=_job(_ready_though_not_made)),
        "poor result": DeviceFault(weight=4, begin=_job(_poor_result)),
        "link to the register breaks": DeviceFault(weight=5, begin=_job(_link_breaks)),
        "slow": DeviceFault(weight=2, begin=_job(_slow)),
        "paper ends in a receipt": DeviceFault(weight=3, begin=_job(_paper_ends)),
        "web server down": DeviceFault(weight=3, begin=_server_down, lasts_s=20),
        "register unplugged": DeviceFault(weight=3, begin=_unlinked, lasts_s=20),
        "no paper": DeviceFault(weight=2, begin=_no_paper, lasts_s=15),
    },
)
