"""Secrets that sign what is sent, and are too short: for one version an alert, then no start."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from kkt_adapter.fiscal.heartbeat.credentials import is_short
from kkt_adapter.fiscal.heartbeat.settings import Auth, BackOfficeSettings
from kkt_adapter.kernel.errors import SettingsInvalid


def short_secrets(offices: Sequence[BackOfficeSettings], *, notify: SecretStr) -> tuple[str, ...]:
    """Names of the settings that hold one. A file that cannot be read now is left to the call that needs it.

    Raises:
        SettingsInvalid: the text after ``whsec_`` is no base64, which could sign nothing.
    """
    found = []
    for office in offices:
        if office.enabled and office.sign_in is Auth.HMAC:
            for name in ("secret", "previous_secret"):
                secret = _text(getattr(office, name), getattr(office, f"{name}_file"))
                if secret and is_short(secret):
                    found.append(f"[[back_office]] {office.name}: {name}")
    if notify.get_secret_value() and is_short(notify.get_secret_value()):
        found.append("notify_secret (KKT_NOTIFY_SECRET)")
    return tuple(found)


def check_secrets(offices: Sequence[BackOfficeSettings], *, notify: SecretStr) -> None:
    """Raises SettingsInvalid for a ``whsec_`` secret of the configuration that is no base64."""
    for office in offices:
        for secret in (office.secret, office.previous_secret):
            _check(secret, f"back_office {office.name}")
    _check(notify, "notify_secret (KKT_NOTIFY_SECRET)")


def _check(secret: SecretStr | None, name: str) -> None:
    try:
        if secret is not None:
            is_short(secret.get_secret_value())
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{name}: {error.detail.en}", f"{name}: {error.detail.ru}") from None


def _text(value: SecretStr | None, file: Path | None) -> str:
    if value is not None:
        return value.get_secret_value()
    try:
        return "" if file is None else file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
