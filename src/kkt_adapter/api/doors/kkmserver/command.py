"""The head of a command: what every command may carry, and the table of commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.fields import Fields, folded, names
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, Status, refused
from kkt_adapter.kernel.quick import quickly_made

LONGEST_ID: Final = 128
"""The maker says 40 characters; seen are 19 to 60 (Magic-B/kkmserver-js:src)."""

USUAL_TIMEOUT_S: Final = 60
DO_NOT_WAIT: Final = 1  # a Timeout of 1 means "answer at once" (salesduck/kkmserver-types:src)
DO_NOT_WAIT_S: Final = 0.2
_MOST_SECONDS: Final = 3600  # what is above are milliseconds (freezerxp/devicesConnector sends 60000)


class Does(StrEnum):
    """What becomes of a command."""

    RECEIPT = "receipt"
    SHIFT_OPEN = "shift open"
    Z_REPORT = "Z report"
    X_REPORT = "X report"
    CASH_IN = "cash in"
    CASH_OUT = "cash out"
    RESULT = "result"
    LIST = "list"
    DEVICE_DATA = "device data"
    RECEIPT_DATA = "receipt data"
    LINE_LENGTH = "line length"
    TEXT = "text"
    GOOD_CODE = "good code"
    CARD_TERMINAL = "card terminal"
    REGISTRATION = "registration"
    UNSUPPORTED = "unsupported"


COMMANDS: Final[Mapping[str, Does]] = MappingProxyType(
    {
        "RegisterCheck": Does.RECEIPT,
        "OpenShift": Does.SHIFT_OPEN,
        "CloseShift": Does.Z_REPORT,
        "ZReport": Does.Z_REPORT,
        "XReport": Does.X_REPORT,
        "DepositingCash": Does.CASH_IN,
        "PaymentCash": Does.CASH_OUT,
        "GetRezult": Does.RESULT,
        "List": Does.LIST,
        "GetDataKKT": Does.DEVICE_DATA,
        "GetDataCheck": Does.RECEIPT_DATA,
        "GetLineLength": Does.LINE_LENGTH,
        "PrintDocument": Does.TEXT,
        "GetGoodCodeData": Does.GOOD_CODE,
        "KkmRegOfd": Does.REGISTRATION,
        **dict.fromkeys(
            (
                "PayByPaymentCard",
                "ReturnPaymentByPaymentCard",
                "CancelPaymentByPaymentCard",
                "AuthorisationByPaymentCard",
                "AuthConfirmationByPaymentCard",
                "CancelAuthorisationByPaymentCard",
                "EmergencyReversal",
                "Settlement",
                "TerminalReport",
                "TransactionDetails",
                "PrintSlipOnTerminal",
            ),
            Does.CARD_TERMINAL,
        ),
        **dict.fromkeys(
            (
                "OpenCashDrawer",
                "ValidationMarkingCode",
                "GetCounters",
                "OfdReport",
                "GetServerData",
                "OnOffUnut",
                "ContinuePrint",
                "GetWeight",
                "Calibrate",
                "OutputOnCustomerDisplay",
                "ClearCustomerDisplay",
                "OptionsCustomerDisplay",
                "PrintLineLength",
                "PrintOnLength",
            ),
            Does.UNSUPPORTED,
        ),
    }
)
_BY_FOLDED: Final = MappingProxyType({folded(name): (name, does) for name, does in COMMANDS.items()})


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceWish:
    """Which register a command is for. ``number`` 0: the first that can do it among those that fit."""

    number: int = 0
    inn: str | None = None
    factory_number: str | None = None
    taxation: int | None = None  # as TaxVariant
    device_id: str | None = None


_DEVICE: Final = names("InnKkm", "KktNumber", "TaxVariant", "IdDevice")


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str  # as the table has it
    written: str  # as the client wrote it: the answer repeats it
    does: Does
    id: str | None  # None: the client sent none
    timeout_s: float  # how long its answer may be held
    device: DeviceWish
    fields: Fields


def written_head(document: Mapping[str, Any]) -> tuple[str, str]:
    """Command and IdCommand as written, for the answer to a command that cannot be read otherwise."""
    found = {"command": "", "idcommand": ""}
    for written, value in document.items():
        name = folded(written)
        if name in found and isinstance(value, (str, int, Decimal)):
            found[name] = str(value)
    return found["command"][:LONGEST_ID], found["idcommand"][:LONGEST_ID]


def head_of(command: Command, document: Mapping[str, Any]) -> tuple[str, str]:
    """``written_head`` of a command that could be read: where both stand in it as texts under the names of
    the maker's page, they are the two."""
    if command.id is None or document.get("IdCommand") != command.id:
        return written_head(document)
    if document.get("Command") != command.written:
        return written_head(document)
    return command.written[:LONGEST_ID], command.id


