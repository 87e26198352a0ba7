"""``kkt-adapter registers`` against an emulated device."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.cli import run
from tests.support.product import TILL, product

from kkt_adapter.cli.devices.registers import registers_app
from kkt_adapter.emulators.shtrih import ShtrihEmulator
from kkt_adapter.emulators.shtrih.tables import SETTINGS, TAX_ACCRUAL


@pytest.fixture
async def device() -> AsyncIterator[ShtrihEmulator]:
    emulator = ShtrihEmulator()
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
def config(tmp_path: Path, device: ShtrihEmulator) -> list[str]:
    file = tmp_path / "kkt-adapter.toml"
    file.write_text(f'[[register]]\nid = "KKT-1"\ndriver = "shtrih"\naddress = "{device.address}"\n')
    return ["--config", str(file), "--data-dir", str(tmp_path / "var")]


def add_setting(config: list[str], setting: str) -> None:
    file = Path(config[1])
    file.write_text(f"{file.read_text()}{setting}\n")


async def test_a_scan_names_what_answers_and_asks_nothing_else(device: ShtrihEmulator) -> None:
    result = await asyncio.to_thread(run, registers_app, "scan", device.address)

    assert result.exit_code == 0
    assert "ЭМУЛЯТОР ШТРИХ-М" in result.stdout
    assert [done.command for done in device.device.executed] == ["fc"]


async def test_a_scan_that_finds_nothing_says_so(device: ShtrihEmulator) -> None:
    address = device.address
    await device.set_down(True)
    result = await asyncio.to_thread(run, registers_app, "scan", address)
    await device.set_down(False)

    assert result.exit_code == 1


async def test_show_tells_what_the_device_can_do(device: ShtrihEmulator, config: list[str]) -> None:
    result = await asyncio.to_thread(run, registers_app, "show", "KKT-1", "--json", *config)

    told = json.loads(result.stdout)
    assert told["FN"] == device.machine.registration.fn_number
    assert "marking" in told["can"]
    assert told["rates that cannot be used"] == []


async def test_a_test_prints_nothing_unless_it_is_asked_to(device: ShtrihEmulator, config: list[str]) -> None:
    result = await asyncio.to_thread(run, registers_app, "test", "KKT-1", *config)

    assert result.exit_code == 0
    assert "field 71" in result.stdout
    assert not {done.command for done in device.device.executed} & {"17", "8d", "ff46"}

    result = await asyncio.to_thread(run, registers_app, "test", "KKT-1", "--slip", "--yes", *config)
    assert result.exit_code == 0
    assert "17" in {done.command for done in device.device.executed}
    assert device.machine.status().fd_number == 1, "no fiscal document"


async def test_a_device_that_would_print_zero_tax_is_bad(device: ShtrihEmulator, config: list[str]) -> None:
    device.machine.tables.fields[SETTINGS, 1, TAX_ACCRUAL].value = 1
    result = await asyncio.to_thread(run, registers_app, "test", "KKT-1", *config)

    assert result.exit_code == 1
    assert "tax accrual" in result.stdout


async def test_a_wrong_password_is_asked_once(device: ShtrihEmulator, config: list[str]) -> None:
    add_setting(config, "admin_password = 4711")
    result = await asyncio.to_thread(run, registers_app, "test", "KKT-1", *config)

    assert result.exit_code == 1
    assert "4Fh" in result.stdout
    assert [done.error for done in device.device.executed].count(0x4F) == 1


async def test_show_tells_what_receipts_have_cost_whatever_the_register_is(tmp_path: Path) -> None:
    """A virtual register, and a service that is at work: no device is asked."""
    async with product(tmp_path) as running:
        await running.sell(3)
        file = tmp_path / "kkt-adapter.toml"
        file.write_text(
            f'data_dir = "{running.services.settings.data_dir}"\n'
            f'[[register]]\nid = "{TILL}"\ndriver = "virtual"\n'
        )
        told = await asyncio.to_thread(run, registers_app, "show", TILL, "--config", str(file))
        as_json = await asyncio.to_thread(run, registers_app, "show", TILL, "--json", "--config", str(file))

    assert told.exit_code == 0, told.stdout
    assert "receipt at the device" in told.stdout
    assert "fiscalize" in told.stdout
    times = json.loads(as_json.stdout)["times"]
    assert times["receipt"]["count"] == 3
    assert [command["command"] for command in times["commands"]] == ["fiscalize"]


async def test_the_clock_is_shown_and_set_with_the_shift_closed(
    device: ShtrihEmulator, config: list[str]
) -> None:
    device.machine.set_wall(device.machine.now() + timedelta(hours=1, minutes=30))
    shown = await asyncio.to_thread(run, registers_app, "clock", "KKT-1", *config)
    assert shown.exit_code == 0
    apart_s = int(shown.stdout.rpartition(":")[2].split()[0])
    assert abs(apart_s) >= 5000, "hours apart, whatever the host's zone"

    told = await asyncio.to_thread(run, registers_app, "clock", "KKT-1", "--set", "--yes", *config)
    assert told.exit_code == 0, told.stdout
    after = await asyncio.to_thread(run, registers_app, "clock", "KKT-1", *config)
    assert abs(int(after.stdout.rpartition(":")[2].split()[0])) < 60

    device.machine.open_shift(30)
    refused = await asyncio.to_thread(run, registers_app, "clock", "KKT-1", "--set", "--yes", *config)
    assert refused.exit_code == 1
    assert "Z" in refused.stdout + refused.stderr
