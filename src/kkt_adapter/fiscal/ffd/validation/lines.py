"""The lines of a receipt (1059): defaults filled in, and every rule that concerns one line."""

from dataclasses import dataclass
from datetime import date

from kkt_adapter.fiscal.ffd.limits import MAX_QUANTITY, MAX_SUM_KOP
from kkt_adapter.fiscal.ffd.measures import IN_PIECES, PIECES, UNIT_TEXT_LIMIT, Measure, find_measure
from kkt_adapter.fiscal.ffd.text import ITEM_NAME_LIMIT, fits_cp866
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.line_extras import checked_extras
from kkt_adapter.fiscal.ffd.validation.mark_codes import Packs
from kkt_adapter.fiscal.ffd.validation.marking import check_mark, check_unmarked, marked_subject
from kkt_adapter.fiscal.ffd.vat import (
    PERIODS,
    SIMPLIFIED_RATES,
    SIMPLIFIED_TAXATION,
    RateAge,
    is_plain_rate_of_advance,
    rate_age,
    vat_inside,
)
from kkt_adapter.fiscal.model import (
    FfdVersion,
    Line,
    LineRequest,
    Operation,
    Payment,
    PaymentKind,
    ReceiptKind,
    RegisterDefaults,
    Registration,
    VatRate,
)
from kkt_adapter.fiscal.requisites import LineExtras
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import ONE, Kopecks, line_amount, quantity_text, rubles
from kkt_adapter.kernel.quick import quickly_made

SUBJECTS = frozenset({*range(1, 28), *range(30, 34)})  # tag 1212
METHODS = frozenset(range(1, 8))  # tag 1214
_REFUNDS = {
    Operation.REFUND: ReceiptKind.REFUND,
    Operation.EXPENSE_REFUND: ReceiptKind.EXPENSE_REFUND,
}
FULL_PAYMENT, PART_ON_CREDIT, ON_CREDIT = 4, 5, 6  # tag 1214


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """What is the same for every line of one receipt."""

    registration: Registration
    defaults: RegisterDefaults
    kind: ReceiptKind
    day: date  # of the settlement; of a correction the day it corrects
    taxation: int | None  # None: refused already
    method: int  # for lines that do not say
    measure: Measure  # likewise
    settlement: ReceiptKind  # the kind; of a correction of a refund that of the refund
    receipt_agent: bool = False  # 1057 of the receipt names an agent for all of them
    totals_only: bool = False  # a correction of FFD 1.05: the document has no lines


def line_rules(
    *,
    registration: Registration,
    defaults: RegisterDefaults,
    kind: ReceiptKind,
    day: date,
    taxation: int | None,
    payments: tuple[Payment, ...],
    receipt_agent: bool = False,
    operation: Operation = Operation.SALE,
) -> LineRules:
    unit = defaults.unit
    return LineRules(
        registration=registration,
        defaults=defaults,
        kind=kind,
        day=day,
        taxation=taxation,
        method=defaults.method or _method_by_credit(payments),
        measure=IN_PIECES if unit is None else find_measure(unit) or IN_PIECES,
        settlement=_REFUNDS.get(operation, kind),
        receipt_agent=receipt_agent,
        totals_only=kind is ReceiptKind.CORRECTION and registration.ffd_version is FfdVersion.V1_05,
    )


def _method_by_credit(payments: tuple[Payment, ...]) -> int:
    """Everything on credit is 6, a part of it 5 (contract of the till interface), nothing 4."""
    paying = [payment.kind for payment in payments if payment.amount_kop]
    on_credit = paying.count(PaymentKind.CREDIT)
    if not on_credit:
        return FULL_PAYMENT
    return ON_CREDIT if on_credit == len(paying) else PART_ON_CREDIT


