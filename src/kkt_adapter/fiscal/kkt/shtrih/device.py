"""What this device is and can do, asked once after connecting and shown by ``registers show``.

Nothing is guessed from the model where the device itself can say it: F7h tells tables, orders and abilities.
Old firmware has no F7h (37h); then the numbers of desktop devices hold, and abilities are taken as absent.
"""

from dataclasses import dataclass, field

from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import DeviceModel
from kkt_adapter.fiscal.kkt.shtrih.session import DeviceRefusal, Session
from kkt_adapter.fiscal.kkt.shtrih.values import Cursor, plain

CASH_CORE_MODELS = frozenset({16, 20, 21, 45, 46})
MOBILE_F, NANO_F = 19, 152
NO_PRINT_DESKTOP, NO_PRINT_CASH_CORE, NO_PRINT_MOBILE = (17, 7), (1, 48), (1, 43)
"""Table and field of "do not print"; the row is 1."""

BIT_CASH_CORE = 23
BIT_PROTOCOL_2 = 28
BIT_FN = 43
BIT_RELAY = 44
BIT_CORRECTIONS = 48
BIT_EXTENDED_ANSWERS = 50
BIT_AUTO_CANCEL = 53
BIT_FOUR_BYTE_ERRORS = 54

_TABLES_AT = 31  # in the data of F7h type 1
_SYSTEM_PASSWORD_AT = 19
_LONGEST_AT = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Numbers of the tables we read."""

    fn: int = 18
    ofd: int = 19
    internet: int = 24
    ffd: int = 17
    ffd_field: int = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    model: int
    name: str
    flags: int | None  # F7h; None: the device does not know the command
    tables: Tables = field(default_factory=Tables)
    system_password: int | None = None  # from the factory
    longest_command: int = 255
    exchange_setting: int | None = None  # table 21 field 2

    def has(self, bit: int) -> bool:
        return self.flags is not None and bool(self.flags >> bit & 1)

    @property
    def cash_core(self) -> bool:
        return self.model in CASH_CORE_MODELS or self.has(BIT_CASH_CORE)

    @property
    def tags_before_operation(self) -> bool:
        """FF4D and FF67 belong in front of their FF46."""
        return self.cash_core or self.model == MOBILE_F

    @property
    def relays(self) -> bool:
        """The host may carry the exchange with the operator."""
        return self.has(BIT_RELAY) and self.exchange_setting == 0

    @property
    def corrects_by_receipt(self) -> bool:
        return self.has(BIT_CORRECTIONS)

    @property
    def no_print_field(self) -> tuple[int, int]:
        if self.cash_core:
            return NO_PRINT_CASH_CORE
        return NO_PRINT_MOBILE if self.model == MOBILE_F else NO_PRINT_DESKTOP

    @property
    def rates(self) -> tuple[int, ...]:
        """The byte of FF46 for rows 1..12 of table 6."""
        return NANO_RATES if self.model == NANO_F else RATES


RATES = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x81, 0x82, 0x84, 0x88, 0xCB, 0xCC)
NANO_RATES = (*RATES[:10], 0x90, 0xA0)


async def detect(session: Session, password: int) -> KnownDevice:
    """Raises LinkDown. What the device does not know stays at its default."""
    metrics = DeviceModel.read(await session.data(requests.METRICS))
    device = read_parameters(metrics, await _if_known(session, requests.PARAMETERS + b"\1"))
    setting = await _if_known(session, requests.read_table(password, 21, 1, 2))
    if setting is None:
        return device
    return KnownDevice(
        model=device.model,
        name=device.name,
        flags=device.flags,
        tables=device.tables,
        system_password=device.system_password,
        longest_command=device.longest_command,
        exchange_setting=int.from_bytes(setting, "little"),
    )


def read_parameters(metrics: DeviceModel, data: bytes | None) -> KnownDevice:
    """The device of FCh and F7h; None: it has no F7h."""
    if data is None or len(data) < 8:
        return KnownDevice(model=metrics.model, name=metrics.name, flags=None)
    tables = data[_TABLES_AT:]
    return KnownDevice(
        model=metrics.model,
        name=metrics.name,
        flags=int.from_bytes(data[:8], "little"),
        tables=Tables(
            **dict(zip(("fn", "ofd", "internet", "ffd", "ffd_field"), tables, strict=False))
            if len(tables) >= 5
            else {}
        ),
        system_password=_number(data, _SYSTEM_PASSWORD_AT, 4),
        longest_command=_number(data, _LONGEST_AT, 2) or 255,
    )


async def read_number(session: Session, password: int, table: int, row: int, field: int) -> int | None:
    """A field of a table as a number; None: there is no such table, row or field."""
    data = await _if_known(session, requests.read_table(password, table, row, field))
    return None if data is None else int.from_bytes(data, "little")


async def read_text(session: Session, password: int, table: int, row: int, field: int) -> str:
    data = await _if_known(session, requests.read_table(password, table, row, field))
    return "" if data is None else plain(data)


async def field_name(session: Session, password: int, table: int, field: int) -> str:
    """What the device calls a field (2Eh); empty when it does not say."""
    data = await _if_known(session, requests.field_structure(password, table, field))
    return "" if data is None else plain(Cursor(data).take(min(40, len(data))))


PASSWORD_ERRORS = frozenset({0x4F})


async def _if_known(session: Session, body: bytes) -> bytes | None:
    try:
        return await session.data(body)
    except DeviceRefusal as refusal:
        if refusal.code in PASSWORD_ERRORS:
            raise
        return None


def _number(data: bytes, at: int, size: int) -> int | None:
    return int.from_bytes(data[at : at + size], "little") if len(data) >= at + size else None
