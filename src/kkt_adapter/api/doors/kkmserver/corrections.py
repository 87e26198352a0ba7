"""The members of a correction, with goods or, as before FFD 1.1, by sums of the rates."""

from decimal import Decimal
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.fields import Fields
from kkt_adapter.api.doors.kkmserver.refusal import refused
from kkt_adapter.kernel.money import Kopecks, rubles

_RATES: Final = (
    ("SumTaxNone", "none"),
    ("SumTax0", "0"),
    ("SumTax5", "5"),
    ("SumTax7", "7"),
    ("SumTax10", "10"),
    ("SumTax20", "20"),
    ("SumTax22", "22"),
    ("SumTax105", "5/105"),
    ("SumTax107", "7/107"),
    ("SumTax110", "10/110"),
    ("SumTax120", "20/120"),
    ("SumTax122", "22/122"),
)
_UNTAXED: Final = frozenset({"none", "0"})


def correction_of(command: Fields, operation: str) -> dict[str, Any]:
    """What is corrected (1173, 1178, 1179). Raises CommandRefused."""
    day = command.text("CorrectionBaseDate")
    if day is None:
        raise refused(
            "correction_date",
            "CorrectionBaseDate is missing: the day of the settlement that is corrected.",
            "Не указана CorrectionBaseDate — день расчёта, который исправляет чек коррекции.",
        )
    kind = command.whole("CorrectionType") or 0
    if kind not in (0, 1):
        raise refused(
            "correction_type",
            "CorrectionType must be 0 (own initiative) or 1 (by order).",
            "CorrectionType должен быть 0 (самостоятельно) или 1 (по предписанию).",
        )
    found: dict[str, Any] = {
        "type": "order" if kind else "self",
        "date": day.strip()[:10],
        "operation": operation,
    }
    number = command.text("CorrectionBaseNumber")
    if number is not None and number.strip("0 "):
        found["number"] = number.strip()
    command.text("CorrectionBaseName")  # 1177 is in no document since FFD 1.1
    return found


def vat_sums_of(command: Fields) -> tuple[Kopecks, list[dict[str, Any]]]:
    """Total and settlements by rate of a correction without goods.

    The fields are the tax of each rate (1102..1107); clients also put the settlements there. Both are read
    where it is certain: settlements add up to Amount; the tax of one rate alone belongs to all of it.

    Raises:
        CommandRefused: neither is the case.
    """
    amount = command.money("Amount")
    given = [(name, rate, kop) for name, rate in _RATES if (kop := command.money(name))]
    if not amount or not given:
        raise refused(
            "correction_empty",
            "A correction needs Register lines in CheckStrings, or Amount with SumTax fields.",
            "Для коррекции нужны Register в CheckStrings либо Amount и суммы SumTax….",
        )
    if sum(kop for _, _, kop in given) == amount:
        return amount, [{"vat_rate": rate, "amount": Decimal(rubles(kop))} for _, rate, kop in given]
    if len(given) == 1 and given[0][1] not in _UNTAXED:
        _, rate, kop = given[0]
        return amount, [{"vat_rate": rate, "amount": Decimal(rubles(amount)), "vat": Decimal(rubles(kop))}]
    raise refused(
        "correction_sums",
        f"The SumTax fields do not add up to Amount {rubles(amount)}: send the goods as Register lines.",
        f"Суммы SumTax… не складываются в Amount {rubles(amount)}: передайте товары строками Register.",
    )