def complete_lines(
    wanted: tuple[LineRequest, ...], rules: LineRules, found: Findings, *, by_sums: bool = False
) -> tuple[Line, ...]:
    """Every line complete; what is wrong goes to ``found`` and leaves a line that must not be used.

    ``by_sums``: a correction that has sums by rate instead of lines.
    """
    if not wanted and not by_sums:
        found.refuse(
            "items",
            "items_empty",
            Text("The receipt has no lines.", "В чеке нет позиций."),
            Text("Send at least one line.", "Передайте хотя бы одну позицию."),
            tag=1059,
        )
    packs = Packs(seen={}, parts={})
    return tuple([_line(line, index, rules, packs, found) for index, line in enumerate(wanted)])


def _line(wanted: LineRequest, index: int, rules: LineRules, packs: Packs, found: Findings) -> Line:
    defaults = rules.defaults
    name = wanted.name
    if len(name) > ITEM_NAME_LIMIT or not fits_cp866(name):
        name = found.fitted(name, f"items.{index}.name", tag=1030, limit=ITEM_NAME_LIMIT)
    if not name.strip():
        _refuse_blank_name(index, found)
    amount_kop = _amount(wanted, index, found)
    method = rules.method if wanted.method is None else wanted.method
    if method not in METHODS:
        _refuse_method(method, index, found)
    measure = rules.measure if wanted.unit is None else _measure(wanted.unit, index, rules, found)
    subject = defaults.subject if wanted.subject is None else wanted.subject
    if subject not in SUBJECTS:
        _refuse_subject(subject, index, found)
    mark_code = wanted.mark_code
    if mark_code is not None:
        mark_code = check_mark(wanted, index, rules.registration, measure, packs, found)
        subject = marked_subject(subject)
    elif wanted.mark_permission is not None or subject >= 30:
        check_unmarked(wanted, subject, index, rules.registration, found)
    elif measure.code == PIECES and wanted.quantity % ONE:
        _warn_fractional(wanted.quantity, index, found)
    extras = wanted.extras
    if extras is not None:
        extras = _extras(wanted, extras, index, subject, measure, rules, found)
    vat = defaults.vat if wanted.vat is None else wanted.vat
    if vat is not VatRate.NONE:
        _check_vat(vat, method, index, rules, found)
    return Line(
        name=name,
        price_kop=wanted.price_kop,
        quantity=wanted.quantity,
        amount_kop=amount_kop,
        vat=vat,
        vat_kop=vat_inside(amount_kop, vat),
        subject=subject,
        method=method,
        measure=measure.code,
        unit=measure.text,
        sku=wanted.sku,
        discount_kop=wanted.discount_kop,
        mark_code=mark_code,
        mark_permission=wanted.mark_permission,
        extras=extras,
    )


def _extras(
    wanted: LineRequest,
    extras: LineExtras,
    index: int,
    subject: int,
    measure: Measure,
    rules: LineRules,
    found: Findings,
) -> LineExtras:
    if rules.totals_only:
        found.refuse(
            f"items.{index}",
            "correction_lines",
            Text(
                "A correction of FFD 1.05 has sums only, its lines carry no requisites of their own.",
                "В чеке коррекции ФФД 1.05 только суммы, реквизитов позиций в нём нет.",
            ),
            Text(
                "Leave agent, excise_tax and the like out.",
                "Не передавайте agent, excise_tax и подобные поля.",
            ),
            tag=1059,
        )
    return checked_extras(
        wanted,
        extras,
        index,
        ffd_version=rules.registration.ffd_version,
        subject=subject,
        measure=measure,
        receipt_agent=rules.receipt_agent,
        found=found,
    )


def _warn_fractional(quantity: int, index: int, found: Findings) -> None:
    found.warn(
        "FRACTIONAL_PIECES",
        f"items.{index}.quantity",
        Text(
            f"{quantity_text(quantity)} pieces: weighed or measured goods want their measure in unit.",
            f"{quantity_text(quantity)} шт: для весового и мерного товара укажите меру в unit.",
        ),
        tag=1023,
    )


