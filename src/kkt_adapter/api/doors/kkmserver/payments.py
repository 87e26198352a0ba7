"""The five sums of a receipt: what was paid, compared with the goods to the kopeck."""

from dataclasses import dataclass
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.fields import Fields, names
from kkt_adapter.api.doors.kkmserver.lines import in_rubles
from kkt_adapter.api.doors.kkmserver.refusal import refused
from kkt_adapter.kernel.money import Kopecks, rubles
from kkt_adapter.kernel.quick import quickly_made

SUMS: Final = (
    ("Cash", "cash"),
    ("ElectronicPayment", "card"),
    ("AdvancePayment", "prepaid"),
    ("Credit", "credit"),
    ("CashProvision", "other"),
)
"""Field and payment: tags 1031, 1081, 1215, 1216, 1217."""
SUM_FIELDS: Final = tuple(field for field, _ in SUMS)
_KINDS: Final = tuple(kind for _, kind in SUMS)

OLD_CARD_SUMS: Final = ("CashLessType1", "CashLessType2", "CashLessType3")
"""Names of FFD 1.0, still sent (Muraveiko/kkmserver:src, zeroabe/atol-kkm-client); together they are 1081."""
_OLD_NAMES: Final = names(*OLD_CARD_SUMS)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    payments: list[dict[str, Any]]
    change_kop: Kopecks = Kopecks(0)  # only cash is given back


def sums_of(command: Fields) -> dict[str, Kopecks]:
    """Kopecks by kind of payment, as written. Raises CommandRefused."""
    sums = dict(zip(_KINDS, command.sums(SUM_FIELDS), strict=True))
    if command.has_any(_OLD_NAMES):
        sums["card"] = Kopecks(sums["card"] + sum(command.sums(OLD_CARD_SUMS)))
    return sums


def payments_of(command: Fields, total_kop: Kopecks) -> Paid:
    """The payments of a receipt over ``total_kop``. Cash above it is change; other differences are refused.

    Raises:
        CommandRefused: nothing is paid, or the sums differ.
    """
    sums = sums_of(command)
    paid = sum(sums.values())
    if paid == 0:
        raise refused(
            "no_payment",
            "Nothing is paid: fill in Cash, ElectronicPayment, AdvancePayment, Credit or CashProvision.",
            "Не указана оплата: заполните Cash, ElectronicPayment, AdvancePayment, Credit или CashProvision.",
        )
    change = paid - total_kop
    if change and not 0 < change <= sums["cash"]:
        raise refused(
            "sums_differ",
            f"The payments come to {rubles(paid)}, the goods to {rubles(total_kop)}.",
            f"Оплата {rubles(paid)} не равна сумме товаров {rubles(total_kop)}. Исправьте суммы.",
        )
    sums["cash"] = Kopecks(sums["cash"] - change)
    return Paid(
        payments=[{"type": kind, "amount": in_rubles(amount)} for kind, amount in sums.items() if amount],
        change_kop=Kopecks(change),
    )
