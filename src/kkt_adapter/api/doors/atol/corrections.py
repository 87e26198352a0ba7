"""Corrections: their reason, and in v4 the settlements of each rate instead of items."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from kkt_adapter.api.doors.atol.fields import AtolFields
from kkt_adapter.api.doors.atol.items import rate_of
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.kernel.money import Kopecks, kopecks, rubles

MAX_VATS: Final = 6
_ROUNDING_KOP: Final = 100  # taxes are rounded to kopecks, settlements are calculated back from them
_LARGEST: Final = Decimal(10**13)

_OF_RATE: Final = {
    VatRate.P22: (22, 122),
    VatRate.P20: (20, 120),
    VatRate.P10: (10, 110),
    VatRate.P7: (7, 107),
    VatRate.P5: (5, 105),
    VatRate.P22_122: (22, 122),
    VatRate.P20_120: (20, 120),
    VatRate.P10_110: (10, 110),
    VatRate.P7_107: (7, 107),
    VatRate.P5_105: (5, 105),
}
"""Tax and settlement of a rate, in the same parts."""


def reason_of(fields: AtolFields) -> dict[str, Any]:
    """``correction_info``: why, of which day, under which number."""
    info = fields.object("correction_info", required=True)
    if info is None:
        return {}
    reason: dict[str, Any] = {}
    kind = info.word("type", ("self", "instruction"), required=True)
    info.put(reason, "type", kind, {"self": "self", "instruction": "order"}.__getitem__)
    info.put(reason, "date", info.day("base_date", required=True))
    info.put(reason, "number", info.text("base_number", 32))
    return reason


def sums_of(fields: AtolFields, total_kop: Kopecks) -> list[dict[str, Any]]:
    """``vats`` say the tax of each rate; the register wants the settlements too.

    With one rate the settlement is the whole correction. With several it follows from each tax; the rest
    belongs to the rate without tax or, within the rounding, to the largest.
    """
    rows = fields.objects("vats", least=1, most=MAX_VATS)
    rates = [rate_of(row) for row in rows]
    if not rows or any(rate is None for rate in rates):
        return []
    known = [VatRate(rate) for rate in rates if rate is not None]
    if len(set(known)) != len(known):
        fields.refuse("vats", "ставка указана дважды. Сложите суммы")
        return []
    settled = _settlements(fields, rows, known, total_kop)
    return [
        {
            "vat_rate": rate.value,
            "amount": rubles(amount),
            "vat": rubles(vat_inside(Kopecks(amount), rate)),
        }
        for rate, amount in zip(known, settled, strict=False)
        if amount > 0
    ]


def _settlements(
    fields: AtolFields, rows: list[AtolFields], rates: list[VatRate], total_kop: Kopecks
) -> list[int]:
    if len(rates) == 1:
        return [int(total_kop)]
    settled = [_from_tax(row, rate) for row, rate in zip(rows, rates, strict=True)]
    rest = total_kop - sum(settled)
    free = [place for place, rate in enumerate(rates) if rate not in _OF_RATE]
    if free and rest >= 0:
        settled[free[0]] += rest
        return settled
    if abs(rest) > _ROUNDING_KOP * len(rates):
        fields.refuse(
            "vats",
            f"по суммам налогов расчёты составляют {rubles(sum(settled))}, а оплата — {rubles(total_kop)}. "
            "Исправьте vats[].sum",
        )
        return []
    largest = max(range(len(settled)), key=settled.__getitem__)
    settled[largest] += rest
    return settled


def _from_tax(row: AtolFields, rate: VatRate) -> int:
    """The settlement that a tax belongs to, kopecks; 0 for a rate without tax."""
    parts = _OF_RATE.get(rate)
    if parts is None:
        return 0
    tax = money_of(row, "sum")
    return 0 if tax is None else int((Decimal(tax) * parts[1] / parts[0]).to_integral_value(ROUND_HALF_UP))


def money_of(fields: AtolFields, name: str) -> Kopecks | None:
    """Rubles as number or text to kopecks; a finding when they are none."""
    value = fields.raw(name)
    try:
        number = Decimal(value) if isinstance(value, int | str) and not isinstance(value, bool) else value
    except InvalidOperation:
        number = None
    if not isinstance(number, Decimal) or not number.is_finite() or not 0 <= number < _LARGEST:
        fields.refuse(name, "сумма в рублях, не меньше 0. Передайте число")
        return None
    return kopecks(number)
