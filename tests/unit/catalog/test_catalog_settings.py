"""A value outside its rule stops the start with one line."""

import pytest

from kkt_adapter.catalog.settings import AuthScheme, CatalogSettings, read_settings
from kkt_adapter.kernel.errors import SettingsInvalid

READY = {"G2A_CLIENT_ID": "id", "G2A_CLIENT_SECRET": "s3cret-value", "G2A_EMAIL": "shop@example.com"}


def test_the_defaults_are_those_of_the_reference() -> None:
    settings = read_settings({})
    assert (settings.schedule_hour, settings.schedule_minute, settings.misfire_grace_s) == (2, 0, 21_600)
    assert (settings.concurrency, settings.requests_per_minute, settings.max_attempts) == (8, 540, 5)
    assert (settings.request_timeout_s, settings.run_timeout_s, settings.resume_max_age_s) == (
        20,
        3_600,
        21_600,
    )
    assert (settings.sweep_limit_percent, settings.include_out_of_stock, settings.page_ceiling) == (
        20,
        True,
        0,
    )
    assert str(settings.log_file) == "logs/product_sync_scheduler.log"
    assert (settings.history_days, settings.public_read) == (400, False)
    assert settings.effective_token_url == "https://api.g2a.com/oauth/token"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SYNC_SCHEDULE_HOUR", "24", "0-23"),
        ("SYNC_SCHEDULE_HOUR", "-1", "0-23"),
        ("SYNC_SCHEDULE_HOUR", "two", "0-23"),
        ("SYNC_SCHEDULE_HOUR", "2.5", "0-23"),
        ("SYNC_SCHEDULE_HOUR", "", "0-23"),
        ("SYNC_SCHEDULE_MINUTE", "60", "0-59"),
        ("SYNC_CONCURRENCY", "0", "1-32"),
        ("SYNC_CONCURRENCY", "33", "1-32"),
        ("SYNC_REQUESTS_PER_MINUTE", "-1", "0-100000"),
        ("SYNC_MAX_ATTEMPTS", "0", "1-20"),
        ("SYNC_REQUEST_TIMEOUT_S", "0", "above 0"),
        ("SYNC_SWEEP_LIMIT_PERCENT", "101", "0-100"),
        ("SYNC_INCLUDE_OUT_OF_STOCK", "perhaps", "true or false"),
        ("G2A_AUTH", "magic", "pair or bearer"),
    ],
)
def test_a_wrong_value_is_named_with_its_range(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({name: value})
    text = str(caught.value)
    assert text.startswith(f"{name}={value}: ")
    assert allowed in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "address",
    [
        "http://api.g2a.com",
        "ftp://api.g2a.com",
        "api.g2a.com",
        "https://api.g2a.com/v1",
        "https://me:pw-1@x.com",
    ],
)
def test_an_unsafe_address_stops_the_start(address: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({"G2A_BASE_URL": address})
    assert str(caught.value).startswith("G2A_BASE_URL")
    assert "pw-1" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "https://x.com"]
)
def test_plain_http_is_for_this_machine(address: str) -> None:
    assert read_settings({"G2A_BASE_URL": address}).base_url == address


def test_a_source_needs_its_credentials() -> None:
    assert not read_settings({}).source_configured
    assert read_settings(READY).source_configured
    assert read_settings(READY | {"G2A_EMAIL": ""}).missing_for_sync == ("G2A_EMAIL",)
    bearer = read_settings(READY | {"G2A_EMAIL": "", "G2A_AUTH": "bearer"})
    assert bearer.auth is AuthScheme.BEARER
    assert bearer.source_configured


def test_a_secret_does_not_show_itself() -> None:
    assert "s3cret-value" not in repr(read_settings(READY))


def test_fields_answer_to_both_names() -> None:
    assert CatalogSettings(concurrency=4).concurrency == read_settings({"SYNC_CONCURRENCY": "4"}).concurrency
