"""One register as it is configured."""

from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from kkt_adapter.fiscal.model import VatRate

MUST_AGREE = "; a new virtual FN takes it; if given, a register that says otherwise is stopped"


class Transport(StrEnum):
    RELAY = "relay"
    DEVICE = "device"
    HTTP = "http"


class RegisterSettings(BaseModel):
    """One ``[[register]]`` of the file: a KKT, its tills, and what receipts take when a till is silent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=64, description="name of the register")
    driver: Literal["virtual"] = Field(description="kind of register; virtual is not a fiscal device")
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
                raise PydanticCustomError(
                    "zone", "a zone name such as Europe/Moscow", {"ru": "имя зоны, например Europe/Moscow"}
                ) from error
        return value
