"""Which register a command gets: by number, INN, factory number or tax system, else the first that can."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from kkt_adapter.api.doors.kkmserver.command import DeviceWish
from kkt_adapter.api.doors.kkmserver.refusal import Status, refused

DeviceNumber = NewType("DeviceNumber", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A register of the account, as far as choosing it needs. ``ready``: it would print now."""

    number: DeviceNumber
    register_id: str
    device_id: str
    inn: str | None  # None: it has never been reached
    factory_number: str | None
    taxation_mask: int
    ready: bool


def chosen(wish: DeviceWish, devices: Sequence[Device]) -> Device:
    """The register for a command. ``devices`` are all that the account may use.

    A named register is taken whether it can print or not, so that its trouble is told; among several that fit
    the first ready one, by number.

    Raises:
        CommandRefused: there is none (Status 3).
    """
    if wish.number > 0:
        for device in devices:
            if device.number == wish.number:
                return device
        known = ", ".join(str(device.number) for device in devices) or "-"
        raise refused(
            "no_device",
            f"There is no device number {wish.number} for this account. Known: {known}.",
            f"Устройства с номером {wish.number} у этой учётной записи нет. Есть: {known}.",
            status=Status.NOT_FOUND,
        )
    fitting = sorted((one for one in devices if _fits(wish, one)), key=lambda one: one.number)
    if not fitting:
        raise refused(
            "no_device",
            "No register of this account fits InnKkm, KktNumber, IdDevice or TaxVariant.",
            "Ни одна ККТ этой учётной записи не подходит по InnKkm, KktNumber, IdDevice или TaxVariant.",
            status=Status.NOT_FOUND,
        )
    return next((one for one in fitting if one.ready), fitting[0])


def _fits(wish: DeviceWish, device: Device) -> bool:
    if wish.device_id is not None and wish.device_id != device.device_id:
        return False
    if wish.inn is not None and wish.inn != device.inn:
        return False
    if wish.factory_number is not None and wish.factory_number != device.factory_number:
        return False
    variant = wish.taxation
    return variant is None or variant < 0 or bool(device.taxation_mask >> min(variant, 30) & 1)
