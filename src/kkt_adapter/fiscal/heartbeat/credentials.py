"""The headers that say who calls: bearer token, basic sign-in, or a signature.

A credential in a file is read before each call, so it can be changed without a restart. Signatures follow the
Standard Webhooks form: HMAC-SHA256 over ``id.timestamp.body``, base64, one ``v1,`` entry for each secret that
is good at the moment.
"""

import asyncio
import base64
import hashlib
import hmac
from pathlib import Path

from pydantic import SecretStr

from kkt_adapter.fiscal.heartbeat.settings import Auth, BackOfficeSettings
from kkt_adapter.kernel.errors import SettingsInvalid

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_PREFIX = "whsec_"  # noqa: S105  # what follows is base64; without it the text itself is the secret
LEAST_KEY_BYTES = 24  # Standard Webhooks, "Signature scheme": 24 to 64 random bytes
MAX_FILE_BYTES = 4096


class Credentials:
    """Of one back office. ``headers`` raises OSError or SettingsInvalid when a file cannot be used."""

    def __init__(self, settings: BackOfficeSettings) -> None:
        self._settings = settings

    async def headers(self, *, call_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """``timestamp`` is Unix seconds."""
        settings = self._settings
        match settings.sign_in:
            case Auth.BEARER:
                return {"Authorization": f"Bearer {await _read(settings.token, settings.token_file)}"}
            case Auth.BASIC:
                password = await _read(settings.password, settings.password_file)
                pair = f"{settings.user}:{password}".encode()  # UTF-8, RFC 7617
                return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
            case Auth.HMAC:
                secrets = [await _read(settings.secret, settings.secret_file)]
                if settings.has("previous_secret"):
                    secrets.append(await _read(settings.previous_secret, settings.previous_secret_file))
                return {
                    ID: call_id,
                    TIMESTAMP: str(timestamp),
                    SIGNATURE: " ".join(signature(s, call_id, timestamp, body) for s in secrets),
                }
            case Auth.NONE:
                return {}


def signature(secret: str, call_id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the base64 of the HMAC.

    Raises:
        SettingsInvalid: the text after ``whsec_`` is no base64.
    """
    signed = hmac.digest(_key(secret), f"{call_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed).decode()


def is_short(secret: str) -> bool:
    """Is its key shorter than the form asks for? Such a secret still signs. Raises SettingsInvalid."""
    return len(_key(secret)) < LEAST_KEY_BYTES


def _key(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise SettingsInvalid(
            "the secret after whsec_ is not base64", "секрет после whsec_ — не base64"
        ) from error


async def _read(value: SecretStr | None, file: Path | None) -> str:
    if value is not None:
        return value.get_secret_value()
    assert file is not None, "checked with the settings"
    return await asyncio.to_thread(_read_file, file)


def _read_file(file: Path) -> str:
    with file.open("rb") as opened:
        text = opened.read(MAX_FILE_BYTES + 1).strip()
    if not text or len(text) > MAX_FILE_BYTES or not text.isascii():
        raise SettingsInvalid(
            f"{file.name}: a credential of 1 to {MAX_FILE_BYTES} ASCII characters is wanted there",
            f"{file.name}: нужна одна строка до {MAX_FILE_BYTES} символов ASCII",
        )
    return text.decode()
