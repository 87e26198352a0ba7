from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.accounts import CHEAP, PASSWORD, SignInParts

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.auth.parts import build_auth
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.secret import FILE_NAME
from kkt_adapter.runtime.auth.settings import read_settings


def test_nothing_given_means_half_an_hour_and_a_made_secret() -> None:
    settings = read_settings({"PATH": "/bin"})
    assert settings.token_lifetime == timedelta(minutes=30)
    assert settings.secret.get_secret_value() == ""


@pytest.mark.parametrize("value", ["1", "1440", 60])
def test_minutes_within_the_range_are_taken(value: object) -> None:
    assert read_settings({"AUTH_TOKEN_MINUTES": value}).token_minutes == int(str(value))


@pytest.mark.parametrize("value", ["0", "1441", "-1", "2.5", "x", ""])
def test_minutes_outside_the_range_stop_the_start_with_one_line(value: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings({"AUTH_TOKEN_MINUTES": value})
    assert refused.value.detail.en == f"AUTH_TOKEN_MINUTES={value}: allowed is a whole number 1-1440"


def test_the_secret_is_not_shown_by_the_settings() -> None:
    assert "4f1c0f0e" not in repr(read_settings({"AUTH_SECRET": "4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c"}))


async def test_tokens_hold_after_a_restart_with_the_made_secret(tmp_path: Path, parts: SignInParts) -> None:
    settings = read_settings({"AUTH_TOKEN_MINUTES": "5"})

    async def sign_in() -> str:
        auth = build_auth(parts.db, settings, clock=parts.clock, data_dir=tmp_path, cost=CHEAP)
        signed_in = await auth.sign_in.login("olga", PASSWORD, address="127.0.0.1")
        auth.close()
        assert signed_in.token.expires_in_s == 300
        return signed_in.token.text

    await parts.accounts.add("olga", Role.MANAGER, password=PASSWORD)
    text = await sign_in()
    assert (tmp_path / FILE_NAME).exists()
    restarted = build_auth(parts.db, settings, clock=parts.clock, data_dir=tmp_path, cost=CHEAP)
    assert (await restarted.gate.admit(f"Bearer {text}")).role is Role.MANAGER
    restarted.close()
