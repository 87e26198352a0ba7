"""The file, the environment over it, the command line over both; a wrong value stops the start."""

from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import Transport, load_settings


def refused(environment: dict[str, str] | None = None, file: Path | None = None) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(environment=environment or {}, file=file)
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kkt-adapter.toml"


def test_without_anything_the_defaults_hold():
    settings = load_settings(environment={})
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path("var"))
    assert settings.ofd_transport is Transport.RELAY
    assert settings.auth_open


def test_environment_goes_over_the_file_and_the_command_line_over_both(file: Path):
    file.write_text('port = 1001\nhost = "127.0.0.2"\ncapacity = 60\n')
    settings = load_settings(
        environment={"KKT_PORT": "1002", "KKT_HOST": "127.0.0.3"},
        file=file,
        overrides={"port": 1003, "host": None},
    )
    assert (settings.port, settings.host, settings.capacity) == (1003, "127.0.0.3", 60)


def test_empty_variable_is_not_given():
    assert load_settings(environment={"KKT_PORT": "", "OFD_HOST": ""}).port == 8000


@pytest.mark.parametrize(
    ("variable", "value", "en", "ru"),
    [
        (
            "KKT_PORT",
            "abc",
            "port (KKT_PORT) = 'abc': allowed is a whole number from 0 to 65535",
            "целое число от 0",
        ),
        ("KKT_PORT", "70000", "a whole number from 0 to 65535", "допустимо целое число от 0 до 65535"),
        (
            "OFD_TIMEOUT",
            "0",
            "ofd_timeout_s (OFD_TIMEOUT) = '0': allowed is a number above 0 to 600",
            "число больше 0",
        ),
        ("OFD_TIMEOUT", "nan", "a number above", "число больше"),
        ("OFD_TRANSPORT", "pigeon", "allowed is relay, device or http", "допустимо relay, device или http"),
        ("KKT_VIRTUAL_FSYNC", "maybe", "allowed is true or false", "допустимо true или false"),
        ("KKT_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR", "DEBUG, INFO, WARNING или ERROR"),
        ("KKT_BUFFER_CAPACITY", "10", "allowed is 50 or more, or 0", "допустимо 50 и больше или 0"),
        ("KKT_BUFFER_CAPACITY", "-1", "a whole number from 0", "целое число от 0"),
        ("KKT_ADAPTER_ID", "a b", "text of the form", "текст вида"),
        ("SYNC_SCHEDULE_HOUR", "24", "SYNC_SCHEDULE_HOUR=24", "0-23"),
        ("G2A_BASE_URL", "http://example.com", "use https", "используйте https"),
        ("G2A_BASE_URL", "https://[x", "G2A_BASE_URL=https://[x", "допустим адрес https"),
        ("AUTH_TOKEN_MINUTES", "0", "1-1440", "1-1440"),
        ("REDIS_URL", "http://lock", "redis_url (REDIS_URL)", "redis://"),
        ("REDIS_URL", "redis://lock:port", "redis_url (REDIS_URL)", "redis://"),
        ("OFD_BASE_URL", "ofd.example", "ofd_base_url (OFD_BASE_URL)", "адрес http или https"),
        ("OFD_BASE_URL", "https://", "ofd_base_url (OFD_BASE_URL)", "адрес http или https"),
        ("KKT_NOTIFY_URL", "ftp://x", "notify_url (KKT_NOTIFY_URL)", "адрес http или https"),
    ],
)
def test_wrong_value_is_named_with_what_is_allowed_in_both_languages(
    variable: str, value: str, en: str, ru: str
):
    error = refused({variable: value})
    assert en in error.detail.en
    assert ru in error.detail.ru
    assert "\n" not in error.detail.en


@pytest.mark.parametrize(
    ("environment", "missing"),
    [({"OFD_HOST": "ofd.example"}, "ofd_port"), ({"OFD_PORT": "7777"}, "ofd_host")],
)
def test_half_an_operators_address_is_refused_instead_of_passed_over(
    environment: dict[str, str], missing: str
):
    assert f"{missing} is missing" in refused(environment).detail.en


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colour = "red"', "unknown setting colour"),
        (
            '[[register]]\nid = "K1"\ndriver = "virtual"\ncolour = 1',
            "unknown setting [[register]] K1: colour",
        ),
        ('[[register]]\nid = "K1"', "setting [[register]] K1: driver is missing"),
        ('[[register]]\ndriver = "virtual"', "setting [[register]] 1: id is missing"),
        (
            '[[register]]\nid = "K1"\ndriver = "mercury"',
            "[[register]] K1: driver = 'mercury': allowed is virtual",
        ),
        (
            '[[register]]\nid = "K1"\ndriver = "virtual"\nmethod = 9',
            "method = 9: allowed is a whole number from 1 to 7",
        ),
        ('[[register]]\nid = "K1"\ndriver = "virtual"\nofd_port = 0', "a whole number from 1 to 65535"),
        (
            '[[register]]\nid = "K1"\ndriver = "virtual"\ntimezone = "Mars/Base"',
            "a zone name such as Europe/Moscow",
        ),
        ("register = 5", "setting [[register]] = 5: allowed is a table"),
        ('[[registers]]\nid = "K1"', "unknown setting registers"),
        ("[catalog]\nfoo = 1", "unknown setting 'foo'"),
        ("[sign_in]\nfoo = 1", "unknown setting 'foo'"),
        ("catalog = 1", "catalog"),
        ("port = ", "is not TOML"),
    ],
)
def test_wrong_file_is_refused_with_the_place(file: Path, text: str, said: str):
    file.write_text(text)
    assert said in refused(file=file).detail.en


def test_till_at_two_registers_and_two_registers_of_one_name_are_refused(file: Path):
    row = '[[register]]\nid = "{}"\ndriver = "virtual"\npos_ids = ["{}"]\n'
    file.write_text(row.format("K1", "A") + row.format("K2", "A"))
    assert "till A prints on two registers" in refused(file=file).detail.en
    file.write_text(row.format("K1", "A") + row.format("K1", "B"))
    assert "two registers are called K1" in refused(file=file).detail.en


def test_till_whose_name_no_document_can_hold_is_refused_with_the_letter(file: Path):
    file.write_text('[[register]]\nid = "K1"\ndriver = "virtual"\npos_ids = ["касса 😀"]\n')
    found = refused(file=file).detail
    assert "[[register]] K1" in found.en
    assert "U+1F600" in found.en
    assert "U+1F600" in found.ru


def test_file_that_is_not_there_is_named(tmp_path: Path):
    assert "nope.toml" in refused({"KKT_CONFIG": str(tmp_path / "nope.toml")}).detail.en


@pytest.mark.parametrize(
    "environment",
    [
        {"HEARTBEAT_TOKEN": "hush-hush", "HEARTBEAT_URL": "ftp://x"},
        {"AUTH_SECRET": "hush-hush", "AUTH_TOKEN_MINUTES": "x"},
        {"OFD_BASE_URL": "ftp://user:hush-hush@x"},
        {"REDIS_URL": "http://user:hush-hush@x"},
        {"G2A_CLIENT_SECRET": "hush-hush", "G2A_BASE_URL": "ftp://x"},
    ],
)
def test_no_secret_is_repeated(environment: dict[str, str]):
    error = refused(environment)
    assert "hush" not in error.detail.en + error.detail.ru


def test_auth_open_off_loopback_is_refused():
    assert "KKT_AUTH" in refused({"KKT_HOST": "0.0.0.0", "KKT_AUTH": "open"}).detail.en
    assert not load_settings(environment={"KKT_HOST": "0.0.0.0"}).auth_open
