"""Settings of registers that are real: address, passwords, transport, and what a driver must be able to."""

from pathlib import Path
from typing import Any

import pytest

from kkt_adapter.bootstrap.requirements import missing_capabilities
from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import RegisterSettings, Settings, Transport, load_settings

ADDRESS = "tcp://192.168.137.111:7778"


def loaded(environment: dict[str, str] | None = None, **register: Any) -> Settings:
    table = {"id": "KKT-1", "driver": "shtrih", "address": ADDRESS} | register
    return load_settings(environment=environment or {}, file=None, overrides={"registers": [table]})


def from_file(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> RegisterSettings:
    file = tmp_path / "kkt-adapter.toml"
    file.write_text(f'[[register]]\nid = "KKT-1"\ndriver = "shtrih"\naddress = "{ADDRESS}"\n{text}')
    return load_settings(environment=environment or {}, file=file).registers[0]


@pytest.mark.parametrize(
    "address", [ADDRESS, "tcp://[::1]:7778", "serial:///dev/ttyUSB0?baudrate=115200", "serial:///dev/ttyACM0"]
)
def test_a_device_has_an_address(address: str) -> None:
    assert loaded(address=address).registers[0].address == address


@pytest.mark.parametrize(
    "address", ["", "192.168.137.111", "tcp://192.168.137.111", "http://kkt:7778", "serial://", "tcp://:7778"]
)
def test_an_address_that_is_none_stops_the_start(address: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"KKT-1.*tcp://192"):
        loaded(address=address)


def test_a_virtual_register_has_no_address() -> None:
    with pytest.raises(SettingsInvalid, match="virtual register has none"):
        loaded(driver="virtual")


def test_a_real_register_delivers_by_itself_unless_told_otherwise() -> None:
    register = loaded().registers[0]

    assert register.transport_or(Transport.RELAY) is Transport.DEVICE
    assert loaded(ofd_transport="relay").registers[0].transport_or(Transport.DEVICE) is Transport.RELAY


def test_passwords_come_from_the_table_a_file_or_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("4711\n")

    def password(text: str, **environment: str) -> str | None:
        found = from_file(tmp_path, text, environment).password
        return None if found is None else found.get_secret_value()

    assert password("") is None
    assert password("password = 7") == "7"
    assert password(f'password_file = "{secret}"') == "4711"
    assert password('password_env = "TILL_1"', TILL_1="12") == "12"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('password = 7\npassword_env = "TILL_1"', "one of them is enough"),
        ('password_env = "TILL_1"', "holds no password"),
        ('password_file = "/nowhere/password"', "cannot be read"),
    ],
)
def test_a_password_that_cannot_be_had_stops_the_start(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        from_file(tmp_path, text)


@pytest.mark.parametrize(
    ("changes", "transport", "setting", "capability"),
    [
        ({}, Transport.RELAY, "ofd_transport = relay", Capability.RELAY),
        ({}, Transport.HTTP, "ofd_transport = http", Capability.NO_QUEUE),
        ({"marked_goods": True}, Transport.DEVICE, "marked_goods = true", Capability.MARKING),
    ],
)
def test_a_setting_that_needs_what_the_driver_lacks_is_named(
    changes: dict[str, Any], transport: Transport, setting: str, capability: Capability
) -> None:
    register = loaded(**changes).registers[0]

    (missing,) = missing_capabilities(register, transport, frozenset(Capability) - {capability})

    assert missing.en.startswith(setting)
    assert "KKT-1" in missing.en
    assert str(capability) in missing.en
    assert missing_capabilities(register, transport, frozenset({capability})) == []
