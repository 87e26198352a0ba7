"""Back offices as they are configured, and the rules over those settings."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr

from kkt_adapter.kernel.addresses import address_fault
from kkt_adapter.kernel.errors import SettingsInvalid

ODOO_PATH = "/api/v1/kkt/heartbeat"  # heartbeat.md
SECRETS: Final = ("token", "password", "secret", "previous_secret")


class Profile(StrEnum):
    """What a back office is: changes path, usual sign-in and the words of errors, never the body."""

    ODOO = "odoo"
    ONEC = "onec"
    WEBHOOK = "webhook"


class Auth(StrEnum):
    BEARER = "bearer"
    BASIC = "basic"
    HMAC = "hmac"
    NONE = "none"


def _either(name: str, short: str) -> AliasChoices:
    return AliasChoices(name, short)


class BackOfficeSettings(BaseModel):
    """One ``[[back_office]]`` of the file: a system that is told what becomes of receipts."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="its cursor is kept under it",
    )
    url: str = Field(min_length=1, max_length=2000, description="https:// address; odoo adds its own path")
    profile: Profile = Field(default=Profile.ODOO, description="odoo, onec or webhook")
    auth: Auth | None = Field(
        default=None, description="bearer, basic, hmac or none; default: by what is given below"
    )
    token: SecretStr | None = Field(default=None, description="bearer; also token_file, token_env")
    token_file: Path | None = Field(default=None, description="read before each call")
    user: str | None = Field(default=None, max_length=200, description="basic")
    password: SecretStr | None = Field(default=None, description="basic; also password_file, password_env")
    password_file: Path | None = Field(default=None, description="read before each call")
    secret: SecretStr | None = Field(default=None, description="hmac; also secret_file, secret_env")
    secret_file: Path | None = Field(default=None, description="read before each call")
    previous_secret: SecretStr | None = Field(
        default=None, description="signs too, while the secret is being changed"
    )
    previous_secret_file: Path | None = Field(default=None, description="read before each call")
    interval_s: float = Field(
        default=30.0,
        ge=0.05,
        le=3600,
        validation_alias=_either("interval_s", "interval"),
        description="between calls, +-10 %, unless the back office asks for another",
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        validation_alias=_either("timeout_s", "timeout"),
        description="one call, connecting included",
    )
    enabled: bool = Field(default=True, description="false: nothing is sent, the cursor stays")
    allow_insecure: bool = Field(default=False, description="http:// beyond this machine")

    @property
    def sign_in(self) -> Auth:
        """How calls are signed."""
        if self.auth is not None:
            return self.auth
        if self.has("token"):
            return Auth.BEARER
        if self.user is not None:
            return Auth.BASIC
        return Auth.HMAC if self.has("secret") else Auth.NONE

    @property
    def address(self) -> tuple[str, str]:
        """Scheme with host, and path with query."""
        parts = urlsplit(self.url)
        path = parts.path
        if path in ("", "/"):
            path = ODOO_PATH if self.profile is Profile.ODOO else "/"
        return f"{parts.scheme}://{parts.netloc}", path + (f"?{parts.query}" if parts.query else "")

    def has(self, credential: str) -> bool:
        return any(getattr(self, name) is not None for name in (credential, f"{credential}_file"))


def with_environment(table: object, environment: Mapping[str, str]) -> object:
    """A table of the file, its ``token_env`` and the like replaced by what those variables hold.

    Raises:
        SettingsInvalid: such a variable is not set.
    """
    if not isinstance(table, dict):
        return table
    values: dict[str, Any] = dict(table)
    for credential in SECRETS:
        variable = values.pop(f"{credential}_env", None)
        if variable is None:
            continue
        found = environment.get(str(variable), "")
        if not found:
            raise SettingsInvalid(
                f"back_office {values.get('name')}: {credential}_env names {variable}, which is not set",
                f"back_office {values.get('name')}: {credential}_env указывает на {variable}, она не задана",
            )
        values[credential] = found
    return values


def check_back_offices(offices: Sequence[BackOfficeSettings]) -> None:
    """Rules over several settings. Raises SettingsInvalid, naming the back office and the setting."""
    names = [office.name for office in offices]
    for name in names:
        if names.count(name) > 1:
            raise SettingsInvalid(
                f"two back offices are called {name}", f"две учётные системы названы {name}"
            )
    for office in offices:
        _check_address(office)
        _check_credentials(office)


def _check_address(office: BackOfficeSettings) -> None:
    fault = address_fault(office.url, allow_insecure=office.allow_insecure)
    if fault is not None:
        raise _invalid(office, fault.en, fault.ru)


def _check_credentials(office: BackOfficeSettings) -> None:
    for credential in SECRETS:
        if getattr(office, credential) is not None and getattr(office, f"{credential}_file") is not None:
            raise _invalid(
                office,
                f"give {credential} or {credential}_file, not both",
                f"укажите {credential} или {credential}_file, не оба",
            )
    needed = {Auth.BEARER: "token", Auth.BASIC: "password", Auth.HMAC: "secret", Auth.NONE: None}
    credential_needed = needed[office.sign_in]
    if credential_needed is not None and not office.has(credential_needed):
        raise _invalid(
            office,
            f"auth = {office.sign_in} needs {credential_needed} (or _file, _env)",
            f"для auth = {office.sign_in} нужен {credential_needed} (или _file, _env)",
        )
    if office.sign_in is Auth.BASIC and office.user is None:
        raise _invalid(office, "auth = basic needs user", "для auth = basic нужен user")


def _invalid(office: BackOfficeSettings, en: str, ru: str) -> SettingsInvalid:
    return SettingsInvalid(f"back_office {office.name}: {en}", f"back_office {office.name}: {ru}")
