"""The settings of the whole service."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.settings.fields import env
from kkt_adapter.settings.group import GroupSettings
from kkt_adapter.settings.register import RegisterSettings, Transport
from kkt_adapter.settings.serving import ServingSettings
from kkt_adapter.settings.shop import ShopSettings


class Settings(ServingSettings):
    """The whole configuration. Durations end in ``_s`` (seconds), sizes in ``_mb``."""

    refund_requires_synced: bool = Field(
        default=True,
        description="a refund waits until its sale is delivered",
        json_schema_extra=env("KKT_REFUND_REQUIRES_SYNCED"),
    )
    refund_exceeds_sale: Literal["warn", "refuse"] = Field(
        default="warn",
        description="refunds of a sale that come to more than the sale",
        json_schema_extra=env("KKT_REFUND_EXCEEDS_SALE"),
    )
    sale_refunded_before: Literal["warn", "refuse"] = Field(
        default="warn",
        description="a refund of a sale that has one",
        json_schema_extra=env("KKT_SALE_REFUNDED_BEFORE"),
    )
    order_repeated: Literal["warn", "refuse"] = Field(
        default="warn",
        description="the same lines of the same order under another key",
        json_schema_extra=env("KKT_ORDER_REPEATED"),
    )
    mark_sold_twice: Literal["warn", "refuse"] = Field(
        default="warn",
        description="a marking code that was sold and not refunded",
        json_schema_extra=env("KKT_MARK_SOLD_TWICE"),
    )
    virtual_fsync: bool = Field(
        default=True,
        description="virtual FNs flush to disk; off for benches only",
        json_schema_extra=env("KKT_VIRTUAL_FSYNC"),
    )
    virtual_latency_s: float = Field(
        default=0.0,
        ge=0,
        le=600,
        description="delay of each virtual document",
        json_schema_extra=env("KKT_VIRTUAL_LATENCY"),
    )
    virtual_dir: Path | None = Field(
        default=None,
        description="folder of virtual FNs; default: fn in the data directory",
        json_schema_extra=env("KKT_VIRTUAL_DIR"),
    )
    ofd_transport: Transport = Field(
        default=Transport.RELAY, description="how documents travel", json_schema_extra=env("OFD_TRANSPORT")
    )
    ofd_host: str = Field(
        default="", description="operator's address, binary protocol", json_schema_extra=env("OFD_HOST")
    )
    ofd_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="operator's port, binary protocol",
        json_schema_extra=env("OFD_PORT"),
    )
    ofd_base_url: str = Field(
        default="", description="operator's address, http transport", json_schema_extra=env("OFD_BASE_URL")
    )
    ofd_allow_insecure: bool = Field(
        default=False,
        description="its http:// beyond this machine",
        json_schema_extra=env("OFD_ALLOW_INSECURE"),
    )
    ofd_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token, http transport", json_schema_extra=env("OFD_TOKEN")
    )
    ofd_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="one delivery, connecting included",
        json_schema_extra=env("OFD_TIMEOUT"),
    )
    ofd_mock_mode: bool = Field(
        default=False, description="deliver to the built-in emulator", json_schema_extra=env("OFD_MOCK_MODE")
    )
    sync_interval_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="pass of the delivery worker",
        json_schema_extra=env("KKT_SYNC_INTERVAL"),
    )
    sync_in_flight: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="FNs delivered at the same time",
        json_schema_extra=env("KKT_SYNC_IN_FLIGHT"),
    )
    wake_on_receipt: bool = Field(
        default=True,
        description="a new document wakes the worker",
        json_schema_extra=env("KKT_WAKE_ON_RECEIPT"),
    )
    max_attempts: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="failed attempts before the DLQ",
        json_schema_extra=env("KKT_MAX_ATTEMPTS"),
    )
    retention_days: int = Field(
        default=400,
        ge=7,
        le=36_500,
        description="delivered receipts are kept so long",
        json_schema_extra=env("KKT_RETENTION_DAYS"),
    )
    document_days: int = Field(
        default=400,
        ge=30,
        le=36_500,
        description="the bytes of fiscal documents and operators' tickets are kept so long",
        json_schema_extra=env("KKT_DOCUMENT_DAYS"),
    )
    backup_keep: int = Field(
        default=7,
        ge=0,
        le=1000,
        description="daily copies of the SQLite file; 0: none",
        json_schema_extra=env("KKT_BACKUP_KEEP"),
    )
    backup_dir: Path | None = Field(
        default=None,
        description="where they go; default: backups in the data directory",
        json_schema_extra=env("KKT_BACKUP_DIR"),
    )
    clock_agree_s: float = Field(
        default=300.0,
        ge=1,
        le=86_400,
        description="clocks further apart than this contradict each other: nothing is deleted then",
        json_schema_extra=env("KKT_CLOCK_AGREE"),
    )
    clock_alone_s: float = Field(
        default=86_400.0,
        ge=60,
        le=31_536_000,
        description="a step of the clock while the service was down that needs no second clock to confirm it",
        json_schema_extra=env("KKT_CLOCK_ALONE"),
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="channel failures in a row that open the breaker",
        json_schema_extra=env("KKT_BREAKER_FAILURES"),
    )
    breaker_open_s: float = Field(
        default=60.0,
        ge=0.1,
        le=3600,
        description="open, then a probe",
        json_schema_extra=env("KKT_BREAKER_OPEN"),
    )
    breaker_probes: int = Field(
        default=2,
        ge=1,
        le=100,
        description="good probes in a row that close it",
        json_schema_extra=env("KKT_BREAKER_PROBES"),
    )
    adapter_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        description="what back offices know this adapter by; default: made once and kept",
        json_schema_extra=env("KKT_ADAPTER_ID"),
    )
    heartbeat_url: str = Field(
        default="",
        description="a back office of profile odoo beside the [[back_office]] tables",
        json_schema_extra=env("HEARTBEAT_URL"),
    )
    heartbeat_interval_s: float = Field(
        default=30.0,
        ge=0.05,
        le=3600,
        description="between its calls, +-10 %",
        json_schema_extra=env("HEARTBEAT_INTERVAL"),
    )
    heartbeat_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="one call to it, connecting included",
        json_schema_extra=env("HEARTBEAT_TIMEOUT"),
    )
    heartbeat_token: SecretStr = Field(
        default=SecretStr(""), description="its bearer token", json_schema_extra=env("HEARTBEAT_TOKEN")
    )
    heartbeat_allow_insecure: bool = Field(
        default=False,
        description="its http:// beyond this machine",
        json_schema_extra=env("HEARTBEAT_ALLOW_INSECURE"),
    )
    alert_interval_s: float = Field(
        default=5.0,
        ge=0.05,
        le=60,
        description="between two looks at everything that alerts are about",
        json_schema_extra=env("KKT_ALERT_INTERVAL"),
    )
    notify_url: str = Field(
        default="",
        description="webhook that is told of alerts as they start and end",
        json_schema_extra=env("KKT_NOTIFY_URL"),
    )
    notify_allow_insecure: bool = Field(
        default=False,
        description="its http:// beyond this machine",
        json_schema_extra=env("KKT_NOTIFY_ALLOW_INSECURE"),
    )
    notify_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs what it is told, Standard Webhooks form",
        json_schema_extra=env("KKT_NOTIFY_SECRET"),
    )
    notify_telegram_token: SecretStr = Field(
        default=SecretStr(""),
        description="of a Telegram bot that is told of alerts",
        json_schema_extra=env("KKT_NOTIFY_TELEGRAM_TOKEN"),
    )
    notify_telegram_chat: str = Field(
        default="",
        description="chat the bot writes into: its number or @name",
        json_schema_extra=env("KKT_NOTIFY_TELEGRAM_CHAT"),
    )
    notify_telegram_url: str = Field(
        default="https://api.telegram.org",
        description="where bots are reached",
        json_schema_extra=env("KKT_NOTIFY_TELEGRAM_URL"),
    )
    notify_proxy: str = Field(
        default="",
        description="http:// proxy for both",
        json_schema_extra=env("KKT_NOTIFY_PROXY"),
    )
    network_interval_s: float = Field(
        default=30.0,
        ge=0.05,
        le=3600,
        description="check of operators and back offices, for the network mode",
        json_schema_extra=env("KKT_NETWORK_INTERVAL"),
    )
    network_results: int = Field(
        default=3,
        ge=1,
        le=100,
        description="like results in a row before the network mode changes",
        json_schema_extra=env("KKT_NETWORK_RESULTS"),
    )
    network_least_s: float = Field(
        default=90.0,
        ge=0,
        le=3600,
        description="least time in a network mode",
        json_schema_extra=env("KKT_NETWORK_LEAST"),
    )
    redis_url: str = Field(
        default="",
        description="pass lock of several nodes; empty: none wanted",
        json_schema_extra=env("REDIS_URL"),
    )
    redis_host: str = Field(
        default="", description="when there is no URL", json_schema_extra=env("REDIS_HOST")
    )
    redis_port: int = Field(
        default=6379, ge=1, le=65535, description="when there is no URL", json_schema_extra=env("REDIS_PORT")
    )
    redis_db: int = Field(
        default=0, ge=0, le=1000, description="when there is no URL", json_schema_extra=env("REDIS_DB")
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least level that is logged", json_schema_extra=env("KKT_LOG_LEVEL")
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal", json_schema_extra=env("KKT_LOG_FORMAT")
    )
    registers: tuple[RegisterSettings, ...] = Field(default=(), description="[[register]] tables")
    group: tuple[GroupSettings, ...] = Field(default=(), description="[[group]] tables")
    back_office: tuple[BackOfficeSettings, ...] = Field(default=(), description="[[back_office]] tables")
    shop: tuple[ShopSettings, ...] = Field(default=(), description="[[shop]] tables")
    sign_in: AuthSettings = Field(default_factory=AuthSettings, description="accounts")
    catalog: CatalogSettings = Field(default_factory=CatalogSettings, description="product catalogue")

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
    def copies_dir(self) -> Path:
        """Where copies of the SQLite file go."""
        return self.backup_dir or self.data_dir / "backups"

    @property
    def fn_dir(self) -> Path:
        return self.virtual_dir or self.data_dir / "fn"

    @property
    def redis(self) -> str:
        """The address of the lock server; empty when none is wanted."""
        if self.redis_url or not self.redis_host:
            return self.redis_url
        return f"redis://{self.redis_host}:{self.redis_port}/{self.redis_db}"
