"""Back offices in the file and in the environment; what is refused names the setting and no secret."""

from pathlib import Path
from typing import Any

import pytest

from kkt_adapter.fiscal.heartbeat.settings import Auth, BackOfficeSettings, Profile
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import load_settings


def load(tmp_path: Path, text: str = "", **environment: str) -> tuple[BackOfficeSettings, ...]:
    file = tmp_path / "kkt-adapter.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(environment=environment, file=file).back_offices


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path) == ()


def test_tables_of_the_file_become_back_offices(tmp_path: Path) -> None:
    first, second, third = load(
        tmp_path,
        """
        [[back_office]]
        name = "odoo"
        url = "https://odoo.example"
        token_env = "ODOO_TOKEN"
        interval = 60
        [[back_office]]
        name = "base-1c"
        url = "https://1c.example/shop/hs/kkt/heartbeat"
        profile = "onec"
        user = "kkt"
        password = "p"
        enabled = false
        [[back_office]]
        name = "hook"
        url = "http://127.0.0.1:9000/in?shop=12"
        profile = "webhook"
        secret = "s"
        """,
        ODOO_TOKEN="t",
    )
    assert first.address == ("https://odoo.example", "/api/v1/kkt/heartbeat")
    assert (first.sign_in, first.interval_s, first.timeout_s) == (Auth.BEARER, 60.0, 5.0)
    assert first.token is not None
    assert first.token.get_secret_value() == "t"
    assert (second.profile, second.sign_in, second.enabled) == (Profile.ONEC, Auth.BASIC, False)
    assert second.address == ("https://1c.example", "/shop/hs/kkt/heartbeat")
    assert third.sign_in is Auth.HMAC
    assert third.address == ("http://127.0.0.1:9000", "/in?shop=12")


def test_the_environment_alone_names_one_odoo(tmp_path: Path) -> None:
    (only,) = load(
        tmp_path,
        HEARTBEAT_URL="http://localhost:8069/api/v1/kkt/heartbeat",
        HEARTBEAT_INTERVAL="15",
        HEARTBEAT_TIMEOUT="2.5",
        HEARTBEAT_TOKEN="t",
    )
    assert (only.name, only.profile, only.sign_in) == ("heartbeat", Profile.ODOO, Auth.BEARER)
    assert (only.interval_s, only.timeout_s) == (15.0, 2.5)
    assert only.address == ("http://localhost:8069", "/api/v1/kkt/heartbeat")


def test_a_url_without_a_token_is_called_without_one(tmp_path: Path) -> None:
    (only,) = load(tmp_path, HEARTBEAT_URL="http://127.0.0.1:8069")
    assert only.sign_in is Auth.NONE


def test_the_one_of_the_environment_stands_beside_those_of_the_file(tmp_path: Path) -> None:
    text = '[[back_office]]\nname = "hook"\nurl = "https://x.example/"\nprofile = "webhook"\n'
    names = [office.name for office in load(tmp_path, text, HEARTBEAT_URL="https://odoo.example")]
    assert names == ["hook", "heartbeat"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://odoo.example"}, "https"),
        ({"url": "http://10.0.0.5"}, "https"),
        ({"url": "ftp://odoo.example"}, "http or https"),
        ({"url": "odoo.example"}, "http or https"),
        ({"url": "https://"}, "http or https"),
        ({"url": "https://x.example:port"}, "http or https"),
        ({"url": "https://user:SECRET@odoo.example"}, "credentials"),
        ({"url": "https://odoo.example/?access_token=SECRET"}, "credentials"),
        ({"auth": "bearer"}, "token"),
        ({"auth": "basic", "user": "u"}, "password"),
        ({"auth": "basic", "password": "SECRET"}, "user"),
        ({"auth": "hmac"}, "secret"),
        ({"token": "SECRET", "token_file": "/run/token"}, "not both"),
        ({"token_env": "NOT_SET"}, "NOT_SET"),
        ({"name": "two words"}, "name"),
        ({"interval_s": 0}, "interval"),
        ({"profile": "sap"}, "profile"),
        ({"passwort": "SECRET"}, "passwort"),
        ({"password": ["SECRET"]}, "password"),
    ],
)
def test_what_cannot_work_stops_the_start_and_says_why(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    table = {"name": "odoo", "url": "https://odoo.example"} | given
    lines = [
        f"{key} = {value if isinstance(value, int | list) else repr(value)}" for key, value in table.items()
    ]
    with pytest.raises(SettingsInvalid) as refused:
        load(tmp_path, "[[back_office]]\n" + "\n".join(lines))
    assert said in refused.value.detail.en
    assert refused.value.detail.ru
    assert "SECRET" not in refused.value.detail.en + refused.value.detail.ru


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    table = '[[back_office]]\nname = "odoo"\nurl = "https://odoo.example"\n'
    with pytest.raises(SettingsInvalid, match="odoo"):
        load(tmp_path, table * 2)


def test_http_beyond_this_machine_must_be_wanted(tmp_path: Path) -> None:
    table = '[[back_office]]\nname = "odoo"\nurl = "http://10.0.0.5"\nallow_insecure = true\n'
    assert len(load(tmp_path, table)) == 1
    assert len(load(tmp_path, HEARTBEAT_URL="http://10.0.0.5", HEARTBEAT_ALLOW_INSECURE="true")) == 1
    with pytest.raises(SettingsInvalid, match="https"):
        load(tmp_path, HEARTBEAT_URL="http://10.0.0.5")
