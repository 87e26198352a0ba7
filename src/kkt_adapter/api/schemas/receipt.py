"""The body of POST /v1/kkt/receipt: from its bytes to the canonical ``ReceiptRequest``, in one pass.

``forms`` brings the names to those of the contract, the models below the values; what remains, whether the
sums agree and what the law says of it, is the fiscal room's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from kkt_adapter.api.body import json_object
from kkt_adapter.api.schemas import forms, values, words
from kkt_adapter.api.schemas.findings import dotted, violation_of
from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.fiscal import model
from kkt_adapter.fiscal.model import LineRequest, Operation, PaymentKind, ReceiptKind, ReceiptRequest, VatRate
from kkt_adapter.kernel.errors import ReceiptInvalid, Text, Violation
from kkt_adapter.kernel.ids import PosId
from kkt_adapter.kernel.money import ONE, Kopecks, Quantity

MAX_LINES = 1000
MAX_PAYMENTS = 10

_TAGS: Mapping[str, int] = MappingProxyType(
    {
        "items.name": 1030,
        "items.price": 1079,
        "items.quantity": 1023,
        "items.total": 1043,
        "items.vat_rate": 1199,
        "items.subject": 1212,
        "items.method": 1214,
        "items.unit": 2108,
        "items": 1059,
        "total": 1020,
        "taxation": 1055,
        "internet": 1125,
        "place": 1187,
        "address": 1009,
        "cashier": 1021,
        "cashier.name": 1021,
        "cashier.inn": 1203,
        "additional_attribute": 1192,
        "user_attribute": 1084,
        "user_attribute.name": 1085,
        "user_attribute.value": 1086,
        "correction.type": 1173,
        "correction.date": 1178,
        "correction.number": 1179,
        "correction.operation": 1054,
        "correction.fiscal_sign": 1192,
        "type": 1054,
    }
)
"""The tag a canonical field ends up in, for the findings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReceipt:
    request: ReceiptRequest
    ignored: tuple[str, ...]  # names of unknown fields, at most 20, sorted


def parse_receipt(raw: bytes) -> ParsedReceipt:
    """The till's wish, canonical.

    Raises:
        RequestInvalid: the body is not one JSON object.
        ReceiptInvalid: every field that does not fit, named as the client wrote it.
    """
    document = json_object(raw)
    notes = forms.Notes()
    canonical = _canonical(document, notes)
    try:
        body = ReceiptBody.model_validate(canonical)
    except ValidationError as error:
        raise ReceiptInvalid((*notes.violations, *_violations(error, document))) from error
    if notes.violations:
        raise ReceiptInvalid(tuple(notes.violations))
    return ParsedReceipt(request=_request(body), ignored=tuple(sorted(notes.ignored)))


# --- the models: one field, one reading -------------------------------------------------------------------

_MONEY_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}
_CODE_OR_WORD: dict[str, Any] = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
_TEXT_OR_NUMBER: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "integer"}]}


