"""Every setting of the product: one TOML file, the environment over it, the command line over both.

A field's ``env`` is its environment variable; its own name is the key in the file. An unknown key in the
file or an impossible value stops the start with one line that names it. ``docs/reference/settings.md`` is
generated from this module.
"""

import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from kkt_adapter.catalog import settings as catalog_settings
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings, check_back_offices, with_environment
from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.auth import settings as auth_settings
from kkt_adapter.runtime.auth.settings import AuthSettings

CONFIG_FILE = "kkt-adapter.toml"


class Transport(StrEnum):
    RELAY = "relay"
    DEVICE = "device"
    HTTP = "http"


def _env(name: str) -> dict[str, Any]:
    return {"env": name}


def _split(value: object) -> object:
    """A comma-separated text from the environment is a list in the file."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]


class RegisterSettings(BaseModel):
    """One ``[[register]]`` of the file: a KKT, its tills, and what receipts take when a till is silent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=64, description="name of the register")
    driver: Literal["virtual"] = Field(description="kind of register; virtual is not a fiscal device")
    pos_ids: tuple[str, ...] = Field(default=(), description="tills that print here; default: the id")
    timezone: str | None = Field(default=None, description="zone of its wall clock; default: the host's")
    ffd_version: Literal["1.05", "1.1", "1.2"] = Field(default="1.2", description="FFD of a new virtual FN")
    taxation_mask: int = Field(default=1, ge=1, le=63, description="1062 of a new virtual FN, bits of 1055")
    marked_goods: bool = Field(default=False, description="registered for marked goods (1290 bit 8)")
    taxation: int | None = Field(default=None, description="1055; one bit of 1062")
    cashier: str | None = Field(default="Кассир", max_length=64, description="1021")
    cashier_inn: str | None = Field(default=None, pattern=r"^\d{12}$", description="1203")
    vat: VatRate = Field(default=VatRate.NONE, description="1199 of lines that name none")
    subject: int = Field(default=1, ge=1, le=33, description="1212")
    method: int | None = Field(default=None, ge=1, le=7, description="1214; default: 4, or 5/6 by credit")
    unit: str | None = Field(default=None, description="measure as code or word; default: pieces")
    internet: bool = Field(default=False, description="1125 unless the till says otherwise")
    site: str | None = Field(default=None, max_length=256, description="1187 of internet receipts")
    other_place: bool = Field(default=False, description="tills may give place and address")
    rounding: bool = Field(default=False, description="a total up to 0.99 below the lines is accepted")
    vat_dates: Literal["warn", "refuse"] = Field(default="warn", description="a rate out of its dates")
    receipt_key: Literal["auto", "1084", "off"] = Field(default="auto", description="where our key goes")
    automatic_shift: bool = Field(default=True, description="open and close shifts by itself")
    ofd_transport: Transport | None = Field(default=None, description="default: the service's")
    ofd_host: str | None = Field(default=None, description="default: the service's")
    ofd_port: int | None = Field(default=None, ge=1, le=65535, description="default: the service's")

    @property
    def tills(self) -> tuple[str, ...]:
        return self.pos_ids or (self.id,)

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError("a zone name such as Europe/Moscow") from error
        return value