def _amount(wanted: LineRequest, index: int, found: Findings) -> Kopecks:
    """1043: what the till says, which must be price x quantity within one kopeck; unsaid, half up."""
    price_kop, quantity = wanted.price_kop, wanted.quantity
    if not 0 <= price_kop <= MAX_SUM_KOP:  # 0: a gift; the receipt's total is checked elsewhere
        _refuse_sum(f"items.{index}.price", 1079, price_kop, found)
        return Kopecks(0)
    if not 0 < quantity <= MAX_QUANTITY:
        _refuse_quantity(quantity, index, found)
        return Kopecks(0)
    exact_kop = line_amount(price_kop, quantity)
    amount_kop = exact_kop if wanted.amount_kop is None else wanted.amount_kop
    if amount_kop < 0 or not -1 <= amount_kop - exact_kop <= 1:
        said, due = rubles(amount_kop), rubles(exact_kop)
        found.refuse(
            f"items.{index}.total",
            "line_amount",
            Text(
                f"The line costs {said}, but {rubles(price_kop)} x {quantity_text(quantity)} is {due}.",
                f"Стоимость позиции {said}, а {rubles(price_kop)} x {quantity_text(quantity)} = {due}.",
            ),
            Text(
                "One kopeck of difference is allowed. A discount that needs more must come as two lines.",
                "Допустимо расхождение в одну копейку. Если скидке нужно больше, разбейте на две позиции.",
            ),
            tag=1043,
        )
    elif amount_kop > MAX_SUM_KOP:
        _refuse_sum(f"items.{index}.total", 1043, amount_kop, found)
    return amount_kop


def _measure(unit: str, index: int, rules: LineRules, found: Findings) -> Measure:
    measure = find_measure(unit)
    field = f"items.{index}.unit"
    if measure is None:
        found.refuse(
            field,
            "unit_unknown",
            Text(
                f"{unit[:40]!r} is no code of a measure and no word of up to {UNIT_TEXT_LIMIT} letters.",
                f"{unit[:40]!r} не код меры и не слово до {UNIT_TEXT_LIMIT} букв.",
            ),
            Text(
                "Send a code of tag 2108 (0 pieces, 11 kg, 41 l ...) or a word such as kg.",
                "Передайте код тега 2108 (0 штуки, 11 кг, 41 л ...) или слово, например кг.",
            ),
            tag=2108,
        )
        return IN_PIECES
    if measure.known:
        return measure
    if not fits_cp866(measure.text):
        text = found.fitted(measure.text, field, tag=1197, limit=UNIT_TEXT_LIMIT)
        measure = Measure(code=measure.code, text=text, known=False)
    if rules.registration.ffd_version is FfdVersion.V1_2:
        found.warn(
            "MEASURE_OTHER",
            field,
            Text(
                f"The measure {measure.text!r} has no code of its own: 255 (other) goes into the document.",
                f"У меры {measure.text!r} нет своего кода: в документ идёт 255 (иная).",
            ),
            tag=2108,
        )
    return measure


def _check_vat(vat: VatRate, method: int, index: int, rules: LineRules, found: Findings) -> None:
    period = PERIODS[vat]
    if not period.since <= rules.day <= period.until:
        _check_vat_day(vat, method, index, rules, found)
    if vat in SIMPLIFIED_RATES and rules.taxation not in SIMPLIFIED_TAXATION:
        found.warn(
            "VAT_TAXATION",
            f"items.{index}.vat_rate",
            Text(
                f"VAT {vat}% belongs to the simplified tax systems (1055 = 2 or 4); "
                f"the receipt has {rules.taxation}.",
                f"Ставка НДС {vat} % бывает при упрощённой системе (1055 = 2 или 4); "
                f"в чеке {rules.taxation}.",
            ),
            tag=1199,
        )
    if is_plain_rate_of_advance(vat, method):
        found.warn(
            "VAT_ADVANCE",
            f"items.{index}.vat_rate",
            Text(
                f"An advance (1214 = {method}) is taxed at a calculated rate such as 22/122, not {vat}.",
                f"Аванс (1214 = {method}) облагается по расчётной ставке, например 22/122, а не {vat}.",
            ),
            tag=1199,
        )