def _text_schema(most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": most})


def _word_schema(known: Mapping[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(known)})


def _counted(most: int) -> Callable[[object], object]:
    def counted(value: object) -> object:
        if type(value) is list and not 1 <= len(value) <= most:
            raise Refused(
                "too_many" if value else "empty",
                Text(f"must have 1 to {most} entries", f"должно содержать от 1 до {most} записей"),
            )
        return value

    return counted


Amount = Annotated[Kopecks, PlainValidator(values.amount), WithJsonSchema(_MONEY_SCHEMA)]
Text16 = Annotated[str, PlainValidator(values.text(16)), _text_schema(16)]
Text64 = Annotated[str, PlainValidator(values.text(64)), _text_schema(64)]
Text128 = Annotated[str, PlainValidator(values.text(128)), _text_schema(128)]
Text255 = Annotated[str, PlainValidator(values.text(255)), _text_schema(255)]
Text256 = Annotated[str, PlainValidator(values.text(256)), _text_schema(256)]
Optional64 = Annotated[str | None, PlainValidator(values.optional_text(64)), _text_schema(64)]
Optional128 = Annotated[str | None, PlainValidator(values.optional_text(128)), _text_schema(128)]
Optional256 = Annotated[str | None, PlainValidator(values.optional_text(256)), _text_schema(256)]
Inn = Annotated[str | None, PlainValidator(values.optional_text(12)), _text_schema(12)]
Identifier32 = Annotated[str | None, PlainValidator(values.identifier(32)), WithJsonSchema(_TEXT_OR_NUMBER)]
Identifier128 = Annotated[str | None, PlainValidator(values.identifier(128)), WithJsonSchema(_TEXT_OR_NUMBER)]
YesNo = Annotated[bool, PlainValidator(values.yes_or_no), WithJsonSchema({"type": "boolean"})]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": True})


class MarkPermissionBody(_Body):
    """The marking system's answer that allows the sale."""

    uuid: Text128
    time: Annotated[str, PlainValidator(values.text_or_number(64)), WithJsonSchema(_TEXT_OR_NUMBER)]
    inst: Identifier128 = None
    ver: Identifier128 = None
    blocked: YesNo = False


class LineBody(_Body):
    """One line (1059)."""

    name: Annotated[Text255, Field(description="1030 takes the first 128 characters in CP866.")]
    price: Annotated[
        Amount, Field(description="Unit price after discounts, rubles; rounded half up to kopecks.")
    ]
    quantity: Annotated[
        Quantity,
        PlainValidator(values.quantity),
        WithJsonSchema(_MONEY_SCHEMA),
        Field(description="At most six decimals; 1 if left out. Also: qty."),
    ] = ONE
    total: Annotated[
        Amount | None, Field(description="1043; price x quantity if left out. Also: sum, amount.")
    ] = None
    vat_rate: Annotated[
        VatRate | None,
        PlainValidator(values.vat_rate),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
        Field(
            description="22, 20, 10, 7, 5, 0, none, 22/122, 20/120, 10/110, 7/107, 5/105; null is none; "
            "the register's if left out. Also: vat, tax, tax_rate; 20%, vat20, 20.0, no_vat."
        ),
    ] = None
    sku: Identifier128 = None
    mark_code: Annotated[str | None, PlainValidator(values.mark_code), _text_schema(255)] = None
    mark_permission: MarkPermissionBody | None = None
    discount: Annotated[
        Kopecks | None,
        PlainValidator(values.amount_or_zero),
        WithJsonSchema(_MONEY_SCHEMA),
        Field(description="Information for the slip; already in the price."),
    ] = None
    subject: Annotated[
        int | None,
        PlainValidator(words.subject),
        WithJsonSchema(_CODE_OR_WORD),
        Field(description="1212 as code or word. Also: payment_object."),
    ] = None
    method: Annotated[
        int | None,
        PlainValidator(words.method),
        WithJsonSchema(_CODE_OR_WORD),
        Field(description="1214 as code or word. Also: payment_method."),
    ] = None
    unit: Annotated[
        str | None,
        PlainValidator(values.unit),
        WithJsonSchema(_CODE_OR_WORD),
        Field(description="2108 as code or word. Also: measure."),
    ] = None


class PaymentBody(_Body):
    """One payment; the amount is what is kept, change is not modelled."""

    type: Annotated[
        PaymentKind,
        PlainValidator(words.payment_kind),
        _word_schema(words.PAYMENTS),
        Field(description="cash 1031, card 1081, prepaid 1215, credit 1216, other 1217. Also: method."),
    ]
    amount: Annotated[Amount, Field(description="Rubles. Also: sum.")]


class CorrectionBody(_Body):
    """What a correction corrects."""

    type: Annotated[bool, PlainValidator(words.by_order), _word_schema(words.CORRECTION_BY_ORDER)]
    date: Annotated[
        date,
        PlainValidator(values.day),
        WithJsonSchema({"type": "string", "format": "date"}),
        Field(description="Day of the settlement (1178)."),
    ]
    number: Identifier32 = None
    operation: Annotated[Operation, PlainValidator(words.operation), _word_schema(words.OPERATIONS)] = (
        Operation.SALE
    )
    fiscal_sign: Annotated[str | None, PlainValidator(values.digits(10)), _text_schema(10)] = None


class CustomerBody(_Body):
    """Whoever gets the electronic receipt."""

    email: Optional64 = None
    phone: Optional64 = None
    name: Optional256 = None
    inn: Inn = None


class CashierBody(_Body):
    name: Optional64 = None
    inn: Inn = None


class UserAttributeBody(_Body):
    """The user's own pair (1084)."""

    name: Text64
    value: Text256


def _cashier(value: object) -> object:
    return {"name": value} if type(value) is str else value


class ReceiptBody(_Body):
    """A receipt as a till sends it, under canonical names."""

    pos_id: Annotated[
        str,
        PlainValidator(values.visible(64)),
        _text_schema(64),
        Field(description="The till; one of the configuration."),
    ]
    type: Annotated[
        ReceiptKind,
        PlainValidator(words.receipt_kind),
        _word_schema(words.KINDS),
        Field(
            description="Any letter case. sell, sell_refund, buy, buy_refund are other words for the same."
        ),
    ]
    items: Annotated[
        list[LineBody], BeforeValidator(_counted(MAX_LINES)), Field(min_length=1, max_length=1000)
    ]
    payments: Annotated[
        list[PaymentBody], BeforeValidator(_counted(MAX_PAYMENTS)), Field(min_length=1, max_length=10)
    ]
    total: Annotated[
        Amount | None, Field(description="Checked against the lines; their sum if left out.")
    ] = None
    original_receipt_id: Annotated[
        Identifier128,
        Field(description="The sale of a refund. Also: original_fiscal_doc_id."),
    ] = None
    correction: Annotated[CorrectionBody | None, Field(description="Required for type correction.")] = None
    customer: CustomerBody | None = None
    order_id: Identifier128 = None
    cashier: Annotated[
        CashierBody | None, BeforeValidator(_cashier), Field(description="Text or {name, inn}.")
    ] = None
    taxation: Annotated[
        int | None,
        PlainValidator(words.taxation),
        WithJsonSchema(_CODE_OR_WORD),
        Field(description="1055 as code or word; only a system of the register."),
    ] = None
    internet: Annotated[YesNo | None, Field(description="1125.")] = None
    place: Optional256 = None
    address: Optional256 = None
    additional_attribute: Annotated[Text16 | None, Field(description="1192.")] = None
    user_attribute: UserAttributeBody | None = None


# --- names before the models, values after them -----------------------------------------------------------


_NESTED: tuple[tuple[str, forms.Shape], ...] = (
    ("correction", forms.CORRECTION),
    ("customer", forms.CUSTOMER),
    ("cashier", forms.CASHIER),
    ("user_attribute", forms.USER_ATTRIBUTE),
)


def _canonical(document: dict[str, Any], notes: forms.Notes) -> dict[str, Any]:
    root: dict[str, Any] = forms.canonical(document, forms.RECEIPT, "", notes)
    if "items" in root:
        root["items"] = forms.canonical_all(root["items"], forms.LINE, "items", notes, most=MAX_LINES)
        for index, line in enumerate(root["items"] if type(root["items"]) is list else ()):
            if type(line) is dict and "mark_permission" in line:
                place = f"items.{index}.mark_permission."
                line["mark_permission"] = forms.canonical(
                    line["mark_permission"], forms.MARK_PERMISSION, place, notes
                )
    if "payments" in root:
        root["payments"] = forms.canonical_all(
            root["payments"], forms.PAYMENT, "payments", notes, most=MAX_PAYMENTS
        )
    for name, shape in _NESTED:
        if name in root:
            root[name] = forms.canonical(root[name], shape, f"{name}.", notes)
    return root


def _violations(error: ValidationError, document: dict[str, Any]) -> list[Violation]:
    """What pydantic found, each under the name the client used and with the tag it would break."""
    found = []
    for one in error.errors(include_url=False, include_input=False):
        canonical = ".".join(step for step in one["loc"] if isinstance(step, str))
        field = dotted(forms.written_place(document, one["loc"]))
        found.append(violation_of(one, field=field, tag=_TAGS.get(canonical)))
    return found


def _request(body: ReceiptBody) -> ReceiptRequest:
    return ReceiptRequest(
        pos_id=PosId(body.pos_id),
        kind=body.type,
        lines=tuple([_line(line) for line in body.items]),
        payments=tuple([model.Payment(kind=one.type, amount_kop=one.amount) for one in body.payments]),
        total_kop=body.total,
        original_receipt_id=body.original_receipt_id,
        correction=_correction(body.correction),
        customer=_customer(body.customer),
        cashier=_cashier_of(body.cashier),
        order_id=body.order_id,
        taxation=body.taxation,
        internet=body.internet,
        place=body.place,
        address=body.address,
        additional_attribute=body.additional_attribute,
        user_attribute=None
        if body.user_attribute is None
        else model.UserAttribute(name=body.user_attribute.name, value=body.user_attribute.value),
    )


def _line(body: LineBody) -> LineRequest:
    permission = body.mark_permission
    return LineRequest(
        name=body.name,
        price_kop=body.price,
        quantity=body.quantity,
        amount_kop=body.total,
        vat=body.vat_rate,
        sku=body.sku,
        subject=body.subject,
        method=body.method,
        unit=body.unit,
        discount_kop=body.discount,
        mark_code=body.mark_code,
        mark_permission=None
        if permission is None
        else model.MarkPermission(
            uuid=permission.uuid,
            time=permission.time,
            inst=permission.inst,
            ver=permission.ver,
            blocked=permission.blocked,
        ),
    )


def _correction(body: CorrectionBody | None) -> model.Correction | None:
    if body is None:
        return None
    return model.Correction(
        by_order=body.type,
        date=body.date,
        number=body.number,
        operation=body.operation,
        fiscal_sign=body.fiscal_sign,
    )


def _customer(body: CustomerBody | None) -> model.Customer | None:
    """Empty contacts are no contacts: then there is no customer."""
    if body is None or not (body.email or body.phone or body.name or body.inn):
        return None
    return model.Customer(email=body.email, phone=body.phone, name=body.name, inn=body.inn)


def _cashier_of(body: CashierBody | None) -> model.Cashier | None:
    if body is None or not (body.name or body.inn):
        return None
    return model.Cashier(name=body.name, inn=body.inn)