class Settings(BaseModel):
    """The whole configuration. Durations end in ``_s`` (seconds), sizes in ``_mb``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1", description="address to listen on", json_schema_extra=_env("KKT_HOST")
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        description="port; 0 takes a free one",
        json_schema_extra=_env("KKT_PORT"),
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="everything the service writes",
        json_schema_extra=_env("KKT_DATA_DIR"),
    )
    database_url: str = Field(
        default="",
        description="sqlite:///file or postgresql://...; default: buffer.db in the data directory",
        json_schema_extra=_env("DATABASE_URL"),
    )
    buffer_db_path: Path | None = Field(
        default=None, description="the SQLite file, elsewhere", json_schema_extra=_env("BUFFER_DB_PATH")
    )
    wal_autocheckpoint_pages: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="SQLite pages between checkpoints",
        json_schema_extra=_env("KKT_WAL_AUTOCHECKPOINT"),
    )
    capacity: int = Field(
        default=10_000,
        ge=0,
        le=10_000_000,
        description="undelivered receipts the buffer takes, 50 or more; 0: no limit",
        json_schema_extra=_env("KKT_BUFFER_CAPACITY"),
    )
    disk_low_mb: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="free disk space under which nothing is accepted; 0: off",
        json_schema_extra=_env("KKT_DISK_LOW_MB"),
    )
    auth: Literal["auto", "open", "closed"] = Field(
        default="auto",
        description="open: /v1 without a token, on loopback only; auto: open on loopback, closed elsewhere",
        json_schema_extra=_env("KKT_AUTH"),
    )
    allowed_hosts: Texts = Field(
        default=(),
        description="host names beside the loopback ones",
        json_schema_extra=_env("KKT_ALLOWED_HOSTS"),
    )
    allowed_origins: Texts = Field(
        default=(),
        description="web pages that may call from a browser, https://host",
        json_schema_extra=_env("KKT_ALLOWED_ORIGINS"),
    )
    rate_limit: int = Field(
        default=60,
        ge=0,
        le=100_000,
        description="requests per second and credential; 0: off; off while open",
        json_schema_extra=_env("KKT_RATE_LIMIT"),
    )
    max_in_flight: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="requests at work at once; one more gets OVERLOADED",
        json_schema_extra=_env("KKT_MAX_IN_FLIGHT"),
    )
    response_budget_s: float = Field(
        default=7.0,
        gt=0,
        le=60,
        description="wait for the printed document, then answer buffered",
        json_schema_extra=_env("KKT_RESPONSE_BUDGET"),
    )
    refund_requires_synced: bool = Field(
        default=True,
        description="a refund waits until its sale is delivered",
        json_schema_extra=_env("KKT_REFUND_REQUIRES_SYNCED"),
    )
    virtual_fsync: bool = Field(
        default=True,
        description="virtual FNs flush to disk; off for benches only",
        json_schema_extra=_env("KKT_VIRTUAL_FSYNC"),
    )
    virtual_latency_s: float = Field(
        default=0.0,
        ge=0,
        le=600,
        description="delay of each virtual document",
        json_schema_extra=_env("KKT_VIRTUAL_LATENCY"),
    )
    virtual_dir: Path | None = Field(
        default=None,
        description="folder of virtual FNs; default: fn in the data directory",
        json_schema_extra=_env("KKT_VIRTUAL_DIR"),
    )
    ofd_transport: Transport = Field(
        default=Transport.RELAY, description="how documents travel", json_schema_extra=_env("OFD_TRANSPORT")
    )
    ofd_host: str = Field(
        default="", description="operator's address, binary protocol", json_schema_extra=_env("OFD_HOST")
    )
    ofd_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="operator's port, binary protocol",
        json_schema_extra=_env("OFD_PORT"),
    )
    ofd_base_url: str = Field(
        default="", description="operator's address, http transport", json_schema_extra=_env("OFD_BASE_URL")
    )
    ofd_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token, http transport", json_schema_extra=_env("OFD_TOKEN")
    )
    ofd_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="one delivery, connecting included",
        json_schema_extra=_env("OFD_TIMEOUT"),
    )
    ofd_mock_mode: bool = Field(
        default=False, description="deliver to the built-in emulator", json_schema_extra=_env("OFD_MOCK_MODE")
    )
    sync_interval_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="pass of the delivery worker",
        json_schema_extra=_env("KKT_SYNC_INTERVAL"),
    )
    sync_in_flight: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="FNs delivered at the same time",
        json_schema_extra=_env("KKT_SYNC_IN_FLIGHT"),
    )
    wake_on_receipt: bool = Field(
        default=True,
        description="a new document wakes the worker",
        json_schema_extra=_env("KKT_WAKE_ON_RECEIPT"),
    )
    max_attempts: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="failed attempts before the DLQ",
        json_schema_extra=_env("KKT_MAX_ATTEMPTS"),
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="channel failures in a row that open the breaker",
        json_schema_extra=_env("KKT_BREAKER_FAILURES"),
    )
    breaker_open_s: float = Field(
        default=60.0,
        ge=0.1,
        le=3600,
        description="open, then a probe",
        json_schema_extra=_env("KKT_BREAKER_OPEN"),
    )
    breaker_probes: int = Field(
        default=2,
        ge=1,
        le=100,
        description="good probes in a row that close it",
        json_schema_extra=_env("KKT_BREAKER_PROBES"),
    )
    adapter_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        description="what back offices know this adapter by; default: made once and kept",
        json_schema_extra=_env("KKT_ADAPTER_ID"),
    )
    heartbeat_url: str = Field(
        default="",
        description="a back office of profile odoo beside the [[back_office]] tables",
        json_schema_extra=_env("HEARTBEAT_URL"),
    )
    heartbeat_interval_s: float = Field(
        default=30.0,
        ge=0.05,
        le=3600,
        description="between its calls, +-10 %",
        json_schema_extra=_env("HEARTBEAT_INTERVAL"),
    )
    heartbeat_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="one call to it, connecting included",
        json_schema_extra=_env("HEARTBEAT_TIMEOUT"),
    )
    heartbeat_token: SecretStr = Field(
        default=SecretStr(""), description="its bearer token", json_schema_extra=_env("HEARTBEAT_TOKEN")
    )
    heartbeat_allow_insecure: bool = Field(
        default=False,
        description="its http:// beyond this machine",
        json_schema_extra=_env("HEARTBEAT_ALLOW_INSECURE"),
    )
    alert_interval_s: float = Field(
        default=5.0,
        ge=0.05,
        le=60,
        description="between two looks at everything that alerts are about",
        json_schema_extra=_env("KKT_ALERT_INTERVAL"),
    )
    notify_url: str = Field(
        default="",
        description="webhook that is told of alerts as they start and end",
        json_schema_extra=_env("KKT_NOTIFY_URL"),
    )
    notify_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs what it is told, Standard Webhooks form",
        json_schema_extra=_env("KKT_NOTIFY_SECRET"),
    )
    notify_telegram_token: SecretStr = Field(
        default=SecretStr(""),
        description="of a Telegram bot that is told of alerts",
        json_schema_extra=_env("KKT_NOTIFY_TELEGRAM_TOKEN"),
    )
    notify_telegram_chat: str = Field(
        default="",
        description="chat the bot writes into: its number or @name",
        json_schema_extra=_env("KKT_NOTIFY_TELEGRAM_CHAT"),
    )
    notify_telegram_url: str = Field(
        default="https://api.telegram.org",
        description="where bots are reached",
        json_schema_extra=_env("KKT_NOTIFY_TELEGRAM_URL"),
    )
    notify_proxy: str = Field(
        default="",
        description="http:// proxy for both",
        json_schema_extra=_env("KKT_NOTIFY_PROXY"),
    )
    network_interval_s: float = Field(
        default=30.0,
        ge=0.05,
        le=3600,
        description="check of operators and back offices, for the network mode",
        json_schema_extra=_env("KKT_NETWORK_INTERVAL"),
    )
    network_results: int = Field(
        default=3,
        ge=1,
        le=100,
        description="like results in a row before the network mode changes",
        json_schema_extra=_env("KKT_NETWORK_RESULTS"),
    )
    network_least_s: float = Field(
        default=90.0,
        ge=0,
        le=3600,
        description="least time in a network mode",
        json_schema_extra=_env("KKT_NETWORK_LEAST"),
    )
    redis_url: str = Field(
        default="",
        description="pass lock of several nodes; empty: none wanted",
        json_schema_extra=_env("REDIS_URL"),
    )
    redis_host: str = Field(
        default="", description="when there is no URL", json_schema_extra=_env("REDIS_HOST")
    )
    redis_port: int = Field(
        default=6379, ge=1, le=65535, description="when there is no URL", json_schema_extra=_env("REDIS_PORT")
    )
    redis_db: int = Field(
        default=0, ge=0, le=1000, description="when there is no URL", json_schema_extra=_env("REDIS_DB")
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least level that is logged", json_schema_extra=_env("KKT_LOG_LEVEL")
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal", json_schema_extra=_env("KKT_LOG_FORMAT")
    )
    registers: tuple[RegisterSettings, ...] = Field(default=(), description="[[register]] tables")
    back_office: tuple[BackOfficeSettings, ...] = Field(default=(), description="[[back_office]] tables")
    sign_in: AuthSettings = Field(default_factory=AuthSettings, description="accounts")
    catalog: CatalogSettings = Field(default_factory=CatalogSettings, description="product catalogue")

    @field_validator("capacity")
    @classmethod
    def _capacity_is_useful(cls, value: int) -> int:
        if 0 < value < 50:
            raise ValueError("50 or more, or 0 for no limit")
        return value

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def auth_open(self) -> bool:
        return self.auth == "open" or (self.auth == "auto" and self.on_loopback)

    @property
    def database(self) -> str:
        """The address of the database in force."""
        if self.database_url:
            return self.database_url
        path = self.buffer_db_path or self.data_dir / "buffer.db"
        return f"sqlite:///{path.absolute()}"

    @property
    def back_offices(self) -> tuple[BackOfficeSettings, ...]:
        """Every back office: those of the file, and the one of HEARTBEAT_URL under the name ``heartbeat``."""
        if not self.heartbeat_url:
            return self.back_office
        plain = BackOfficeSettings(
            name="heartbeat",
            url=self.heartbeat_url,
            token=self.heartbeat_token if self.heartbeat_token.get_secret_value() else None,
            interval_s=self.heartbeat_interval_s,
            timeout_s=self.heartbeat_timeout_s,
            allow_insecure=self.heartbeat_allow_insecure,
        )
        return (*self.back_office, plain)

    @property
    def fn_dir(self) -> Path:
        return self.virtual_dir or self.data_dir / "fn"

    @property
    def redis(self) -> str:
        """The address of the lock server; empty when none is wanted."""
        if self.redis_url or not self.redis_host:
            return self.redis_url
        return f"redis://{self.redis_host}:{self.redis_port}/{self.redis_db}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the file (``KKT_CONFIG``, else ``kkt-adapter.toml`` here if there is one), environment, overrides.

    Raises:
        SettingsInvalid: one line naming the setting, its value and what is allowed.
    """
    environment = os.environ if environment is None else environment
    values = _from_file(file or _config_file(environment))
    for name, info in Settings.model_fields.items():
        variable = env_of(info)
        if variable is not None and environment.get(variable, "") != "":
            values[name] = environment[variable]
    if isinstance(values.get("back_office"), list):
        values["back_office"] = [with_environment(table, environment) for table in values["back_office"]]
    values["sign_in"] = auth_settings.read_settings(
        _section(AuthSettings, values.get("sign_in"), environment)
    )
    values["catalog"] = catalog_settings.read_settings(
        _section(CatalogSettings, values.get("catalog"), environment)
    )
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from None
    return _consistent(settings)


