"""One shop's account as it is configured, and its secret from where the file says it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.auth.shop_values import (
    DUPLICATE_HTTP,
    GUARD_MINUTES,
    HOLD_MAX_S,
    SHOP_ID,
    DoorName,
    Shop,
    is_id,
)
from kkt_adapter.runtime.auth.shops import secret_hash
from kkt_adapter.settings.fields import Texts, boolean_is_no_number

MIN_SECRET_CHARACTERS = 16
SECRET_WAYS = ("secret", "secret_file", "secret_env")


class ShopSettings(BaseModel):
    """One ``[[shop]]`` of the file: a program that speaks ATOL Online or KkmServer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=SHOP_ID, description="name of the account; its keys are kept under it")
    login: str = Field(min_length=1, max_length=100, description="what the shop signs in with")
    secret: SecretStr | None = Field(
        default=None,
        description="its password, at least 16 characters; two of the three ways may be given while it is "
        "being changed, both are valid then",
    )
    secret_file: str | None = Field(default=None, description="file that holds it")
    secret_env: str | None = Field(default=None, description="variable that holds it")
    groups: Texts = Field(min_length=1, description="ids of the groups of registers that it may print on")
    doors: tuple[DoorName, ...] = Field(
        default=tuple(DoorName), min_length=1, description="protocols it may speak"
    )
    duplicate_http: int = Field(
        default=400, description="HTTP status of a repeated external_id: 400, or 200 as Bitrix wants it"
    )
    convert: bool = Field(default=False, description="takes v4 receipts on registers of FFD 1.2")
    callback_hosts: Texts = Field(
        default=(), description="hosts (or host:port) that may be called back; empty: any public address"
    )
    origins: Texts = Field(default=(), description="web pages that may call from a browser, https://host")
    hold_max_s: float = Field(
        default=HOLD_MAX_S, ge=1, le=600, description="KkmServer: how long an answer waits for the document"
    )
    guard_minutes: float = Field(
        default=GUARD_MINUTES,
        ge=0,
        le=1440,
        description="KkmServer: how long the same receipt under a new IdCommand is held back; 0: not",
    )
    anonymous: bool = Field(
        default=False, description="KkmServer clients without credentials are this shop; loopback only"
    )
    was: Texts = Field(default=(), description="ids it had before; their keys count as its own")

    _no_boolean = field_validator("*", mode="before")(classmethod(boolean_is_no_number))

    @field_validator("duplicate_http")
    @classmethod
    def _status_is_known(cls, value: int) -> int:
        if value not in DUPLICATE_HTTP:
            raise PydanticCustomError("duplicate_http", "400 or 200", {"ru": "400 или 200"})
        return value

    @field_validator("groups", "was")
    @classmethod
    def _ids_are_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_id(one) for one in value):
            raise PydanticCustomError(
                "ids", "ids of A-Z a-z 0-9 _ . -", {"ru": "идентификаторы из A-Z a-z 0-9 _ . -"}
            )
        return value

    @field_validator("origins")
    @classmethod
    def _origins_are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https"):
                raise PydanticCustomError(
                    "origin", "pages as a browser names them, https://host", {"ru": "источники, https://узел"}
                )
        return value

    @field_validator("callback_hosts")
    @classmethod
    def _hosts_are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not host or "/" in host or "*" in host or "@" in host:
                raise PydanticCustomError("host", "host or host:port", {"ru": "узел или узел:порт"})
        return value

    @model_validator(mode="after")
    def _secret_is_long(self) -> Self:
        if self.secret is None and not self.anonymous:
            raise PydanticCustomError(
                "secret",
                "secret, secret_file or secret_env",
                {"ru": "secret, secret_file или secret_env"},
            )
        for one in self.all_secrets:
            if len(one) < MIN_SECRET_CHARACTERS:
                raise PydanticCustomError(
                    "secret",
                    "a secret of at least 16 characters",
                    {"ru": "секрет не короче 16 символов"},
                )
        return self

    @property
    def all_secrets(self) -> tuple[str, ...]:
        """The present one, then the one before it; ``with_secret`` has joined them by a line end."""
        return () if self.secret is None else tuple(self.secret.get_secret_value().split("\n"))

    @property
    def shop(self) -> Shop:
        return Shop(
            id=self.id,
            login=self.login,
            secret_hashes=tuple(secret_hash(one) for one in self.all_secrets),
            groups=self.groups,
            doors=frozenset(self.doors),
            duplicate_http=self.duplicate_http,
            convert=self.convert,
            callback_hosts=self.callback_hosts,
            origins=self.origins,
            hold_max_s=self.hold_max_s,
            guard_minutes=self.guard_minutes,
            anonymous=self.anonymous,
            was=self.was,
        )


def with_secret(table: object, environment: Mapping[str, str]) -> object:
    """A ``[[shop]]`` with its secret read from where it is; two of the three ways are two valid secrets.

    Raises:
        SettingsInvalid: all three are given, or a place holds none.
    """
    if not isinstance(table, dict):
        return table
    shown = f"[[shop]] {table.get('id', '')}"
    found = {
        name: _secret_of(table, name, environment, shown)
        for name in SECRET_WAYS
        if table.get(name) is not None
    }
    if len(found) > 2:
        raise SettingsInvalid(
            f"{shown}: secret, secret_file and secret_env are given; at most two may be, while it is changed",
            f"{shown}: заданы secret, secret_file и secret_env; можно не более двух, на время замены",
        )
    if not found:
        return table
    return {**table, "secret": "\n".join(found.values())}


def _secret_of(table: dict[str, object], name: str, environment: Mapping[str, str], shown: str) -> str:
    value = str(table[name])
    match name:
        case "secret_env":
            secret = environment.get(value, "")
        case "secret_file":
            try:
                secret = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsInvalid(
                    f"{shown}: secret_file cannot be read: {error}",
                    f"{shown}: не читается secret_file: {error}",
                ) from error
        case _:
            secret = value
    if not secret:
        raise SettingsInvalid(f"{shown}: {name} holds no secret", f"{shown}: в {name} секрета нет")
    if "\n" in secret:
        raise SettingsInvalid(
            f"{shown}: {name} holds several lines; a secret is one",
            f"{shown}: в {name} несколько строк; секрет — одна строка",
        )
    return secret


def check_shops(shops: tuple[ShopSettings, ...]) -> None:
    """At most one shop takes clients without credentials. Raises SettingsInvalid."""
    anonymous = [one.id for one in shops if one.anonymous]
    if len(anonymous) > 1:
        raise SettingsInvalid(
            f"[[shop]] {' and '.join(anonymous)}: anonymous = true may stand at one only",
            f"[[shop]] {' и '.join(anonymous)}: anonymous = true допустимо только у одного",
        )
