"""Total and payments: in the document 1020 is exactly 1031 + 1081 + 1215 + 1216 + 1217.

Tills calculate in floating point, so a kopeck is tolerated, and put right where it shows least: the total
becomes the sum of the lines, the largest payment takes the difference.
"""

from kkt_adapter.fiscal.ffd.limits import MAX_SUM_KOP
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.model import Payment, PaymentKind
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import Kopecks, rubles

TOLERANCE_KOP = 1
MAX_ROUNDING_KOP = 99  # registers take 0..99 kopecks in the buyer's favour


def agreed_total(
    lines_kop: Kopecks, wanted_kop: Kopecks | None, *, rounding: bool, found: Findings
) -> Kopecks:
    """1020: the sum of the lines, or up to 99 kopecks less where the register rounds."""
    if wanted_kop is None or wanted_kop == lines_kop:
        total_kop = lines_kop
    elif rounding and 0 < lines_kop - wanted_kop <= MAX_ROUNDING_KOP:
        total_kop = wanted_kop
    else:
        total_kop = lines_kop
        _check_wanted(wanted_kop, lines_kop, rounding=rounding, found=found)
    if not 0 < total_kop <= MAX_SUM_KOP:
        found.refuse(
            "total",
            "total_range",
            Text(
                f"The receipt's total is {rubles(total_kop)}, allowed is 0.01 .. {rubles(MAX_SUM_KOP)}.",
                f"Итог чека {rubles(total_kop)}, допустимо 0.01 .. {rubles(MAX_SUM_KOP)}.",
            ),
            Text("Check prices and quantities.", "Проверьте цены и количество."),
            tag=1020,
        )
    return total_kop


def _check_wanted(wanted_kop: Kopecks, lines_kop: Kopecks, *, rounding: bool, found: Findings) -> None:
    if abs(wanted_kop - lines_kop) <= TOLERANCE_KOP:
        found.warn(
            "KOPECK_ADJUSTED",
            "total",
            Text(
                f"The total {rubles(wanted_kop)} became {rubles(lines_kop)}, the sum of the lines.",
                f"Итог {rubles(wanted_kop)} заменён на {rubles(lines_kop)}, сумму позиций.",
            ),
            tag=1020,
        )
        return
    allowed = (
        Text("0.01, or lower by up to 0.99", "0.01 либо меньше до 0.99") if rounding else Text("0.01", "0.01")
    )
    found.refuse(
        "total",
        "total_differs",
        Text(
            f"The total is {rubles(wanted_kop)}, the lines add up to {rubles(lines_kop)}; "
            f"allowed difference: {allowed.en}.",
            f"Итог {rubles(wanted_kop)}, сумма позиций {rubles(lines_kop)}; "
            f"допустимое расхождение: {allowed.ru}.",
        ),
        Text(
            "Spread the discount over the lines, or correct the total.",
            "Разнесите скидку по позициям или исправьте итог.",
        ),
        tag=1020,
    )


def agreed_payments(
    payments: tuple[Payment, ...], total_kop: Kopecks, *, said_kop: Kopecks | None, found: Findings
) -> tuple[Payment, ...]:
    """The payments, their sum exactly ``total_kop``; they must agree with what the till called the total."""
    paid_kop = sum([payment.amount_kop for payment in payments])
    wrong = _not_positive(payments, zero_is_fine=paid_kop > 0)
    if wrong is not None:
        found.refuse(
            f"payments.{wrong}.amount",
            "payment_range",
            Text("A payment is more than zero.", "Оплата больше нуля."),
            Text("Leave it out.", "Не передавайте её."),
        )
        return payments
    if paid_kop == total_kop:
        return _without_zeros(payments)
    said = total_kop if said_kop is None else said_kop
    if not -TOLERANCE_KOP <= paid_kop - said <= TOLERANCE_KOP:
        _refuse_sum(payments, paid_kop, total_kop, found)
        return payments
    largest = max(range(len(payments)), key=lambda index: payments[index].amount_kop, default=None)
    if largest is None or payments[largest].amount_kop + total_kop - paid_kop < 0:
        _refuse_sum(payments, paid_kop, total_kop, found)
        return payments
    return _without_zeros(_put_right(payments, largest, Kopecks(total_kop - paid_kop), found))


def _not_positive(payments: tuple[Payment, ...], *, zero_is_fine: bool) -> int | None:
    for index, payment in enumerate(payments):
        if payment.amount_kop < 0 or (payment.amount_kop == 0 and not zero_is_fine):
            return index
    return None


def _without_zeros(payments: tuple[Payment, ...]) -> tuple[Payment, ...]:
    """Tills send every kind they know; what pays nothing is no payment."""
    return tuple([payment for payment in payments if payment.amount_kop])


def _put_right(
    payments: tuple[Payment, ...], largest: int, by_kop: Kopecks, found: Findings
) -> tuple[Payment, ...]:
    before_kop = payments[largest].amount_kop
    after_kop = Kopecks(before_kop + by_kop)
    found.warn(
        "KOPECK_ADJUSTED",
        f"payments.{largest}.amount",
        Text(
            f"The payment {rubles(before_kop)} became {rubles(after_kop)}, so that all make up the total.",
            f"Оплата {rubles(before_kop)} заменена на {rubles(after_kop)}, чтобы оплаты дали ровно итог.",
        ),
        tag=1020,
    )
    changed = Payment(kind=payments[largest].kind, amount_kop=after_kop)
    return (*payments[:largest], changed, *payments[largest + 1 :])


def _refuse_sum(payments: tuple[Payment, ...], paid_kop: int, total_kop: int, found: Findings) -> None:
    cashless_kop = sum(p.amount_kop for p in payments if p.kind is not PaymentKind.CASH)
    if cashless_kop > total_kop:
        found.refuse(
            "payments",
            "cashless_over_total",
            Text(
                f"Cashless payments are {rubles(cashless_kop)}, more than the total {rubles(total_kop)}.",
                f"Безналичных оплат {rubles(cashless_kop)}, больше итога {rubles(total_kop)}.",
            ),
            Text(
                "There is no change from a card: take exactly what the goods cost.",
                "С безналичной оплаты нет сдачи: она не больше стоимости товаров.",
            ),
            tag=1081,
        )
        return
    found.refuse(
        "payments",
        "payments_differ",
        Text(
            f"Payments are {rubles(paid_kop)}, the total is {rubles(total_kop)}.",
            f"Оплат на {rubles(paid_kop)}, итог {rubles(total_kop)}.",
        ),
        Text(
            "Send what is kept: cash without the change; what stays owed is paid on credit.",
            "Передайте то, что осталось в кассе: наличные без сдачи; долг — оплатой в кредит.",
        ),
        tag=1020,
    )
