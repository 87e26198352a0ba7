"""The models of a receipt's body: one field, one reading, under our own names.

``receipt.py`` brings other names to these first. What the documentation shows of the body is made from here.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from kkt_adapter.api.schemas import rare_values, values, words
from kkt_adapter.api.schemas.requisites_body import (
    MAX_SUMS,
    Country,
    Day,
    Maybe64,
    Maybe256,
    VatSumBody,
    WithLineExtras,
    WithReceiptExtras,
)
from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.fiscal.model import Operation, PaymentKind, ReceiptKind, VatRate
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import ONE, Kopecks, Quantity

MAX_LINES = 1000
MAX_PAYMENTS = 10

_MONEY_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}
_MONEY_OR_ZERO: dict[str, Any] = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
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
AmountOrZero = Annotated[Kopecks, PlainValidator(values.amount_or_zero), WithJsonSchema(_MONEY_OR_ZERO)]
Text16 = Annotated[str, PlainValidator(values.text(16)), _text_schema(16)]
Text64 = Annotated[str, PlainValidator(values.text(64)), _text_schema(64)]
Text128 = Annotated[str, PlainValidator(values.text(128)), _text_schema(128)]
Text255 = Annotated[str, PlainValidator(values.text(255)), _text_schema(255)]
Text256 = Annotated[str, PlainValidator(values.text(256)), _text_schema(256)]
Optional64 = Annotated[str | None, PlainValidator(values.optional_text(64)), _text_schema(64)]
Optional256 = Annotated[str | None, PlainValidator(values.optional_text(256)), _text_schema(256)]
Email = Annotated[str | None, PlainValidator(values.unspaced(64)), _text_schema(64)]
Inn = Annotated[str | None, PlainValidator(values.unspaced(12)), _text_schema(12)]
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


class LineBody(WithLineExtras):
    """One line (1059)."""

    name: Annotated[Text255, Field(description="1030 takes the first 128 characters in CP866.")]
    price: Annotated[
        AmountOrZero,
        Field(
            description="Unit price after discounts, rubles; rounded half up to kopecks. "
            "0 for a gift beside paid lines."
        ),
    ]
    quantity: Annotated[
        Quantity,
        PlainValidator(values.quantity),
        WithJsonSchema(_MONEY_SCHEMA),
        Field(description="At most six decimals; 1 if left out. Also: qty."),
    ] = ONE
    total: Annotated[
        AmountOrZero | None, Field(description="1043; price x quantity if left out. Also: sum, amount.")
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
    mark_code: Annotated[str | None, PlainValidator(values.mark_code), _text_schema(256)] = None
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
    amount: Annotated[AmountOrZero, Field(description="Rubles. A zero beside others is left out. Also: sum.")]


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
    sums: Annotated[
        tuple[VatSumBody, ...],
        Field(max_length=MAX_SUMS, description="FFD 1.05, instead of items: settlements by VAT rate."),
    ] = ()


class CustomerBody(_Body):
    """Whoever gets the electronic receipt; from birth_date on for registers on FFD 1.2."""

    email: Email = None
    phone: Optional64 = None
    name: Optional256 = None
    inn: Inn = None
    birth_date: Annotated[Day | None, Field(description="1243.")] = None
    citizenship: Annotated[Country | None, Field(description="1244.")] = None
    document_code: Annotated[
        str | None,
        PlainValidator(rare_values.fixed_digits(2)),
        WithJsonSchema(_TEXT_OR_NUMBER),
        Field(description="1245: 21 is a passport."),
    ] = None
    document_data: Annotated[Maybe64, Field(description="1246.")] = None
    address: Annotated[Maybe256, Field(description="1254.")] = None


class CashierBody(_Body):
    name: Optional64 = None
    inn: Inn = None


class UserAttributeBody(_Body):
    """The user's own pair (1084)."""

    name: Text64
    value: Text256


def _cashier(value: object) -> object:
    return {"name": value} if type(value) is str else value


class ReceiptBody(WithReceiptExtras):
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
        list[LineBody],
        BeforeValidator(_counted(MAX_LINES)),
        Field(min_length=1, max_length=1000),
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
    refund_force_reason: Annotated[
        Optional256,
        Field(description="Why a sale that was written off (dead letter) is refunded all the same."),
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


class CorrectionBySumsBody(ReceiptBody):
    """A correction of FFD 1.05 that says the settlements of each VAT rate instead of lines."""

    items: Annotated[list[LineBody], Field(max_length=MAX_LINES, default_factory=list)]
