"""``[[shop]]``: where its secret comes from, and what is refused."""

from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import Settings, load_settings

LONG = "a secret of sixteen"


def load(tmp_path: Path, row: str, **environment: str) -> Settings:
    file = tmp_path / "kkt-adapter.toml"
    file.write_text(f'[[shop]]\nid = "web"\nlogin = "shop"\ngroups = ["main"]\n{row}\n', encoding="utf-8")
    return load_settings(environment=environment, file=file)


def test_a_secret_comes_from_the_file_itself(tmp_path: Path) -> None:
    (one,) = load(tmp_path, f'secret = "{LONG}"').shop
    assert one.shop.has_secret(LONG)
    assert not one.shop.has_secret("another")
    assert LONG not in repr(one)


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{LONG}\n", encoding="utf-8")
    (one,) = load(tmp_path, f'secret_file = "{tmp_path / "key"}"').shop
    assert one.shop.has_secret(LONG)
    (two,) = load(tmp_path, 'secret_env = "WEB_SECRET"', WEB_SECRET=LONG).shop
    assert two.shop.has_secret(LONG)


def test_two_ways_at_once_are_two_valid_secrets(tmp_path: Path) -> None:
    row = f'secret = "{LONG}"\nsecret_env = "WEB_SECRET"'
    (one,) = load(tmp_path, row, WEB_SECRET="the next secret, long").shop
    assert one.shop.has_secret(LONG)
    assert one.shop.has_secret("the next secret, long")


def test_a_shop_names_groups_or_tills_that_are_there(tmp_path: Path) -> None:
    register = '[[register]]\nid = "K1"\ndriver = "virtual"\npos_ids = ["till-1"]\n'
    group = '[[group]]\nid = "main"\nregisters = ["K1"]\n'
    row = f'secret = "{LONG}"\n'
    assert load(tmp_path, f"{row}{register}{group}").shop[0].groups == ("main",)
    with pytest.raises(SettingsInvalid, match="no till main"):
        load(tmp_path, f"{row}{register}")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("", "secret, secret_file or secret_env"),
        ('secret = "short"', "at least 16 characters"),
        ('secret_env = "NOT_SET"', "holds no secret"),
        ('secret_file = "/nowhere/at/all"', "secret_file cannot be read"),
        (f'secret = "{LONG}"\nduplicate_http = 201', "400 or 200"),
        (f'secret = "{LONG}"\norigins = ["*"]', "https://host"),
        (f'secret = "{LONG}"\ncallback_hosts = ["https://shop.example/x"]', "host or host:port"),
        (f'secret = "{LONG}"\nwas = ["a b"]', "A-Z a-z 0-9"),
        (f'secret = "{LONG}"\ndoors = ["komtet"]', "atol-online"),
        (f'secret = "{LONG}"\ncolour = "red"', "unknown setting"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(tmp_path, row)
    assert said in caught.value.detail.en
    assert "short" not in caught.value.detail.en.replace("shorter", "")
