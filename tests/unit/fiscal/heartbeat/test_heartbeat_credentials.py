"""Who calls: bearer, basic, and signatures that another implementation accepts."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.erp import office

from kkt_adapter.emulators.erp.sign_in import OfficeSignIn
from kkt_adapter.fiscal.heartbeat.credentials import Credentials, signature
from kkt_adapter.kernel.errors import SettingsInvalid

BODY = '{"kind":"sale","ы":1}'.encode()
NOW = 1_772_442_000


async def headers(**given: Any) -> dict[str, str]:
    settings = office("https://erp.example", **given)
    return await Credentials(settings).headers(call_id="msg-1", timestamp=NOW, body=BODY)


async def test_nothing_given_nothing_sent() -> None:
    assert await headers() == {}


async def test_a_token_is_sent_as_bearer() -> None:
    assert await headers(token="t0p") == {"Authorization": "Bearer t0p"}


async def test_basic_sign_in_is_utf8() -> None:
    sent = await headers(user="Кассир", password="пароль", profile="onec")
    assert OfficeSignIn(basic=(("x", "y"),)).admits(sent, BODY, now=NOW) is False
    assert sent == {"Authorization": "Basic 0JrQsNGB0YHQuNGAOtC/0LDRgNC+0LvRjA=="}


async def test_a_signature_holds_for_this_body_time_and_id_alone() -> None:
    sent = await headers(secret="s1", profile="webhook")
    good = OfficeSignIn(secrets=("s1",))
    assert good.admits(sent, BODY, now=NOW + 5)
    assert not good.admits(sent, BODY + b" ", now=NOW)
    assert not good.admits(sent | {"webhook-id": "msg-2"}, BODY, now=NOW)
    assert not good.admits(sent | {"webhook-timestamp": str(NOW + 1)}, BODY, now=NOW)
    assert not good.admits(sent, BODY, now=NOW + 600)
    assert not OfficeSignIn(secrets=("s2",)).admits(sent, BODY, now=NOW)


async def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    sent = await headers(secret="new", previous_secret="old")
    assert sent["webhook-signature"].count("v1,") == 2
    for known in ("new", "old"):
        assert OfficeSignIn(secrets=(known,)).admits(sent, BODY, now=NOW)


def test_a_published_example_of_the_form_is_reproduced() -> None:
    """The worked example of the Standard Webhooks specification, "Signature scheme"."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_only_looks_encoded_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="base64"):
        signature("whsec_кто", "m", 1, b"")


async def test_a_token_in_a_file_is_read_at_each_call(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    credentials = Credentials(office("https://erp.example", token_file=file))
    seen = []
    for text in ("one\n", "two"):
        file.write_text(text)
        sent = await credentials.headers(call_id="m", timestamp=NOW, body=b"")
        seen.append(sent["Authorization"])
    assert seen == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("content", [b"", b" \n", b"x" * 5000, "токен".encode()])
async def test_a_file_without_a_usable_token_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingsInvalid, match="token"):
        await headers(token_file=file)


async def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await headers(token_file=tmp_path / "none")
