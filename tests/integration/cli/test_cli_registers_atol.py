"""``kkt-adapter registers`` with an ATOL register: what a technician sees, and what is sent for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.cli import run

from kkt_adapter.cli.devices.registers import registers_app
from kkt_adapter.emulators.atol import AtolEmulator


@pytest.fixture
async def server() -> AsyncIterator[AtolEmulator]:
    emulator = AtolEmulator(login="till", password="secret", driver_version="10.10.7.0", firmware="5.16.0")
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()


@pytest.fixture
def config(tmp_path: Path, server: AtolEmulator) -> list[str]:
    file = tmp_path / "kkt-adapter.toml"
    file.write_text(
        f"""
        [[register]]
        id = "KKT-1"
        driver = "atol"
        address = "{server.address}"
        login = "till"
        password = "secret"
        device_id = "1"
        """
    )
    return ["--config", str(file), "--data-dir", str(tmp_path / "data")]


async def test_a_scan_names_the_server_and_queues_nothing(server: AtolEmulator) -> None:
    result = await asyncio.to_thread(run, registers_app, "scan", server.address)

    assert result.exit_code == 0
    assert "ATOL web server 1.0.4.0, driver 10.10.7.0" in result.output
    assert "login and password are needed" in result.output
    assert not server.device.jobs


async def test_show_tells_what_the_register_is(server: AtolEmulator, config: list[str]) -> None:
    result = await asyncio.to_thread(run, registers_app, "show", "KKT-1", *config)

    assert result.exit_code == 0
    assert server.machine.registration.fn_number in result.output
    assert "cash_counters" in result.output


async def test_a_test_judges_server_and_register(server: AtolEmulator, config: list[str]) -> None:
    server.server.settings["deleteRequestsAfter"] = 60
    server.device.ofd_channel = "none"
    result = await asyncio.to_thread(run, registers_app, "test", "KKT-1", *config)

    assert result.exit_code == 0
    for told in ("10.10.8", "5.17.0", "deleteRequestsAfter", "ofdChannel"):
        assert told in result.output
    assert not server.machine.printed
    assert server.machine.status().fd_number == 1, "nothing but its registration"

    printed = await asyncio.to_thread(run, registers_app, "test", "KKT-1", "--slip", "--yes", *config)
    assert printed.exit_code == 0
    assert len(server.machine.printed) == 1


async def test_what_keeps_a_register_from_working_is_named_with_its_remedy(
    server: AtolEmulator, config: list[str]
) -> None:
    server.device.licence = False
    server.set_link(False)
    result = await asyncio.to_thread(run, registers_app, "test", "KKT-1", *config)

    assert result.exit_code == 1
    assert "licence" in result.output
    assert "cable" in result.output, "code 2 with what to do"


async def test_several_registers_want_a_device_id(tmp_path: Path) -> None:
    emulator = AtolEmulator(registers=2)
    await emulator.start()
    try:
        file = tmp_path / "kkt-adapter.toml"
        file.write_text(f'[[register]]\nid = "K"\ndriver = "atol"\naddress = "{emulator.address}"\n')
        at = ["--config", str(file), "--data-dir", str(tmp_path / "data")]
        result = await asyncio.to_thread(run, registers_app, "test", "K", *at)
    finally:
        await emulator.stop()

    assert result.exit_code == 1
    assert "set device_id" in result.output