def read_command(document: Mapping[str, Any]) -> Command:
    """The head of a request. Raises CommandRefused."""
    fields = Fields(document)
    written = fields.text("Command")
    if written is None:
        raise refused(
            "no_command",
            "The field Command is missing.",
            "Не указано поле Command.",
            status=Status.NOT_FOUND,
        )
    name, does = _BY_FOLDED.get(folded(written.strip()), (None, None))
    if name is None or does is None:
        raise refused(
            "unknown_command",
            f"There is no command {written[:64]}.",
            f"Нет команды {written[:64]}.",
            status=Status.NOT_FOUND,
        )
    return Command(
        name=name,
        written=written,
        does=does,
        id=_id(fields),
        timeout_s=held_for(fields.number("Timeout")),
        device=_device(fields),
        fields=fields,
    )


def held_for(timeout: Decimal | None) -> float:
    """Seconds that a client gives its answer; absent, 0 and below mean 60, 1 "do not wait"."""
    if timeout is None or timeout <= 0:
        return USUAL_TIMEOUT_S
    if timeout == DO_NOT_WAIT:
        return DO_NOT_WAIT_S
    seconds = timeout / 1000 if timeout >= _MOST_SECONDS else timeout
    return float(min(seconds, Decimal(USUAL_TIMEOUT_S)))


def unsupported(command: Command) -> CommandRefused:
    """Why a command of the table is not carried out, and what to do instead."""
    if command.does is Does.CARD_TERMINAL:
        return refused(
            "not_supported",
            f"{command.name} is not supported: this service drives no card terminal, no card was charged.",
            f"Команда {command.name} не поддерживается: служба не работает с терминалом, карта не списана.",
        )
    if command.does is Does.REGISTRATION:
        return refused(
            "not_supported",
            "KkmRegOfd is not supported: register the device and change its FN with its maker's program; see "
            "docs/how-to/connect-kkmserver.md.",
            "Команда KkmRegOfd не поддерживается: регистрация и замена ФН — программой производителя ККТ; "
            "см. docs/ru/connect-kkmserver.md.",
        )
    return refused(
        "not_supported",
        f"The command {command.name} is not supported.",
        f"Команда {command.name} не поддерживается.",
    )


def _id(fields: Fields) -> str | None:
    found = fields.text("IdCommand")
    if found is not None and len(found) > LONGEST_ID:
        raise refused(
            "id_too_long",
            f"IdCommand has {len(found)} characters, at most {LONGEST_ID} fit.",
            f"IdCommand: символов {len(found)}, допустимо {LONGEST_ID}.",
        )
    return found


def _device(fields: Fields) -> DeviceWish:
    number = fields.whole("NumDevice") or 0
    if not fields.has_any(_DEVICE):
        return DeviceWish(number=number)
    return DeviceWish(
        number=number,
        inn=_stripped(fields.text("InnKkm")),
        factory_number=_stripped(fields.text("KktNumber")),
        taxation=fields.whole("TaxVariant"),
        device_id=_stripped(fields.text("IdDevice")),
    )


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip() or None
