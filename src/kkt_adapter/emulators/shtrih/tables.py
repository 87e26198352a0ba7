"""The tables of an emulated device: the ones that drivers read, each field with its kind and name.

Contents follow a dump of a real device of 2026 (docs/reference/shtrih-m.md, Tables); everything can be
overwritten with 1Eh or through the control interface.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kkt_adapter.fiscal.kkt.shtrih.values import plain, text
from kkt_adapter.fiscal.model import Registration

OPERATORS = 30
RATES = (
    (2000, "НДС 20%"),
    (1000, "НДС 10%"),
    (0, "НДС 0%"),
    (0, "БЕЗ НДС"),
    (2000, "НДС 20/120"),
    (1000, "НДС 10/110"),
    (500, "НДС 5%"),
    (700, "НДС 7%"),
    (500, "НДС 5/105"),
    (700, "НДС 7/107"),
    (2200, "НДС 22%"),
    (2200, "НДС 22/122"),
)
SETTINGS, OPERATOR_TABLE, TAXES = 1, 2, 6
FFD_TABLE, FN_TABLE, OFD_TABLE, EXCHANGE_TABLE = 17, 18, 19, 21
TAX_ACCRUAL = 14  # table 1: 0 the device works tax sums out, 1 the host does
DO_NOT_PRINT, FFD_FIELD, STRICT_TAGS, DATE_IN_ANSWERS, AUTOCORRECTION, MAPPING, REPLACEMENT = (
    7,
    17,
    35,
    36,
    38,
    64,
    71,
)

Key = tuple[int, int, int]  # table, row, field


@dataclass(slots=True)
class Field:
    name: str
    value: int | str
    size: int  # bytes

    def read(self) -> bytes:
        if isinstance(self.value, str):
            return text(self.value, self.size)
        return self.value.to_bytes(self.size, "little")

    def write(self, data: bytes) -> bool:
        """False: not of this size."""
        if isinstance(self.value, str):
            self.value = plain(data[: self.size])
            return True
        if len(data) != self.size:
            return False
        self.value = int.from_bytes(data, "little")
        return True


class DeviceTables:
    """``fields`` by table, row and field number."""

    def __init__(self, registration: Registration, *, ffd: int) -> None:
        self.fields: dict[Key, Field] = dict(_settings())
        self.fields.update(_operators())
        self.fields.update(_rates())
        self.fields.update(_ffd(ffd))
        self.fields.update(_fn(registration))
        self.fields[OFD_TABLE, 1, 1] = Field("СЕРВЕР ОФД", "", 64)
        self.fields[OFD_TABLE, 1, 2] = Field("ПОРТ ОФД", 0, 2)
        self.fields[OFD_TABLE, 1, 3] = Field("ТАЙМАУТ", 30, 2)
        self.fields[EXCHANGE_TABLE, 1, 2] = Field("ОБМЕН С ОФД", 1, 1)

    def number(self, table: int, field: int, row: int = 1) -> int:
        found = self.fields.get((table, row, field))
        return found.value if found is not None and isinstance(found.value, int) else 0

    def shape(self, table: int) -> tuple[int, int] | None:
        """Rows and fields; None: no such table."""
        keys = [key for key in self.fields if key[0] == table]
        return (max(k[1] for k in keys), max(k[2] for k in keys)) if keys else None

    def operator_of(self, password: int) -> int | None:
        """The row of a password in the table of operators."""
        for row in range(1, OPERATORS + 1):
            if self.number(OPERATOR_TABLE, 1, row) == password:
                return row
        return None

    def operator_name(self, row: int) -> str:
        return str(self.fields[OPERATOR_TABLE, row, 2].value)


def _settings() -> Iterator[tuple[Key, Field]]:
    for number in range(1, 51):
        yield (SETTINGS, 1, number), Field(f"НАСТРОЙКА {number}", 0, 1)
    yield (SETTINGS, 1, TAX_ACCRUAL), Field("НАЧИСЛЕНИЕ НАЛОГОВ", 0, 1)


def _operators() -> Iterator[tuple[Key, Field]]:
    for row in range(1, OPERATORS + 1):
        name = {29: "АДМИНИСТРАТОР", 30: "СИСТЕМНЫЙ АДМИНИСТРАТОР"}.get(row, f"КАССИР {row}")
        yield (OPERATOR_TABLE, row, 1), Field("ПАРОЛЬ", row, 4)
        yield (OPERATOR_TABLE, row, 2), Field("ИМЯ", name, 64)


def _rates() -> Iterator[tuple[Key, Field]]:
    for row, (rate, name) in enumerate(RATES, start=1):
        yield (TAXES, row, 1), Field("ВЕЛИЧИНА НАЛОГА", rate, 2)
        yield (TAXES, row, 2), Field("НАЗВАНИЕ НАЛОГА", name, 64)


def _ffd(ffd: int) -> Iterator[tuple[Key, Field]]:
    for field, name, value in (
        (DO_NOT_PRINT, "НЕ ПЕЧАТАТЬ ДОКУМЕНТ", 0),
        (FFD_FIELD, "ФОРМАТ ФД", ffd),
        (STRICT_TAGS, "КОНТРОЛЬ ТЕГОВ", 0),
        (DATE_IN_ANSWERS, "РАСШИРЕННЫЕ ОТВЕТЫ", 0),
        (AUTOCORRECTION, "АВТОКОРРЕКЦИЯ СТАВКИ НДС", 1),
        (MAPPING, "МАППИНГ НАЛОГОВ", 0),
        (REPLACEMENT, "ЗАМЕНА НДС 20 НА 22", 1),
    ):
        yield (FFD_TABLE, 1, field), Field(name, value, 1)


def _fn(registration: Registration) -> Iterator[tuple[Key, Field]]:
    for field, name, value in (
        (1, "СЕР. НОМЕР", registration.serial_number),
        (2, "ИНН", registration.user_inn),
        (3, "РНМ", registration.registration_number),
        (4, "НОМЕР ФН", registration.fn_number),
        (7, "ПОЛЬЗОВАТЕЛЬ", registration.user_name),
        (8, "ОПЕРАТОР", "СИС. АДМИНИСТРАТОР"),
        (9, "АДРЕС", registration.address),
        (10, "ИМЯ ОФД", registration.ofd_name),
        (11, "URL ОФД", ""),
        (12, "ИНН ОФД", registration.ofd_inn),
        (13, "САЙТ ФНС", registration.fns_site),
        (14, "МЕСТО", registration.place),
        (23, "ИНН КАССИРА", ""),
    ):
        yield (FN_TABLE, 1, field), Field(name, value, 128)
    yield (FN_TABLE, 1, 5), Field("СНО", registration.taxation_mask, 1)
    yield (FN_TABLE, 1, 6), Field("РЕЖИМ", 0, 1)
