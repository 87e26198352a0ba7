"""VAT: the rates, their codes of tag 1199, the days they are valid, and the tax inside an amount.

Rates and days are data (``PERIODS``): a new rate is a new member of ``VatRate``, a row here and a code.

Sources: codes 1..6 order ED-7-20/662@, 7..10 order ED-7-20/1038@, 11 and 12 order ED-7-20/1050@; days: law
176-FZ (5 and 7 % from 2025-01-01), law 425-FZ (22 % instead of 20 % from 2026-01-01); which rate a settlement
takes: FNS letter AB-4-20/11248@ of 2025-12-15 (docs/reference/fiscal-rules.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from types import MappingProxyType

from kkt_adapter.fiscal.model import Receipt, ReceiptKind, ReceiptWarning, VatRate
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import Kopecks

CODE: Mapping[VatRate, int] = MappingProxyType(
    {
        VatRate.P20: 1,
        VatRate.P10: 2,
        VatRate.P20_120: 3,
        VatRate.P10_110: 4,
        VatRate.P0: 5,
        VatRate.NONE: 6,
        VatRate.P5: 7,
        VatRate.P7: 8,
        VatRate.P5_105: 9,
        VatRate.P7_107: 10,
        VatRate.P22: 11,
        VatRate.P22_122: 12,
    }
)
"""Values of tag 1199."""

RATE_OF_CODE: Mapping[int, VatRate] = MappingProxyType({code: rate for rate, code in CODE.items()})

PERCENT: Mapping[VatRate, int] = MappingProxyType(
    {
        rate: int(rate.value.partition("/")[0]) if rate is not VatRate.NONE else 0
        for rate in VatRate  # "22" and "22/122" are both 22 percent of the price without tax
    }
)

CALCULATED = frozenset(rate for rate in VatRate if "/" in rate.value)
"""Rates for advances: the tax is a share of what was received (``22/122``)."""

SIMPLIFIED_RATES = frozenset({VatRate.P5, VatRate.P7, VatRate.P5_105, VatRate.P7_107})
SIMPLIFIED_TAXATION = frozenset({2, 4})  # 1055: the two simplified systems, the only ones with 5 and 7 %

_TAXED_FLAT = frozenset({VatRate.P22, VatRate.P20, VatRate.P10, VatRate.P7, VatRate.P5})


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days (both included) on which a new settlement may take a rate."""

    since: date = date.min
    until: date = date.max


_SINCE_2026 = Period(since=date(2026, 1, 1))
_UNTIL_2025 = Period(until=date(2025, 12, 31))
_SINCE_2025 = Period(since=date(2025, 1, 1))
_ALWAYS = Period()

PERIODS: Mapping[VatRate, Period] = MappingProxyType(
    {
        VatRate.P22: _SINCE_2026,
        VatRate.P22_122: _SINCE_2026,
        VatRate.P20: _UNTIL_2025,
        VatRate.P20_120: _UNTIL_2025,
        VatRate.P7: _SINCE_2025,
        VatRate.P7_107: _SINCE_2025,
        VatRate.P5: _SINCE_2025,
        VatRate.P5_105: _SINCE_2025,
        VatRate.P10: _ALWAYS,
        VatRate.P10_110: _ALWAYS,
        VatRate.P0: _ALWAYS,
        VatRate.NONE: _ALWAYS,
    }
)

METHOD_CREDIT_PAYMENT = 7  # 1214: payment of a credit; what was shipped under the old rate keeps it
METHODS_ADVANCE = frozenset({1, 2, 3})  # 1214: full prepayment, prepayment, advance
_TAKES_THE_OLD_RATE = frozenset({ReceiptKind.REFUND, ReceiptKind.EXPENSE_REFUND})


class RateAge(Enum):
    """How a rate stands to the day of a settlement."""

    VALID = "valid"
    EARLY = "early"  # the rate does not exist yet
    LATE = "late"  # replaced by another one, and nothing says that the settlement is about older goods


def rate_age(rate: VatRate, *, day: date, kind: ReceiptKind, method: int) -> RateAge:
    """Whether a settlement of ``day`` may take ``rate``.

    A rate that has ended stays right for refunds and payments of a credit (method 7): they follow the rate
    under which the goods were shipped. ``day`` of a correction is the day it corrects, and its rate that of
    the day; ``kind`` of a correction of a refund is that of the refund.
    """
    period = PERIODS[rate]
    if day > period.until:
        old = kind in _TAKES_THE_OLD_RATE or method == METHOD_CREDIT_PAYMENT
        return RateAge.VALID if old else RateAge.LATE
    return RateAge.VALID if day >= period.since else RateAge.EARLY


