"""Settings of the catalogue: names, defaults, ranges. The caller reads the environment.

A field's alias is its environment variable. `read_settings` turns any value outside its rule into one
`SettingsInvalid` line that names variable, value and allowed range; secrets are never repeated.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from kkt_adapter.kernel.addresses import is_loopback
from kkt_adapter.kernel.errors import SettingsInvalid


class AuthScheme(StrEnum):
    PAIR = "pair"  # constant header made of hash, e-mail and secret
    BEARER = "bearer"  # OAuth2 client credentials


class CatalogSettings(BaseModel):
    """Durations end in ``_s`` (seconds). Populate by field name or by environment name."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore", str_strip_whitespace=True)

    schedule_hour: Annotated[
        int, Field(ge=0, le=23, alias="SYNC_SCHEDULE_HOUR", description="hour of the daily sync, UTC")
    ] = 2
    schedule_minute: Annotated[
        int, Field(ge=0, le=59, alias="SYNC_SCHEDULE_MINUTE", description="minute of the daily sync")
    ] = 0
    misfire_grace_s: Annotated[
        int,
        Field(
            ge=0,
            le=604_800,
            alias="SYNC_MISFIRE_GRACE_S",
            description="a slot missed by less is run at start; an older one is recorded",
        ),
    ] = 21_600
    concurrency: Annotated[
        int, Field(ge=1, le=32, alias="SYNC_CONCURRENCY", description="requests in flight")
    ] = 8
    requests_per_minute: Annotated[
        int,
        Field(
            ge=0,
            le=100_000,
            alias="SYNC_REQUESTS_PER_MINUTE",
            description="in any sliding minute; 0 is no budget",
        ),
    ] = 540
    max_attempts: Annotated[
        int, Field(ge=1, le=20, alias="SYNC_MAX_ATTEMPTS", description="tries of one page")
    ] = 5
    request_timeout_s: Annotated[
        float, Field(gt=0, le=600, alias="SYNC_REQUEST_TIMEOUT_S", description="for a whole answer")
    ] = 20.0
    run_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=86_400,
            alias="SYNC_RUN_TIMEOUT_S",
            description="then the run ends partial, with its checkpoint",
        ),
    ] = 3_600.0
    resume_max_age_s: Annotated[
        float,
        Field(
            ge=0,
            le=604_800,
            alias="SYNC_RESUME_MAX_AGE_S",
            description="an older interrupted run is abandoned",
        ),
    ] = 21_600.0
    sweep_limit_percent: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            alias="SYNC_SWEEP_LIMIT_PERCENT",
            description="of the active products may vanish in one run; more is held back",
        ),
    ] = 20
    include_out_of_stock: Annotated[
        bool, Field(alias="SYNC_INCLUDE_OUT_OF_STOCK", description="read what is sold out too")
    ] = True
    page_ceiling: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            alias="SYNC_PAGE_CEILING",
            description="highest page the source serves; 0: find out",
        ),
    ] = 0
    log_file: Annotated[
        Path, Field(alias="SYNC_LOG_FILE", description="relative to the working directory")
    ] = Path("logs/product_sync_scheduler.log")
    history_days: Annotated[
        int,
        Field(
            ge=1, le=36_500, alias="SYNC_HISTORY_DAYS", description="how long price and stock history is kept"
        ),
    ] = 400
    public_read: Annotated[
        bool, Field(alias="CATALOG_PUBLIC_READ", description="product reads need no token")
    ] = False
    base_url: Annotated[
        str, Field(alias="G2A_BASE_URL", description="without `/v1`; plain http only to this machine")
    ] = "https://api.g2a.com"
    token_url: Annotated[
        str,
        Field(alias="G2A_TOKEN_URL", description="for `bearer`; empty: the base address and `/oauth/token`"),
    ] = ""
    client_id: Annotated[str, Field(alias="G2A_CLIENT_ID", description="the vendor's API hash")] = ""
    client_secret: Annotated[
        SecretStr, Field(alias="G2A_CLIENT_SECRET", description="the vendor's API secret")
    ] = SecretStr("")
    email: Annotated[str, Field(alias="G2A_EMAIL", description="of the vendor's account, for `pair`")] = ""
    auth: Annotated[
        AuthScheme, Field(alias="G2A_AUTH", description="how to sign in: header pair or OAuth2 token")
    ] = AuthScheme.PAIR

    @model_validator(mode="after")
    def _addresses_are_safe(self) -> Self:
        _check_address("G2A_BASE_URL", self.base_url)
        if self.base_url.rstrip("/").endswith("/v1"):
            raise _rule_broken(
                f"G2A_BASE_URL={self.base_url}: give the address without /v1",
                f"G2A_BASE_URL={self.base_url}: укажите адрес без /v1",
            )
        if self.token_url:
            _check_address("G2A_TOKEN_URL", self.token_url)
        return self

    @property
    def source_configured(self) -> bool:
        """Is everything there that a sync needs?"""
        return not self.missing_for_sync

    @property
    def missing_for_sync(self) -> tuple[str, ...]:
        """Names of the variables a sync still needs."""
        needed = {"G2A_CLIENT_ID": self.client_id, "G2A_CLIENT_SECRET": self.client_secret.get_secret_value()}
        if self.auth is AuthScheme.PAIR:
            needed["G2A_EMAIL"] = self.email
        return tuple(name for name, value in needed.items() if not value)

    @property
    def effective_token_url(self) -> str:
        return self.token_url or self.base_url.rstrip("/") + "/oauth/token"