def _check_vat_day(vat: VatRate, method: int, index: int, rules: LineRules, found: Findings) -> None:
    age = rate_age(vat, day=rules.day, kind=rules.settlement, method=method)
    if age is RateAge.VALID:
        return
    field = f"items.{index}.vat_rate"
    period = PERIODS[vat]
    if age is RateAge.EARLY:
        message = Text(
            f"VAT {vat} begins on {period.since}; the settlement is of {rules.day}.",
            f"Ставка НДС {vat} действует с {period.since:%d.%m.%Y}; расчёт {rules.day:%d.%m.%Y}.",
        )
    else:
        message = Text(
            f"VAT {vat} ended on {period.until}; the settlement is of {rules.day}.",
            f"Ставка НДС {vat} действовала по {period.until:%d.%m.%Y}; расчёт {rules.day:%d.%m.%Y}.",
        )
    # A rate that does not exist yet is never right; only a correction may have to repeat a mistake.
    wrong = age is RateAge.EARLY and rules.kind is not ReceiptKind.CORRECTION
    if not wrong and rules.defaults.vat_dates != "refuse":
        found.warn("VAT_RATE_DATE", field, message, tag=1199)
        return
    found.refuse(
        field,
        "vat_rate_date",
        message,
        Text(
            "Send the rate of that day; check the clock of the till. What was shipped on credit before "
            "and is paid now has method 7.",
            "Передайте ставку того дня и проверьте часы кассы. Оплата ранее отгруженного в кредит: "
            "способ расчёта 7.",
        ),
        tag=1199,
    )


def _refuse_blank_name(index: int, found: Findings) -> None:
    found.refuse(
        f"items.{index}.name",
        "name_blank",
        Text("The line has no name.", "У позиции нет наименования."),
        Text("Name what is sold.", "Укажите, что продаётся."),
        tag=1030,
    )


def _refuse_sum(field: str, tag: int, amount_kop: int, found: Findings) -> None:
    found.refuse(
        field,
        "sum_range",
        Text(
            f"{rubles(amount_kop)} is outside 0.01 .. {rubles(MAX_SUM_KOP)}.",
            f"{rubles(amount_kop)} вне пределов 0.01 .. {rubles(MAX_SUM_KOP)}.",
        ),
        Text("Split the receipt or the line.", "Разделите чек или позицию."),
        tag=tag,
    )


def _refuse_quantity(quantity: int, index: int, found: Findings) -> None:
    found.refuse(
        f"items.{index}.quantity",
        "quantity_range",
        Text(
            f"The quantity is outside 0.000001 .. {quantity_text(MAX_QUANTITY)}.",
            f"Количество вне пределов 0.000001 .. {quantity_text(MAX_QUANTITY)}.",
        ),
        Text("Use a larger measure or two lines.", "Возьмите более крупную меру или две позиции."),
        tag=1023,
    )


def _refuse_method(method: int, index: int, found: Findings) -> None:
    found.refuse(
        f"items.{index}.method",
        "method_unknown",
        Text(f"{method} is not a settlement method.", f"{method} не признак способа расчёта."),
        Text("Send 1..7 (4 is full payment).", "Передайте 1..7 (4 — полный расчёт)."),
        tag=1214,
    )


def _refuse_subject(subject: int, index: int, found: Findings) -> None:
    found.refuse(
        f"items.{index}.subject",
        "subject_unknown",
        Text(f"{subject} is not a settlement subject.", f"{subject} не признак предмета расчёта."),
        Text("Send 1..27 or 30..33 (1 goods, 4 service).", "Передайте 1..27 или 30..33 (1 товар, 4 услуга)."),
        tag=1212,
    )