def vat_inside(amount_kop: int, rate: VatRate) -> Kopecks:
    """The tax inside an amount that includes it: amount x r / (100 + r), half up; 0 for 0 % and no VAT."""
    percent = PERCENT[rate]
    if not percent:
        return Kopecks(0)
    whole = 100 + percent
    return Kopecks((2 * amount_kop * percent + whole) // (2 * whole))


def is_plain_rate_of_advance(rate: VatRate, method: int) -> bool:
    """An advance (methods 1-3) is taxed at a calculated rate: 22 here is most likely meant as 22/122.

    0 % and no VAT are right for advances too: there is nothing to calculate.
    """
    return method in METHODS_ADVANCE and rate in _TAXED_FLAT


def vat_differs(refund: Receipt, sale_rates: frozenset[VatRate]) -> ReceiptWarning | None:
    """A refund with a rate that its sale does not have; ``sale_rates`` are those of the sale's lines."""
    for number, line in enumerate(refund.lines):
        if line.vat not in sale_rates:
            sold = ", ".join(sorted(sale_rates))
            return ReceiptWarning(
                code="VAT_DIFFERS",
                field=f"items.{number}.vat_rate",
                tag=1199,
                message=Text(
                    f"The refund has VAT {line.vat}, its sale {sold}: a refund takes the rates of its sale.",
                    f"В возврате НДС {line.vat}, в продаже {sold}: возврат оформляют по ставкам продажи.",
                ),
            )
    return None


class VatRateUnknown(ValueError):
    """The text is not a rate; ``text`` says so in both languages and what to write instead."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


_EXACT: Mapping[str, VatRate] = MappingProxyType({rate.value: rate for rate in VatRate})
_NO_VAT = frozenset({"none", "no", "novat", "withoutvat", "vatnone", "безндс", "необлагается"})
_NOISE = re.compile(r"[\s_%]+|(?<=[a-zа-я])-")
_PREFIX = re.compile(r"^(?:vat|nds|ндс)")
_NUMBER = re.compile(r"([0-9]{1,3})(?:[.,]0+)?(?:/([0-9]{3})(?:[.,]0+)?)?\Z")
_PLAIN = {PERCENT[rate]: rate for rate in VatRate if rate is not VatRate.NONE and rate not in CALCULATED}
_OF_ADVANCE = {PERCENT[rate]: rate for rate in CALCULATED}
_MAX_RATE_TEXT = 40


def parse_vat(text: str) -> VatRate:
    """A rate from ``22``, ``20%``, ``20.0``, ``vat20``, ``22/122``, ``vat120``, ``no_vat``, any letter case.

    Raises:
        VatRateUnknown: anything else; 18 with a text of its own, because many old programs still send it.
    """
    exact = _EXACT.get(text)
    if exact is not None:
        return exact
    plain = _NOISE.sub("", text.lower()) if len(text) <= _MAX_RATE_TEXT else ""
    if plain in _NO_VAT:
        return VatRate.NONE
    bare = _PREFIX.sub("", plain)
    match = _NUMBER.match(bare)
    if match is None:
        raise _unknown(text)
    percent, whole = int(match[1]), match[2]
    if whole is None and percent > 100 and bare != plain:  # vat120: the short form of 20/120
        percent, whole = percent - 100, match[1]
    if percent == 18 and (whole is None or int(whole) == 118):
        raise VatRateUnknown(
            Text(
                "VAT 18% has had no code of its own since 2019: send the rate of the settlement "
                "(20 until 2025-12-31, 22 from 2026-01-01).",
                "Ставка НДС 18 % с 2019 года не имеет своего кода: передайте ставку расчёта "
                "(20 до 31.12.2025, 22 с 01.01.2026).",
            )
        )
    rate = _PLAIN.get(percent) if whole is None else _OF_ADVANCE.get(percent)
    if rate is None or (whole is not None and int(whole) != percent + 100):
        raise _unknown(text)
    return rate


def _unknown(text: str) -> VatRateUnknown:
    shown = text[:_MAX_RATE_TEXT]
    known = ", ".join(_EXACT)
    return VatRateUnknown(
        Text(
            f"{shown!r} is not a VAT rate; known are {known}.",
            f"{shown!r} не ставка НДС; допустимы {known}.",
        )
    )
