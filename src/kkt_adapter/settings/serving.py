"""Where the service listens, where it keeps its data, and what it lets in."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from kkt_adapter.kernel.addresses import is_loopback, within
from kkt_adapter.settings.fields import Texts, boolean_is_no_number, env


class ServingSettings(BaseModel):
    """The first part of ``Settings``. Durations end in ``_s`` (seconds), sizes in ``_mb``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1", description="address to listen on", json_schema_extra=env("KKT_HOST")
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        description="port; 0 takes a free one",
        json_schema_extra=env("KKT_PORT"),
    )
    kkmserver_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="one more port, for commands of KkmServer alone; its clients expect 5893; 0: none",
        json_schema_extra=env("KKT_KKMSERVER_PORT"),
    )
    tls_cert: Path | None = Field(
        default=None,
        description="PEM file with the certificate and its chain: the service speaks https; renewed files "
        "are picked up within a minute",
        json_schema_extra=env("KKT_TLS_CERT"),
    )
    tls_key: Path | None = Field(
        default=None,
        description="PEM file with its private key, without a passphrase",
        json_schema_extra=env("KKT_TLS_KEY"),
    )
    kkmserver_tls: Literal["auto", "off"] = Field(
        default="auto",
        description="of kkmserver_port; auto: as the service, off: plain http",
        json_schema_extra=env("KKT_KKMSERVER_TLS"),
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="everything the service writes",
        json_schema_extra=env("KKT_DATA_DIR"),
    )
    database_url: str = Field(
        default="",
        description="sqlite:///file or postgresql://...; default: buffer.db in the data directory",
        json_schema_extra=env("DATABASE_URL"),
    )
    buffer_db_path: Path | None = Field(
        default=None, description="the SQLite file, elsewhere", json_schema_extra=env("BUFFER_DB_PATH")
    )
    wal_autocheckpoint_pages: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="SQLite pages between checkpoints",
        json_schema_extra=env("KKT_WAL_AUTOCHECKPOINT"),
    )
    capacity: int = Field(
        default=10_000,
        ge=0,
        le=10_000_000,
        description="undelivered receipts the buffer takes, 50 or more; 0: no limit",
        json_schema_extra=env("KKT_BUFFER_CAPACITY"),
    )
    disk_low_mb: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="free disk space under which nothing is accepted; 0: off",
        json_schema_extra=env("KKT_DISK_LOW_MB"),
    )
    auth: Literal["auto", "open", "closed"] = Field(
        default="auto",
        description="open: /v1 without a token, on loopback only; auto: open on loopback, closed elsewhere",
        json_schema_extra=env("KKT_AUTH"),
    )
    allowed_hosts: Texts = Field(
        default=(),
        description="host names beside the loopback ones",
        json_schema_extra=env("KKT_ALLOWED_HOSTS"),
    )
    trusted_proxies: Texts = Field(
        default=(),
        description="addresses and networks whose X-Forwarded-For is believed; auto is then closed",
        json_schema_extra=env("KKT_TRUSTED_PROXIES"),
    )
    allowed_origins: Texts = Field(
        default=(),
        description="web pages that may call from a browser, https://host",
        json_schema_extra=env("KKT_ALLOWED_ORIGINS"),
    )
    public_url: str = Field(
        default="",
        max_length=200,
        description="where buyers reach this service, https://host or https://host/path; empty: no receipt "
        "gets an address",
        json_schema_extra=env("KKT_PUBLIC_URL"),
    )
    receipt_pages: bool = Field(
        default=True,
        description="serve the buyer's page of a receipt under /r/",
        json_schema_extra=env("KKT_RECEIPT_PAGES"),
    )
    path_prefix: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        max_length=200,
        description="path under which a proxy shows the pages, /kassa; the proxy takes it off again",
        json_schema_extra=env("KKT_PATH_PREFIX"),
    )
    rate_limit: int = Field(
        default=60,
        ge=0,
        le=100_000,
        description="requests per second of one sender, or of one address without a valid token; 0: off; "
        "off while open",
        json_schema_extra=env("KKT_RATE_LIMIT"),
    )
    max_in_flight: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="requests at work at once; one more gets OVERLOADED",
        json_schema_extra=env("KKT_MAX_IN_FLIGHT"),
    )
    max_connections: int = Field(
        default=1000,
        ge=16,
        le=60_000,
        description="open connections; fewer where the limit of open files is low",
        json_schema_extra=env("KKT_MAX_CONNECTIONS"),
    )
    max_connections_per_address: int = Field(
        default=100,
        ge=1,
        le=60_000,
        description="of one address; not for loopback and trusted proxies",
        json_schema_extra=env("KKT_MAX_CONNECTIONS_PER_ADDRESS"),
    )
    unknown_fields: Literal["warn", "refuse"] = Field(
        default="warn",
        description="fields of a receipt that nobody reads: FIELD_IGNORED in warnings, or 422",
        json_schema_extra=env("KKT_UNKNOWN_FIELDS"),
    )
    response_budget_s: float = Field(
        default=7.0,
        gt=0,
        le=60,
        description="wait for the printed document, then answer buffered",
        json_schema_extra=env("KKT_RESPONSE_BUDGET"),
    )

    _no_boolean = field_validator("*", mode="before")(classmethod(boolean_is_no_number))

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            within(value)
        except ValueError:
            raise PydanticCustomError(
                "proxies",
                "a list of addresses and networks, 10.0.0.7, 10.0.0.0/8",
                {"ru": "список адресов и сетей, 10.0.0.7, 10.0.0.0/8"},
            ) from None
        return value

    @field_validator("capacity")
    @classmethod
    def _capacity_is_useful(cls, value: int) -> int:
        if 0 < value < 50:
            raise PydanticCustomError(
                "capacity", "50 or more, or 0 for no limit", {"ru": "50 и больше или 0 — без предела"}
            )
        return value

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def auth_open(self) -> bool:
        if self.auth == "auto":
            return self.on_loopback and not self.trusted_proxies
        return self.auth == "open"

    @property
    def database(self) -> str:
        """The address of the database in force."""
        if self.database_url:
            return self.database_url
        path = self.buffer_db_path or self.data_dir / "buffer.db"
        return f"sqlite:///{path.absolute()}"
