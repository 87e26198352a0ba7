"""One register as it is configured."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings.fields import boolean_is_no_number

MUST_AGREE = "; a new virtual FN takes it; if given, a register that says otherwise is stopped"


class Transport(StrEnum):
    RELAY = "relay"
    DEVICE = "device"
    HTTP = "http"


SCHEMES = {"virtual": (), "shtrih": ("tcp", "serial"), "atol": ("http", "https")}
"""What an address of each kind of register begins with; none: it has no address."""

EXAMPLES = {
    "shtrih": "tcp://192.168.137.111:7778, serial:///dev/ttyUSB0?baudrate=115200",
    "atol": "http://192.168.1.20:16732",
}

FACTORY_ADMIN_PASSWORD = "30"  # noqa: S105 - the system administrator of every new Shtrih-M


class RegisterSettings(BaseModel):
    """One ``[[register]]`` of the file: a KKT, its tills, and what receipts take when a till is silent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=64, description="name of the register")
    driver: Literal["virtual", "shtrih", "atol"] = Field(
        description="kind of register; virtual is not a fiscal device"
    )
    address: str = Field(
        default="",
        description="tcp://HOST:7778, serial:///dev/ttyUSB0?baudrate=115200 or http://HOST:16732",
    )
    password: SecretStr | None = Field(
        default=None,
        description="Shtrih-M: the operator's of table 2; default: 1, as from the factory. ATOL: of login",
    )
    password_file: str | None = Field(default=None, description="file that holds the password")
    password_env: str | None = Field(default=None, description="variable that holds the password")
    login: str = Field(default="", max_length=128, description="ATOL: user of the web server; default: none")
    device_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="ATOL: the register's id in the web server; needed where it has several",
    )
    admin_password: SecretStr = Field(
        default=SecretStr(FACTORY_ADMIN_PASSWORD),
        description="Shtrih-M: for FN commands, tables and Z reports; default: 30, as from the factory",
    )
    protocol: Literal["auto", "1", "2"] = Field(
        default="auto", description="Shtrih-M: low-level protocol; auto asks the device"
    )
    pos_ids: tuple[str, ...] = Field(default=(), description="tills that print here; default: the id")
    timezone: str | None = Field(default=None, description="zone of its wall clock; default: the host's")
    user_inn: str | None = Field(
        default=None, pattern=r"^(\d{10}|\d{12})$", description="1018 of its registration" + MUST_AGREE
    )
    registration_number: str | None = Field(
        default=None, pattern=r"^\d{16}$", description="1037 of its registration" + MUST_AGREE
    )
    ffd_version: Literal["1.05", "1.1", "1.2"] = Field(
        default="1.2", description="FFD of its registration" + MUST_AGREE
    )
    taxation_mask: int = Field(
        default=1, ge=1, le=63, description="1062 of its registration, bits of 1055" + MUST_AGREE
    )
    marked_goods: bool = Field(
        default=False, description="registered for marked goods (1290 bit 8)" + MUST_AGREE
    )
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
    ofd_transport: Transport | None = Field(
        default=None, description="default: the service's; device for registers that are real"
    )
    ofd_host: str | None = Field(default=None, description="default: the service's")
    ofd_port: int | None = Field(default=None, ge=1, le=65535, description="default: the service's")

    @property
    def names_no_cashier(self) -> bool:
        """Whether receipts of a silent till name a post instead of a person: 1021 wants post and surname."""
        return self.cashier is not None and len(self.cashier.split()) < 2

    @property
    def tills(self) -> tuple[str, ...]:
        return self.pos_ids or (self.id,)

    def transport_or(self, default: Transport) -> Transport:
        """How its documents travel: as it says, else ``default``; a real register delivers by itself."""
        if self.ofd_transport is not None:
            return self.ofd_transport
        return default if self.driver == "virtual" else Transport.DEVICE

    @field_validator("password", "admin_password", "device_id", mode="before")
    @classmethod
    def _these_may_be_numbers(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _address_fits_the_driver(self) -> Self:
        schemes = SCHEMES[self.driver]
        if not schemes and self.address:
            raise PydanticCustomError(
                "address", "no address: a virtual register has none", {"ru": "нет адреса: ККТ виртуальная"}
            )
        if schemes and not is_device_address(self.address, schemes):
            example = EXAMPLES[self.driver]
            raise PydanticCustomError(
                "address",
                "address: one such as {example}",
                {"ru": f"address: адрес вида {example}", "example": example},
            )
        return self

    _no_boolean = field_validator("*", mode="before")(classmethod(boolean_is_no_number))

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise PydanticCustomError(
                    "zone", "a zone name such as Europe/Moscow", {"ru": "имя зоны, например Europe/Moscow"}
                ) from error
        return value


def is_device_address(address: str, schemes: tuple[str, ...]) -> bool:
    """``tcp://host:port`` with both, ``serial:///path`` with a path, ``http://host`` with what else a server
    may have before its own paths; a password has its own place."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in schemes:
            return False
        if parts.scheme == "serial":
            return len(parts.path) > 1 and not parts.netloc
        if parts.scheme in ("http", "https"):
            plain = not (parts.query or parts.fragment or "@" in parts.netloc)
            return plain and bool(parts.hostname) and parts.port != 0
        return bool(parts.hostname) and parts.port is not None
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


def with_password(table: object, environment: Mapping[str, str]) -> object:
    """A ``[[register]]`` with its password read from ``password_file`` or ``password_env``.

    Raises:
        SettingsInvalid: several of the three are given, or the place holds none.
    """
    if not isinstance(table, dict):
        return table
    given = [name for name in ("password", "password_file", "password_env") if table.get(name) is not None]
    shown = f"[[register]] {table.get('id', '')}"
    if len(given) > 1:
        raise SettingsInvalid(
            f"{shown}: {' and '.join(given)} are given; one of them is enough",
            f"{shown}: заданы {' и '.join(given)}; нужен один способ",
        )
    if given == ["password_env"]:
        found = environment.get(str(table["password_env"]), "")
    elif given == ["password_file"]:
        try:
            found = Path(str(table["password_file"])).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(
                f"{shown}: password_file cannot be read: {error}",
                f"{shown}: не читается password_file: {error}",
            ) from error
    else:
        return table
    if not found:
        raise SettingsInvalid(f"{shown}: {given[0]} holds no password", f"{shown}: в {given[0]} пароля нет")
    return {**table, "password": found}