def read_settings(values: Mapping[str, object]) -> CatalogSettings:
    """Settings from environment-like values; names that are not ours are ignored.

    Raises:
        SettingsInvalid: one line naming variable, value and allowed range.
    """
    try:
        return CatalogSettings.model_validate(dict(values))
    except ValidationError as error:
        raise invalid_setting(error) from None


def invalid_setting(error: ValidationError) -> SettingsInvalid:
    """The first finding as one line for the person who starts the service."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:  # a rule of ours, which wrote the whole line
        return SettingsInvalid(first["msg"], first["ctx"]["ru"])
    name = environment_name(str(first["loc"][0]))
    value = "(secret)" if "SECRET" in name else first["input"]
    allowed_en, allowed_ru = allowed(name)
    return SettingsInvalid(
        f"{name}={value}: allowed is {allowed_en}", f"{name}={value}: допустимо {allowed_ru}"
    )


def environment_name(field: str) -> str:
    """``concurrency`` or ``SYNC_CONCURRENCY`` -> ``SYNC_CONCURRENCY``."""
    info = CatalogSettings.model_fields.get(field)
    return field if info is None or info.alias is None else info.alias


def allowed(name: str) -> tuple[str, str]:
    """The rule of one variable as text, English and Russian."""
    for info in CatalogSettings.model_fields.values():
        if info.alias != name:
            continue
        low = high = None
        above = ""
        for rule in info.metadata:
            low = getattr(rule, "ge", None) if low is None else low
            high = getattr(rule, "le", None) if high is None else high
            if getattr(rule, "gt", None) is not None:
                above = f"{rule.gt}"
        if high is not None:
            kind = ("a whole number ", "целое число ") if info.annotation is int else ("a number ", "число ")
            if above:
                return f"{kind[0]}above {above}, up to {high}", f"{kind[1]}больше {above}, до {high}"
            return f"{kind[0]}{low}-{high}", f"{kind[1]}{low}-{high}"
        if info.annotation is bool:
            return "true or false", "true или false"
        if info.annotation is AuthScheme:
            return "pair or bearer", "pair или bearer"
    return "another value", "другое значение"


def _check_address(name: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:  # a bracket that is not closed, a port that is no number
        parts = urlsplit("")
    if parts.username or parts.password:
        raise _rule_broken(
            f"{name}: an address with a user name or password in it is not allowed",
            f"{name}: адрес с именем пользователя или паролем недопустим",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _rule_broken(
            f"{name}={address}: allowed is an https address (http only to this machine)",
            f"{name}={address}: допустим адрес https (http — только к этой же машине)",
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise _rule_broken(
            f"{name}={address}: plain http is allowed only to this machine; use https",
            f"{name}={address}: http допустим только к этой же машине; используйте https",
        )


def _rule_broken(en: str, ru: str) -> PydanticCustomError:
    """The text goes in as a value, because an address may hold braces."""
    return PydanticCustomError("rule", "{en}", {"en": en, "ru": ru})
