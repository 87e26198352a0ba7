"""What List and GetDataKKT say of a register: its registration, and what it told of itself last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.fields import Fields
from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.fiscal.store.device_numbers import DeviceName

Json = dict[str, Any]

LINE_LENGTH: Final = 42  # characters of our slip
FISCAL_REGISTRAR: Final = "Фискальный регистратор"
"""``TypeDevice``; one client drops devices of other types (DJAlone1992/kkmServerClasses:frontend/js)."""

_NO_DAY: Final = "0001-01-01T00:00:00"
_TAXATIONS: Final = 6
_SESSIONS: Final = {ShiftState.CLOSED: 1, ShiftState.OPEN: 2, ShiftState.EXPIRED: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """One register, as of now. ``registration`` and ``status`` are None while it was never reached."""

    name: DeviceName
    register_id: str
    kind: str
    registration: Registration | None
    status: KktStatus | None
    ready: bool
    clock: datetime  # wall clock, for a register that has not told its own
    cash: Decimal | None = None  # in the drawer, where a session counts it


def list_unit(view: DeviceView) -> Json:
    """One member of ``ListUnit``."""
    known, status = view.registration, view.status
    unsent = status is not None and status.first_unsent_number is not None
    return {
        "NumDevice": view.name.number,
        "IdDevice": view.name.device_id,
        "OnOff": True,
        "Active": view.ready,
        "TypeDevice": FISCAL_REGISTRAR,
        "IdTypeDevice": view.kind,
        "IP": "",
        "NameDevice": view.register_id,
        "UnitName": view.register_id,
        "KktNumber": "" if known is None else known.serial_number,
        "INN": "" if known is None else known.user_inn,
        "RegNumber": "" if known is None else known.registration_number,
        "FnNumber": _fn_number(view),
        "InnOfd": "" if known is None else known.ofd_inn,
        "NameOrganization": "" if known is None else known.user_name,
        "TaxVariant": _taxations(known),
        "AddDate": _NO_DAY,
        "OFD_Error": "",
        "OFD_NumErrorDoc": status.first_unsent_number if status is not None and unsent else 0,
        "OFD_DateErrorDoc": _moment(None if status is None else status.first_unsent_at),
        "FN_DateEnd": _day(None if status is None else status.fn_valid_until),
        "FN_MemOverflowl": status is not None and status.blocked == "FN_FULL",
        "FN_IsFiscal": known is not None and known.fiscal_device,
        "PaperOver": status is not None and status.state is KktState.PAPER_OUT,
        "Firmware_Version": "" if known is None else known.kkt_version,
    }


def listed(views: Sequence[DeviceView], command: Fields) -> list[Json]:
    """``ListUnit`` after the filters of the command; a filter that is null or absent takes any.

    ``FN_IsFiscal`` true hides no virtual register: a till that asks so would find none in the sandbox.
    """
    inn = command.text("InnKkm")
    wanted = {name: command.flag(name) for name in ("Active", "OnOff", "FN_MemOverflowl")}
    wants_real = command.flag("FN_IsFiscal")
    wants_error = command.flag("OFD_Error")
    for name in ("OFD_DateErrorDoc", "FN_DateEnd"):
        command.value(name)
    found = []
    for unit in (list_unit(view) for view in views):
        if inn is not None and unit["INN"] != inn.strip():
            continue
        if any(flag is not None and unit[name] is not flag for name, flag in wanted.items()):
            continue
        if wants_real is False and unit["FN_IsFiscal"]:
            continue
        if wants_error is not None and bool(unit["OFD_Error"]) is not wants_error:
            continue
        found.append(unit)
    return found


def info(view: DeviceView) -> Json:
    """``Info`` of GetDataKKT and of answers about shifts."""
    known, status = view.registration, view.status
    return {
        **_registered(known),
        "OnOff": True,
        "Active": view.ready,
        "FnNumber": _fn_number(view),
        "FN_MemOverflowl": status is not None and status.blocked == "FN_FULL",
        "FN_DateStart": _NO_DAY,
        "FN_DateEnd": _day(None if status is None else status.fn_valid_until),
        "OFD_Error": "",
        "OFD_NumErrorDoc": 0 if status is None else status.first_unsent_number or 0,
        "OFD_DateErrorDoc": _moment(None if status is None else status.first_unsent_at),
        "SessionState": 1 if status is None else _SESSIONS[status.shift_state],
        "PaperOver": status is not None and status.state is KktState.PAPER_OUT,
        "BalanceCash": Decimal("0.00") if view.cash is None else view.cash,
        "DateTimeKKT": _moment(view.clock if status is None else status.clock),
        "Firmware_Status": 1,
        "LicenseExpirationDate": _NO_DAY,
    }


def _registered(known: Registration | None) -> Json:
    return {
        "UrlServerOfd": "",
        "PortServerOfd": "",
        "NameOFD": "" if known is None else known.ofd_name,
        "UrlOfd": "",
        "InnOfd": "" if known is None else known.ofd_inn,
        "NameOrganization": "" if known is None else known.user_name,
        "InnOrganization": "" if known is None else known.user_inn,
        "TaxVariant": _taxations(known),
        "AddressSettle": "" if known is None else known.address,
        "PlaceSettle": "" if known is None else known.place,
        "SenderEmail": "" if known is None else known.sender_email,
        "KktNumber": "" if known is None else known.serial_number,
        "RegNumber": "" if known is None else known.registration_number,
        "FN_IsFiscal": known is not None and known.fiscal_device,
        "FFDVersion": "" if known is None else known.ffd_version.text,
        "FFDVersionFN": "" if known is None else known.ffd_version.text,
        "FFDVersionKKT": "" if known is None else known.ffd_version.text,
        "Firmware_Version": "" if known is None else known.kkt_version,
        "AutomaticMode": known is not None and known.auto_mode,
        "OfflineMode": known is not None and known.offline_mode,
        "InternetMode": known is not None and known.internet_only,
        "SaleMarking": known is not None and known.marked_goods,
        "SaleExcisableGoods": known is not None and known.excise_goods,
        "EncryptionMode": False,
        "SignOfAgent": "",
    }


def _fn_number(view: DeviceView) -> str:
    if view.status is not None:
        return view.status.fn_number
    return "" if view.registration is None else view.registration.fn_number


def _taxations(known: Registration | None) -> str:
    if known is None:
        return ""
    return ",".join(str(bit) for bit in range(_TAXATIONS) if known.taxation_mask >> bit & 1)


def _moment(moment: datetime | None) -> str:
    """The register's wall clock without a zone."""
    return _NO_DAY if moment is None else moment.replace(tzinfo=None).isoformat(timespec="seconds")


def _day(day: date | None) -> str:
    return _NO_DAY if day is None else f"{day.isoformat()}T00:00:00"
