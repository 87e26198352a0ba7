"""All bad settings are named at once; a misspelt variable is told; addresses have one rule."""

from pathlib import Path

import pytest

from kkt_adapter.kernel.addresses import address_fault, within
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import load_settings
from kkt_adapter.settings.loading import unknown_variables, unread_variables


def refused(environment: dict[str, str] | None = None, file: Path | None = None) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(environment=environment or {}, file=file)
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kkt-adapter.toml"


def test_every_bad_setting_has_its_line(file: Path) -> None:
    file.write_text(
        "port = 70000\nno_such = 1\n[sign_in]\ntoken_minutes = 0\n[catalog]\nconcurrency = 99\n"
        '[[register]]\nid = "A"\ndriver = "virtual"\nvat = "99"\n'
    )
    told = refused({"KKT_BREAKER_OPEN": "x", "KKT_RETENTION_DAY": "7"}, file)
    for name in ("port", "no_such", "AUTH_TOKEN_MINUTES", "SYNC_CONCURRENCY", "KKT_BREAKER_OPEN", "A: vat"):
        assert name in told.detail.en, name
        assert name in told.detail.ru, name
    assert "KKT_RETENTION_DAY: did you mean KKT_RETENTION_DAYS?" in told.detail.en
    assert len(told.detail.en.splitlines()) == 7


def test_a_wrong_value_hides_no_setting_that_does_not_go_together_with_others() -> None:
    told = refused({"KKT_PORT": "x", "OFD_HOST": "ofd", "REDIS_URL": "nothing", "KKT_LOG_LEVEL": "LOUD"})
    for name in ("KKT_PORT", "OFD_PORT", "REDIS_URL", "KKT_LOG_LEVEL"):
        assert name in told.detail.en, name


def test_variables_that_nothing_reads_are_listed_without_those_a_table_names(file: Path) -> None:
    file.write_text(
        '[[back_office]]\nname = "erp"\nurl = "https://erp.example"\ntoken_env = "KKT_ERP_TOKEN"\n'
    )
    environment = {"KKT_ERP_TOKEN": "x", "KKT_HOMEWORK": "1", "KKT_PORT": "1", "HOME": "/"}
    assert unread_variables(environment, file) == ("KKT_HOMEWORK",)


def test_settings_that_do_not_go_together_are_all_named() -> None:
    told = refused({"OFD_HOST": "ofd", "KKT_NOTIFY_TELEGRAM_TOKEN": "x", "REDIS_URL": "nothing"})
    assert len(told.detail.ru.splitlines()) == 3


@pytest.mark.parametrize(
    "line",
    [
        "port = true",
        "ofd_timeout_s = false",
        "host = true",
        '[[register]]\nid = "A"\ndriver = "virtual"\nsubject = true',
    ],
)
def test_true_is_no_number_and_no_text(file: Path, line: str) -> None:
    file.write_text(line)
    assert "True" in refused(file=file).detail.en or "False" in refused(file=file).detail.en


def test_true_is_true_where_that_is_asked(file: Path) -> None:
    file.write_text("virtual_fsync = false\nofd_mock_mode = true")
    settings = load_settings(environment={}, file=file)
    assert (settings.virtual_fsync, settings.ofd_mock_mode) == (False, True)


def test_a_file_may_begin_with_a_byte_order_mark(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfport = 1234\n")
    assert load_settings(environment={}, file=file).port == 1234


def test_variables_of_other_programs_and_orchestrators_stop_nothing() -> None:
    environment = {"KKT_ADAPTER_PORT": "tcp://10.0.0.1:8000", "KKT_PORT_8000_TCP": "x", "KKT_DAYS": "3"}
    load_settings(environment=environment)
    assert set(unknown_variables(environment)) == set(environment)


def test_a_variable_that_a_table_names_is_known(file: Path) -> None:
    file.write_text('[[back_office]]\nname = "erp"\nurl = "https://erp.example"\ntoken_env = "KKT_TOKENS"\n')
    load_settings(environment={"KKT_TOKENS": "t"}, file=file)


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://ofd.example", False),
        ("https://ofd.example:8443/api?shop=1", False),
        ("http://127.0.0.1:8080", False),
        ("http://localhost", False),
        ("http://ofd.example", True),
        ("http://10.0.0.7", True),
        ("https://user:pw@ofd.example", True),
        ("https://ofd.example/?access_token=1", True),
        ("https://ofd.example/#x", True),
        ("ftp://ofd.example", True),
        ("https://", True),
        ("https://ofd.example:99999", True),
        ("https://[::1", True),
    ],
)
def test_one_rule_for_all_addresses(address: str, wrong: bool) -> None:
    assert (address_fault(address) is not None) is wrong
    assert ("OFD_BASE_URL" in str(_told({"OFD_BASE_URL": address}))) is wrong
    assert ("KKT_NOTIFY_TELEGRAM_URL" in str(_told({"KKT_NOTIFY_TELEGRAM_URL": address}))) is wrong


def test_a_refused_address_is_not_repeated() -> None:
    assert "pw" not in str(_told({"OFD_BASE_URL": "https://user:pw@ofd.example"}))


def test_plain_http_can_be_permitted_and_webhooks_may_have_their_key_in_the_query() -> None:
    load_settings(environment={"OFD_BASE_URL": "http://10.0.0.7", "OFD_ALLOW_INSECURE": "true"})
    load_settings(environment={"KKT_NOTIFY_URL": "https://chat.example/hook?key=1&token=2"})


@pytest.mark.parametrize(
    ("environment", "is_open"),
    [
        ({}, True),
        ({"KKT_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"}, False),
        ({"KKT_HOST": "0.0.0.0"}, False),
    ],
)
def test_behind_a_proxy_auto_is_closed(environment: dict[str, str], is_open: bool) -> None:
    assert load_settings(environment=environment).auth_open is is_open


def test_a_proxy_is_an_address_and_goes_not_with_open() -> None:
    assert "trusted_proxies" in refused({"KKT_TRUSTED_PROXIES": "nginx"}).detail.en
    assert "auth" in refused({"KKT_TRUSTED_PROXIES": "127.0.0.1", "KKT_AUTH": "open"}).detail.ru


def test_networks_of_addresses() -> None:
    inside = within(("10.0.0.0/8", "::1"))
    assert [inside(one) for one in ("10.1.2.3", "::1", "11.0.0.1", "nginx", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def _told(environment: dict[str, str]) -> object:
    try:
        load_settings(environment=environment)
    except SettingsInvalid as error:
        return error.detail
    return ""
