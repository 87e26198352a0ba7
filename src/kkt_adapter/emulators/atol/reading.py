"""A checked receipt task as the receipt that the register makes of it.

As in the driver: root ``agentInfo`` is dropped with FFD 1.2, a measurement unit nobody knows loses its tag,
the receipt's attributes are entries of ``items`` and nowhere else.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kkt_adapter.emulators.atol.checks import tax_word
from kkt_adapter.emulators.atol.machine import DriverError
from kkt_adapter.fiscal.ffd.measures import BY_CODE
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.kkt.atol import words
from kkt_adapter.fiscal.kkt.atol.values import optional_whole
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    FfdVersion,
    Line,
    Operation,
    Payment,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    UserAttribute,
    VatRate,
)
from kkt_adapter.fiscal.requisites import (
    Agent,
    CashlessPayment,
    Industry,
    LineExtras,
    MarkQuantity,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
    VatSum,
)
from kkt_adapter.kernel.ids import PosId, ReceiptId, RegisterId
from kkt_adapter.kernel.money import Kopecks, Quantity, kopecks

NOT_PAID, TOO_MUCH_CASHLESS, WRONG_SUM = 66, 52, 16
_OPERATION = {name: operation for operation, name in words.TASK.items()}
_RATE = {word: rate for rate, word in words.TAX.items()} | {"vat18": VatRate.P20, "vat118": VatRate.P20_120}
_PAYMENTS = ("cash", "electronically", "prepaid", "credit", "other")  # as numbers, too
_PAYMENT = {word: kind for kind, word in words.PAYMENT.items()}
_METHOD = {word: number for number, word in words.METHOD.items()}
_SUBJECT = {word: number for number, word in words.SUBJECT.items()} | {
    "composite": 12,
    "insuranceContributions": 16,
    "touristTax": 18,
}
_MEASURE = {word: number for number, word in words.MEASURE.items()}
_TAXATION = {word: bit for bit, word in words.TAXATION.items()}
_AGENT = {word: kind for kind, word in words.AGENT.items()}
LINES_ANYWAY = "Позиция"  # a position without a name


def is_receipt(task_type: str) -> bool:
    return task_type.removesuffix(words.CORRECTION_SUFFIX) in _OPERATION


def read_receipt(task: Mapping[str, Any], registration: Registration, marks: Mapping[str, int]) -> Receipt:
    """``marks``: accepted marking codes.

    Raises:
        DriverError: the sums do not fit.
    """
    name = str(task["type"])
    operation = _OPERATION[name.removesuffix(words.CORRECTION_SUFFIX)]
    is_correction = name.endswith(words.CORRECTION_SUFFIX)
    items = list(task["items"])
    lines = tuple(_line(one, registration, marks) for one in items if one["type"] == "position")
    payments, total = _payments(task, lines)
    customer = _customer(task.get("clientInfo"))
    return Receipt(
        id=ReceiptId("emulated"),
        key=None,
        register_id=RegisterId("emulated"),
        pos_id=PosId("emulated"),
        kind=ReceiptKind.CORRECTION if is_correction else ReceiptKind.SALE,
        operation=operation,
        lines=lines,
        payments=payments,
        total_kop=total,
        taxation=_TAXATION.get(str(task.get("taxationType", "")), _lowest(registration.taxation_mask)),
        cashier=cashier(task),
        ffd_version=registration.ffd_version,
        internet=task.get("internet") is True,
        place=task.get("paymentsPlace"),
        address=task.get("paymentsAddress"),
        customer=customer,
        sender_email=(task.get("companyInfo") or {}).get("email"),
        correction=_correction(task, operation) if is_correction else None,
        additional_attribute=_attribute(items),
        user_attribute=_user_attribute(items),
        extras=_extras(
            task, registration, is_correction=is_correction, marked=any(x.mark_code for x in lines)
        ),
    )


def cashier(task: Mapping[str, Any]) -> Cashier:
    told = task.get("operator") or {}
    return Cashier(name=told.get("name"), inn=told.get("vatin"))


def _lowest(mask: int) -> int:
    return mask & -mask


def _line(one: Mapping[str, Any], registration: Registration, marks: Mapping[str, int]) -> Line:
    price, amount = kopecks(Decimal(one["price"])), kopecks(Decimal(one["amount"]))
    quantity = Decimal(one["quantity"])
    if abs(price * quantity - amount) > 1:
        raise DriverError(WRONG_SUM, "Некорректная сумма позиции")
    word = tax_word((one.get("tax") or {}).get("type")) or "none"
    rate = _RATE[word]
    unit = one.get("measurementUnit")
    measure = _MEASURE.get(unit, 0) if isinstance(unit, str) else 0
    old = registration.ffd_version is not FfdVersion.V1_2
    return Line(
        name=str(one.get("name") or LINES_ANYWAY),
        price_kop=price,
        quantity=Quantity(int(quantity * 1_000_000)),
        amount_kop=amount,
        vat=rate,
        vat_kop=vat_inside(amount, rate),
        subject=_numbered(one.get("paymentObject"), _SUBJECT, 1),
        method=_numbered(one.get("paymentMethod"), _METHOD, 4),
        measure=measure,
        unit=str(unit or "шт")[:16] if old else BY_CODE[measure].text,
        mark_code=_mark(one.get("imcParams"), marks),
        extras=_line_extras(one),
    )


def _numbered(found: Any, table: Mapping[str, int], default: int) -> int:
    if not isinstance(found, str):
        return default
    return int(found) if found.isdigit() else table[found]


def mark_of(params: Mapping[str, Any]) -> str:
    """The code itself: base64, or as it is where it is none."""
    text = str(params.get("imc", ""))
    try:
        return base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return text


def _mark(params: Any, marks: Mapping[str, int]) -> str | None:
    return mark_of(params) if isinstance(params, dict) else None


def _payments(task: Mapping[str, Any], lines: Sequence[Line]) -> tuple[tuple[Payment, ...], Kopecks]:
    """Cash is what is left after the others: change is not in the document."""
    paid: dict[PaymentKind, int] = {}
    for one in task["payments"]:
        word = str(one["type"])
        kind = _PAYMENT[_PAYMENTS[int(word)] if word.isdigit() else word]
        paid[kind] = paid.get(kind, 0) + kopecks(Decimal(one["sum"]))
    total: int = (
        kopecks(Decimal(task["total"])) if "total" in task else sum(line.amount_kop for line in lines)
    )
    if not lines and "total" not in task:
        total = sum(paid.values())
    cashless = sum(kop for kind, kop in paid.items() if kind is not PaymentKind.CASH)
    if cashless > total:
        raise DriverError(TOO_MUCH_CASHLESS, "Сумма безналичных оплат больше суммы чека")
    if sum(paid.values()) < total:
        raise DriverError(NOT_PAID, "Чек оплачен не полностью")
    if paid.get(PaymentKind.CASH, 0) or cashless < total:
        paid[PaymentKind.CASH] = total - cashless
    return tuple(Payment(kind=k, amount_kop=Kopecks(kop)) for k, kop in paid.items() if kop), Kopecks(total)


def _correction(task: Mapping[str, Any], operation: Operation) -> Correction:
    return Correction(
        by_order=task.get("correctionType") == "instruction",
        date=_day(task.get("correctionBaseDate")),
        number=task.get("correctionBaseNumber"),
        operation=operation,
    )


def _day(found: Any) -> date:
    return datetime.strptime(str(found).replace("-", "."), "%Y.%m.%d").date()  # noqa: DTZ007 - a day


def _customer(told: Any) -> Customer | None:
    if not isinstance(told, dict):
        return None
    contact = str(told.get("emailOrPhone") or "")
    born = told.get("birthDate")
    return Customer(
        email=contact if "@" in contact else None,
        phone=contact if contact and "@" not in contact else None,
        name=told.get("name"),
        inn=told.get("vatin"),
        birth_date=None if born is None else _day(born),
        citizenship=told.get("citizenship"),
        document_code=told.get("identityDocumentCode"),
        document_data=told.get("identityDocumentData"),
        address=told.get("address"),
    )


def _attribute(items: Sequence[Mapping[str, Any]]) -> str | None:
    return next((str(one["value"]) for one in items if one["type"] == "additionalAttribute"), None)


def _user_attribute(items: Sequence[Mapping[str, Any]]) -> UserAttribute | None:
    found = next((one for one in items if one["type"] == "userAttribute"), None)
    return None if found is None else UserAttribute(name=str(found["name"]), value=str(found["value"]))


def _line_extras(one: Mapping[str, Any]) -> LineExtras | None:
    imc = one.get("imcParams")
    excise = one.get("exciseSum")
    extras = LineExtras(
        agent=_agent(one.get("agentInfo")),
        supplier=_supplier(one.get("supplierInfo")),
        excise_kop=None if excise is None else kopecks(Decimal(excise)),
        country=one.get("countryCode"),
        customs_declaration=one.get("customsDeclaration"),
        attribute=one.get("additionalAttribute"),
        mark_quantity=_part(imc.get("itemFractionalAmount")) if isinstance(imc, dict) else None,
        industry=tuple(_industry(each) for each in one.get("industryInfo", ())),
    )
    return None if extras == LineExtras() else extras


def _part(text: Any) -> MarkQuantity | None:
    if not isinstance(text, str):
        return None
    numerator, _, denominator = text.partition("/")
    return MarkQuantity(numerator=int(numerator), denominator=int(denominator))


def _extras(
    task: Mapping[str, Any], registration: Registration, *, is_correction: bool, marked: bool
) -> ReceiptExtras | None:
    old = registration.ffd_version is not FfdVersion.V1_2
    operation = task.get("operationInfo")
    extras = ReceiptExtras(
        agent=_agent(task.get("agentInfo")) if old else None,
        supplier=_supplier(task.get("supplierInfo")) if old else None,
        industry=tuple(_industry(one) for one in task.get("industryInfo", ())),
        operation_attribute=_operation(operation) if isinstance(operation, dict) else None,
        cashless=() if is_correction else tuple(_cashless(one) for one in task.get("paymentsAddInfo", ())),
        device_number=task.get("machineNumber"),
        timezone=optional_whole(task.get("salesNotice"), "timeZone") if marked else None,
        vat_sums=_vat_sums(task) if is_correction and registration.ffd_version is FfdVersion.V1_05 else (),
    )
    return None if extras == ReceiptExtras() else extras


def _vat_sums(task: Mapping[str, Any]) -> tuple[VatSum, ...]:
    sums = []
    for one in task.get("taxes", ()):
        kop = kopecks(Decimal(one.get("sum", 0)))
        rate = _RATE[tax_word(one["type"]) or "none"]
        sums.append(VatSum(rate=rate.value, amount_kop=kop, vat_kop=kop))
    return tuple(sums)


def _agent(told: Any) -> Agent | None:
    if not isinstance(told, dict) or not told.get("agents"):
        return None
    paying, receiving = told.get("payingAgent") or {}, told.get("receivePaymentsOperator") or {}
    transfer = told.get("moneyTransferOperator") or {}
    return Agent(
        type=_AGENT[told["agents"][0]],
        operation=paying.get("operation"),
        phones=tuple(paying.get("phones", ())),
        operator_phones=tuple(receiving.get("phones", ())),
        transfer_phones=tuple(transfer.get("phones", ())),
        transfer_name=transfer.get("name"),
        transfer_address=transfer.get("address"),
        transfer_inn=transfer.get("vatin"),
    )


def _supplier(told: Any) -> Supplier | None:
    if not isinstance(told, dict):
        return None
    return Supplier(name=told.get("name"), inn=told.get("vatin"), phones=tuple(told.get("phones", ())))


def _industry(told: Mapping[str, Any]) -> Industry:
    return Industry(
        federal_id=str(told["fois"]),
        date=_day(told["date"]),
        number=str(told["number"]),
        value=str(told["industryAttribute"]),
    )


def _operation(told: Mapping[str, Any]) -> OperationAttribute:
    return OperationAttribute(
        id=int(told["id"]),
        data=str(told["data"]),
        time=datetime.strptime(str(told["dateTime"]), "%Y.%m.%d %H:%M:%S"),  # noqa: DTZ007 - wall clock
    )


def _cashless(told: Mapping[str, Any]) -> CashlessPayment:
    return CashlessPayment(
        amount_kop=kopecks(Decimal(told["sum"])),
        method=int(told["paymentMethod"]),
        id=str(told["electronicallyId"]),
        info=told.get("electronicallyAddInfo"),
    )
