"""A receipt as the operator's HTTP profile carries it (docs/reference/ofd-http.md).

The profile says a document in the words of our own interface, so ``api/schemas/shown`` takes its parts from
here too: one place says what a line is called. Money is Decimal rubles with two places. Absent values are
left out.
"""

from decimal import Decimal
from typing import Any, TypedDict, cast

from kkt_adapter.fiscal.model import Cashier, Correction, Customer, Line, Operation, Receipt, ReceiptKind
from kkt_adapter.fiscal.requisites import Agent, LineExtras, ReceiptExtras, VatSum
from kkt_adapter.fiscal.store import extras_json
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.kernel.money import rubles

_TAXATION = {1: "osn", 2: "usn_income", 4: "usn_income_outcome", 8: "envd", 16: "esn", 32: "patent"}


class PaymentBody(TypedDict):
    type: str
    amount: Decimal


class _Line(TypedDict):
    name: str
    price: Decimal
    quantity: Decimal
    total: Decimal
    vat_rate: str
    vat: Decimal
    subject: int
    method: int
    measure: int
    unit: str


class LineBody(_Line, total=False):
    """The requisites below stand there only when the line has them; members of the last four:
    docs/reference/requisites.md."""

    sku: str
    discount: Decimal
    mark_code: str
    excise_tax: Decimal
    country: str
    customs_declaration: str
    line_attribute: str
    planned_status: int
    wholesale: bool
    mark_permission: JsonObject
    mark_quantity: JsonObject
    agent: JsonObject
    supplier: JsonObject
    industry: list[JsonObject]


class _Document(TypedDict):
    ffd_version: str
    operation: str
    taxation: str | int


class OperatorDocumentBody(_Document, total=False):
    """What a receipt says beside its lines and payments; each member only when the receipt has it."""

    cashier: JsonObject
    internet: bool
    place: str
    address: str
    customer: JsonObject
    sender_email: str
    correction: JsonObject
    additional_attribute: str
    user_attribute: JsonObject
    order_id: str
    original_receipt_id: str
    agent: JsonObject
    supplier: JsonObject
    industry: list[JsonObject]
    operation_attribute: JsonObject
    cashless: list[JsonObject]
    device_number: str
    timezone: int
    no_print: bool


def lines(receipt: Receipt) -> list[LineBody]:
    """``items`` whole."""
    return [_line(line) for line in receipt.lines]


def payments(receipt: Receipt) -> list[PaymentBody]:
    return [{"type": p.kind.value, "amount": money(p.amount_kop)} for p in receipt.payments]


def document(receipt: Receipt) -> OperatorDocumentBody:
    """Everything else a receipt says, but its id, its number and its total."""
    extras = receipt.extras
    found = _lean(
        ffd_version=receipt.ffd_version.text,
        operation=_operation(receipt.operation),
        taxation=_TAXATION.get(receipt.taxation, receipt.taxation),
        cashier=_cashier(receipt.cashier),
        internet=receipt.internet or None,
        place=receipt.place,
        address=receipt.address,
        customer=None if receipt.customer is None else _customer(receipt.customer),
        sender_email=receipt.sender_email,
        correction=None
        if receipt.correction is None or receipt.kind is not ReceiptKind.CORRECTION
        else _correction(receipt.correction, () if extras is None else extras.vat_sums),
        additional_attribute=receipt.additional_attribute,
        user_attribute=None
        if receipt.user_attribute is None
        else {"name": receipt.user_attribute.name, "value": receipt.user_attribute.value},
        order_id=receipt.order_id,
        original_receipt_id=receipt.original_receipt_id,
    )
    return cast(OperatorDocumentBody, found if extras is None else {**found, **_receipt_extras(extras)})


def money(amount_kop: int) -> Decimal:
    return Decimal(rubles(amount_kop))


def _lean(**members: Any) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}


def _operation(operation: Operation) -> str:
    return operation.name.lower()


def _line(line: Line) -> LineBody:
    found = _lean(
        name=line.name,
        price=money(line.price_kop),
        quantity=Decimal(line.quantity).scaleb(-6).normalize(),
        total=money(line.amount_kop),
        vat_rate=line.vat.value,
        vat=money(line.vat_kop),
        subject=line.subject,
        method=line.method,
        measure=line.measure,
        unit=line.unit,
        sku=line.sku,
        discount=None if line.discount_kop is None else money(line.discount_kop),
        mark_code=line.mark_code,
        mark_permission=None
        if line.mark_permission is None
        else _lean(
            uuid=line.mark_permission.uuid,
            time=line.mark_permission.time,
            inst=line.mark_permission.inst,
            ver=line.mark_permission.ver,
        ),
    )
    return cast(LineBody, found if line.extras is None else {**found, **_line_extras(line.extras)})


def _line_extras(extras: LineExtras) -> JsonObject:
    found: JsonObject = extras_json.dump(extras)
    found.pop("excise_kop", None)
    found.pop("attribute", None)
    return found | _lean(
        agent=None if extras.agent is None else _agent(extras.agent),
        excise_tax=None if extras.excise_kop is None else money(extras.excise_kop),
        line_attribute=extras.attribute,
    )


def _receipt_extras(extras: ReceiptExtras) -> JsonObject:
    found: JsonObject = extras_json.dump(extras)
    found.pop("vat_sums", None)
    return found | _lean(
        agent=None if extras.agent is None else _agent(extras.agent),
        cashless=[
            _lean(amount=money(one.amount_kop), method=one.method, id=one.id, info=one.info)
            for one in extras.cashless
        ]
        or None,
    )


def _agent(agent: Agent) -> JsonObject:
    return {**extras_json.dump(agent), "type": agent.type.name.lower()}


def _customer(customer: Customer) -> JsonObject:
    found: JsonObject = extras_json.dump(customer)
    return found


def _cashier(cashier: Cashier) -> JsonObject | None:
    return _lean(name=cashier.name, inn=cashier.inn) or None


def _correction(correction: Correction, sums: tuple[VatSum, ...]) -> JsonObject:
    return _lean(
        type="order" if correction.by_order else "self",
        date=correction.date.isoformat(),
        number=correction.number,
        operation=_operation(correction.operation),
        fiscal_sign=correction.fiscal_sign,
        sums=[
            {"vat_rate": one.rate, "amount": money(one.amount_kop), "vat": money(one.vat_kop)} for one in sums
        ]
        or None,
    )
