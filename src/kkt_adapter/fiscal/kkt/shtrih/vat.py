"""Rates of VAT on Shtrih-M: rows of table 6 in a fixed order, each checked by its rate **and** its name.

Field 1 of the table cannot tell a row: 20 % and 20/120 both hold 2000. Field 71 of table 17 makes some
firmware replace 20 % by 22 % from 2026 on by itself; a receipt that must keep 20 % (a refund or correction of
2025) is refused there instead of printed wrong.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from kkt_adapter.fiscal.ffd.vat import PERCENT
from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.kernel.errors import Text

ROW: Mapping[VatRate, int] = MappingProxyType(
    {
        VatRate.P20: 1,
        VatRate.P10: 2,
        VatRate.P0: 3,
        VatRate.NONE: 4,
        VatRate.P20_120: 5,
        VatRate.P10_110: 6,
        VatRate.P5: 7,
        VatRate.P7: 8,
        VatRate.P5_105: 9,
        VatRate.P7_107: 10,
        VatRate.P22: 11,
        VatRate.P22_122: 12,
    }
)
RATE_OF_ROW: Mapping[int, VatRate] = MappingProxyType({row: rate for rate, row in ROW.items()})
HUNDREDTHS: Mapping[VatRate, int] = MappingProxyType(
    {rate: percent * 100 for rate, percent in PERCENT.items()}
)
REPLACED_FROM = date(2026, 1, 1)
REPLACES = 1  # table 17 field 71: the register makes 20 % into 22 % by itself
_REPLACED = (VatRate.P20, VatRate.P20_120)
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """One row as read: ``rate`` in hundredths of a percent, None when the row does not exist."""

    row: int
    rate: int | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VatTable:
    """What the device's rows are good for."""

    rates: tuple[int, ...]  # the byte of FF46 by row
    wrong: Mapping[VatRate, Text] = field(default_factory=dict)  # why a rate cannot be used
    replaces: int | None = None  # table 17 field 71; None: no such field

    def trouble(self, rate: VatRate, day: date) -> Text | None:
        """Why a line with this rate must not be printed on that day (the register's)."""
        wrong = self.wrong.get(rate)
        if wrong is not None:
            return wrong
        if rate in _REPLACED and self.replaces == REPLACES and day >= REPLACED_FROM:
            return Text(
                f"the register would print VAT {rate} as 22 %: set field 71 of table 17 (row 1) to 2",
                f"ККТ напечатает НДС {rate} как 22 %: в таблице 17, ряд 1, поле 71 установите 2",
            )
        return None

    def byte(self, rate: VatRate) -> int:
        return self.rates[ROW[rate] - 1]


def check_rows(rows: Sequence[RateRow]) -> dict[VatRate, Text]:
    """What is wrong with which rate; a rate without a row is wrong, too."""
    found = {}
    by_row = {row.row: row for row in rows}
    for rate, number in ROW.items():
        row = by_row.get(number)
        if row is None or row.rate is None:
            found[rate] = Text(
                f"the register has no rate {rate} (table 6, row {number}): its firmware is too old",
                f"в ККТ нет ставки {rate} (таблица 6, ряд {number}): устаревшая прошивка",
            )
        elif row.rate != HUNDREDTHS[rate] or not _is_called(row.name, rate):
            found[rate] = Text(
                f"table 6, row {number} is {row.name!r} with {row.rate / 100:g} %, and should be VAT {rate}",
                f"таблица 6, ряд {number}: {row.name!r}, {row.rate / 100:g} %, а должна быть ставка {rate}",
            )
    return found


def _is_called(name: str, rate: VatRate) -> bool:
    """Whether a name means the rate: "НДС 20%", "НДС 20/120", "БЕЗ НДС"."""
    numbers = [int(digits) for digits in _DIGITS.findall(name)]
    if rate is VatRate.NONE:
        return "БЕЗ" in name.upper() or "НЕ ОБЛ" in name.upper()
    wanted = [int(part) for part in rate.value.split("/")]
    return numbers == wanted