def env_of(info: Any) -> str | None:
    """The environment variable of a field, or None."""
    extra = info.json_schema_extra
    return str(extra["env"]) if isinstance(extra, dict) and "env" in extra else None


def _section(model: type[BaseModel], given: object, environment: Mapping[str, str]) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise SettingsInvalid(
            "sign_in and catalog are tables of the file", "sign_in и catalog — таблицы файла"
        )
    values: dict[str, Any] = {}
    for name, value in (given or {}).items():
        field = model.model_fields.get(name)
        if field is None:
            raise SettingsInvalid(f"unknown setting {name!r}", f"неизвестная настройка {name!r}")
        values[field.alias or name] = value
    for name, field in model.model_fields.items():
        variable = field.alias or name
        if environment.get(variable, "") != "":
            values[variable] = environment[variable]
    return values


def _config_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get("KKT_CONFIG")
    if named:
        return Path(named)
    return Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(
            f"cannot read the configuration {path}: {error.strerror}",
            f"не читается файл настроек {path}: {error.strerror}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}", f"{path} — не TOML: {error}") from error
    if "register" in values:
        values["registers"] = values.pop("register")
    return values


def _invalid(error: ValidationError) -> SettingsInvalid:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    info = Settings.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    variable = None if info is None else env_of(info)
    name = f"{path} ({variable})" if variable else path
    if first["type"] == "extra_forbidden":
        return SettingsInvalid(f"unknown setting {name}", f"неизвестная настройка {name}")
    secret = any(word in path for word in ("token", "secret", "password"))
    plain = isinstance(first["input"], str | int | float | bool) and first["type"] != "missing"
    shown = f" = {first['input']!r}" if plain and not secret else ""
    message = first["msg"].removeprefix("Value error, ")
    return SettingsInvalid(f"setting {name}{shown}: {message}", f"настройка {name}{shown}: {message}")


