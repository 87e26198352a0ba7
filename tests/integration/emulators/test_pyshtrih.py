"""An unrelated client drives the Shtrih-M emulator: pyshtrih, unchanged, over a pseudo terminal.

It is of 2018: sales with 80h and 85h, no FF46. What it makes must be whole fiscal documents all the same.
"""

import asyncio
from pathlib import Path
from typing import Any

import pyshtrih

from kkt_adapter.emulators.shtrih import Model, ShtrihEmulator, ShtrihFault, ShtrihFaultMode
from kkt_adapter.fiscal.model import DocumentCode

SERIAL_TIMEOUT_S = 10  # its own is 3


def a_day(path: str) -> dict[str, Any]:
    """A till's day; runs in a thread, because this client blocks."""
    register = pyshtrih.ShtrihFR01F(
        port=path, baudrate=115200, timeout=SERIAL_TIMEOUT_S, password=1, admin_password=30
    )
    register.connect()
    try:
        told: dict[str, Any] = {"name": register.name, "before": register.full_state().params}
        register.open_shift()
        register.sale(("Молоко", 2000, 6000), tax1=1)
        register.close_check(cash=20_000)
        register.open_check(2)
        register.return_sale(("Молоко", 1000, 6000), tax1=1)
        register.close_check(payment_type2=6_000)
        register.open_check(0)
        register.sale(("Хлеб", 1000, 5000), tax1=2)
        register.cancel_check()
        told["fn"] = register.fs_state().params
        register.income(100_000)
        register.x_report()
        register.z_report()
        told["after"] = register.full_state().params
        return told
    finally:
        register.disconnect()


async def test_a_client_of_another_hand_works_through_its_day(tmp_path: Path) -> None:
    emulator = ShtrihEmulator(port=None, pty=tmp_path / "tty")
    await emulator.start()
    emulator.set_faults(
        ShtrihFault(mode=ShtrihFaultMode.NAK, command="80"),
        ShtrihFault(mode=ShtrihFaultMode.BAD_LRC, command="85"),
    )
    try:
        told = await asyncio.to_thread(a_day, str(tmp_path / "tty"))

        fn = emulator.machine.fn
        last = emulator.machine.status().fd_number
        made = [fn.document(number) for number in range(1, last + 1)]
    finally:
        await emulator.stop()
    assert told["name"] == "ЭМУЛЯТОР ШТРИХ-М"
    assert [(d.code, d.operation, d.total_kop) for d in made if d is not None] == [
        (DocumentCode.REGISTRATION, None, None),
        (DocumentCode.OPEN_SHIFT, None, None),
        (DocumentCode.RECEIPT, 1, 12_000),
        (DocumentCode.RECEIPT, 2, 6_000),
        (DocumentCode.CLOSE_SHIFT, None, None),
    ]
    assert emulator.machine.counters.cash_ins == 1


async def test_it_survives_the_noise_of_some_devices(tmp_path: Path) -> None:
    """One FFh after each acknowledgement costs this client its time-out, so it gets a short one here."""
    emulator = ShtrihEmulator(port=None, pty=tmp_path / "tty", model=Model(noise=True))
    await emulator.start()

    def look() -> Any:
        register = pyshtrih.ShtrihFR01F(port=str(tmp_path / "tty"), baudrate=115200, timeout=0.3)
        register.connect()
        try:
            register.state()
            return register.fs_state().params
        finally:
            register.disconnect()

    try:
        told = await asyncio.to_thread(look)
    finally:
        await emulator.stop()
    assert emulator.device.executed[-1].command == "ff01"
    assert told
