"""What stands on a slip, in order, before anybody decides how it looks.

The renderers lay these rows out and add nothing of their own, so that text and HTML cannot disagree.
"""

from dataclasses import dataclass
from datetime import date

from kkt_adapter.fiscal.model import (
    FfdVersion,
    FiscalDocument,
    Line,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    VatRate,
)
from kkt_adapter.fiscal.slip import words
from kkt_adapter.kernel.money import quantity_text, rubles

NOT_FISCAL = ("НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ", "виртуальная ККТ")

Row = tuple[str, str]
"""A label and its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A receipt and the document that fiscalised it."""

    receipt: Receipt
    document: FiscalDocument
    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRows:
    """One position: name, arithmetic, amount, and small print."""

    number: int
    name: str
    sum_of: str  # "2 шт x 50.25"
    amount: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    banner: tuple[str, ...]  # empty on a fiscal device
    seller: tuple[str, ...]
    title: str
    operation: str
    basis: tuple[Row, ...]  # of a correction
    lines: tuple[LineRows, ...]
    rounding: Row | None
    total: Row
    payments: tuple[Row, ...]
    taxes: tuple[Row, ...]
    facts: tuple[Row, ...]  # taxation, cashier, buyer ...
    fiscal: tuple[Row, ...]  # numbers and signs


def content(slip: Slip) -> Content:
    receipt, document, registration = slip.receipt, slip.document, slip.registration
    lines = () if _totals_only(receipt) else receipt.lines
    return Content(
        banner=() if registration.fiscal_device else NOT_FISCAL,
        seller=(
            registration.user_name,
            f"ИНН {registration.user_inn}",
            receipt.address or registration.address,
            receipt.place or registration.place,
        ),
        title="КАССОВЫЙ ЧЕК КОРРЕКЦИИ" if receipt.kind is ReceiptKind.CORRECTION else "КАССОВЫЙ ЧЕК",
        operation=words.OPERATION[receipt.operation],
        basis=_basis(receipt),
        lines=tuple(_line(number, line) for number, line in enumerate(lines, start=1)),
        rounding=_rounding(receipt),
        total=("ИТОГ", _amount(receipt.total_kop)),
        payments=tuple(
            (words.PAYMENT[kind], _amount(receipt.paid_kop(kind)))
            for kind in PaymentKind
            if receipt.paid_kop(kind)
        ),
        taxes=_taxes(receipt.lines),
        facts=_facts(receipt, registration),
        fiscal=(
            ("Дата и время", f"{document.fiscalized_at:%d.%m.%Y %H:%M}"),
            ("Смена", str(document.shift_number)),
            ("Чек", str(document.receipt_number or "")),
            ("РН ККТ", registration.registration_number),
            ("ЗН ККТ", registration.serial_number),
            ("ФН", document.fn_number),
            ("ФД", str(document.fd_number)),
            ("ФП", f"{document.fiscal_sign:010d}"),
            ("ФФД", _FFD[registration.ffd_version]),
        ),
    )


_FFD = {FfdVersion.V1_05: "1.05", FfdVersion.V1_1: "1.1", FfdVersion.V1_2: "1.2"}


def _totals_only(receipt: Receipt) -> bool:
    """Corrections of FFD 1.05 have no positions in the document either."""
    return receipt.kind is ReceiptKind.CORRECTION and receipt.ffd_version is FfdVersion.V1_05


def _basis(receipt: Receipt) -> tuple[Row, ...]:
    correction = receipt.correction
    if correction is None or receipt.kind is not ReceiptKind.CORRECTION:
        return ()
    rows = [
        ("Тип коррекции", "по предписанию" if correction.by_order else "самостоятельно"),
        ("Дата корректируемого расчёта", _day(correction.date)),
    ]
    if correction.number:
        rows.append(("Номер документа", correction.number))
    return tuple(rows)


def _line(number: int, line: Line) -> LineRows:
    notes = [
        f"{words.SUBJECT.get(line.subject, f'предмет расчёта {line.subject}')}, "
        f"{words.METHOD.get(line.method, f'способ расчёта {line.method}')}",
        _vat_note(line),
    ]
    if line.discount_kop:
        notes.append(f"скидка {rubles(line.discount_kop)}")
    if line.sku:
        notes.append(f"арт. {line.sku}")
    return LineRows(
        number=number,
        name=f"[M] {line.name}" if line.mark_code is not None else line.name,
        sum_of=f"{quantity_text(line.quantity)} {line.unit} x {rubles(line.price_kop)}",
        amount=_amount(line.amount_kop),
        notes=tuple(notes),
    )


def _vat_note(line: Line) -> str:
    text = words.vat_of_line(line.vat)
    return f"{text}: {rubles(line.vat_kop)}" if line.vat_kop else text


def _rounding(receipt: Receipt) -> Row | None:
    less_kop = sum(line.amount_kop for line in receipt.lines) - receipt.total_kop
    return ("ОКРУГЛЕНИЕ", _amount(-less_kop)) if less_kop else None


def _taxes(lines: tuple[Line, ...]) -> tuple[Row, ...]:
    sums: dict[VatRate, int] = {}
    for line in lines:
        turnover = line.vat in (VatRate.NONE, VatRate.P0)
        sums[line.vat] = sums.get(line.vat, 0) + (line.amount_kop if turnover else line.vat_kop)
    return tuple((words.vat_of_receipt(rate), _amount(sums[rate])) for rate in VatRate if rate in sums)


def _facts(receipt: Receipt, registration: Registration) -> tuple[Row, ...]:
    customer, attribute = receipt.customer, receipt.user_attribute
    found = (
        ("СНО", words.TAXATION.get(receipt.taxation, str(receipt.taxation))),
        ("Кассир", receipt.cashier.name),
        ("ИНН кассира", receipt.cashier.inn),
        ("Автомат", registration.machine_number if registration.auto_mode else None),
        ("Расчёт в интернете", "да" if receipt.internet or registration.internet_only else None),
        ("Покупатель", customer and customer.name),
        ("ИНН покупателя", customer and customer.inn),
        ("Эл. адрес покупателя", customer and customer.email),
        ("Телефон покупателя", customer and customer.phone),
        ("Эл. адрес отправителя", receipt.sender_email),
        ("Заказ", receipt.order_id),
        # The receipt key is a mark for machines: not shown, as registers do where they let one choose.
        ("Доп. реквизит чека", _unless_key(receipt.additional_attribute, receipt.key)),
        (attribute.name, _unless_key(attribute.value, receipt.key)) if attribute else ("", None),
        ("Сайт ФНС", registration.fns_site),
    )
    return tuple((label, value) for label, value in found if value)


def _unless_key(value: str | None, key: str | None) -> str | None:
    return None if value == key else value


def _amount(kop: int) -> str:
    """Rubles, with the sign in front that keeps anybody from adding a digit."""
    return f"={rubles(kop)}"


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"