def _consistent(settings: Settings) -> Settings:
    """Rules over several settings."""
    if settings.auth == "open" and not settings.on_loopback:
        raise SettingsInvalid(
            f"auth (KKT_AUTH) = open is allowed on a loopback address only, not on {settings.host}: "
            "make an account and use auth = closed",
            f"auth (KKT_AUTH) = open допустимо только на loopback, не на {settings.host}: "
            "заведите учётную запись и укажите auth = closed",
        )
    seen: set[str] = set()
    tills: set[str] = set()
    for register in settings.registers:
        if register.id in seen:
            raise SettingsInvalid(f"two registers are called {register.id}", f"две ККТ названы {register.id}")
        seen.add(register.id)
        doubled = tills.intersection(register.tills)
        if doubled:
            till = sorted(doubled)[0]
            raise SettingsInvalid(f"till {till} prints on two registers", f"касса {till} указана у двух ККТ")
        tills.update(register.tills)
    check_back_offices(settings.back_offices)
    _check_notify(settings)
    return settings


def _check_notify(settings: Settings) -> None:
    if bool(settings.notify_telegram_token.get_secret_value()) != bool(settings.notify_telegram_chat):
        raise SettingsInvalid(
            "notify_telegram_token and notify_telegram_chat go together",
            "notify_telegram_token и notify_telegram_chat задаются вместе",
        )
    for name in ("notify_url", "notify_telegram_url", "notify_proxy"):
        address = getattr(settings, name)
        if address and not address.startswith(("http://", "https://")):
            raise SettingsInvalid(
                f"{name} is not an http or https address", f"{name} — не адрес http или https"
            )
