"""The models of the requisites that most receipts do not have, and what becomes of them.

What must stand together, and in which FFD version, is judged by the fiscal room (``ffd/validation``).
"""

from datetime import date, datetime
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from kkt_adapter.api.schemas import rare_values, values, words
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    Industry,
    LineExtras,
    MarkQuantity,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
    VatSum,
)
from kkt_adapter.kernel.money import Kopecks

MAX_PHONES = 5
MAX_INDUSTRY = 10
MAX_CASHLESS = 10
MAX_SUMS = len(VatRate)

_MONEY: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_DIGITS: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
_DAY = WithJsonSchema({"type": "string", "format": "date"})


def _text_schema(most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": most})


def _whole_schema(least: int, most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


Maybe12 = Annotated[str | None, PlainValidator(values.identifier(12)), _text_schema(12)]
Maybe20 = Annotated[str | None, PlainValidator(values.identifier(20)), _text_schema(20)]
Maybe24 = Annotated[str | None, PlainValidator(values.optional_text(24)), _text_schema(24)]
Maybe32 = Annotated[str | None, PlainValidator(values.identifier(32)), _text_schema(32)]
Maybe64 = Annotated[str | None, PlainValidator(values.optional_text(64)), _text_schema(64)]
Maybe256 = Annotated[str | None, PlainValidator(values.optional_text(256)), _text_schema(256)]
Text32 = Annotated[str, PlainValidator(values.text_or_number(32)), _text_schema(32)]
Text64 = Annotated[str, PlainValidator(values.text(64)), _text_schema(64)]
Text256 = Annotated[str, PlainValidator(values.text_or_number(256)), _text_schema(256)]
Money = Annotated[Kopecks, PlainValidator(values.amount), WithJsonSchema(_MONEY)]
MoneyOrZero = Annotated[Kopecks, PlainValidator(values.amount_or_zero), WithJsonSchema(_MONEY)]
Country = Annotated[
    str,
    PlainValidator(rare_values.fixed_digits(3)),
    WithJsonSchema(_DIGITS),
    Field(description="Three digits of OKSM: 643 Russia."),
]
Day = Annotated[date, PlainValidator(values.day), _DAY]
Byte = Annotated[int, PlainValidator(rare_values.whole(0, 255)), _whole_schema(0, 255)]
Part = Annotated[int, PlainValidator(rare_values.whole(1, 2**32 - 1)), _whole_schema(1, 2**32 - 1)]
YesNo = Annotated[bool, PlainValidator(values.yes_or_no), WithJsonSchema({"type": "boolean"})]
Phones = Annotated[
    tuple[str, ...],
    PlainValidator(rare_values.texts(MAX_PHONES, 30)),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": MAX_PHONES}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": True})


class AgentBody(_Body):
    """Who sells for somebody else (1222 and 1223 of a line, 1057 of a receipt)."""

    type: Annotated[
        AgentType,
        PlainValidator(words.agent_type),
        WithJsonSchema({"type": "string", "enum": list(words.AGENTS)}),
    ]
    operation: Annotated[Maybe24, Field(description="1044, bank agents.")] = None
    phones: Annotated[Phones, Field(description="1073, of the agent.")] = ()
    operator_phones: Annotated[Phones, Field(description="1074, of the operator taking payments.")] = ()
    transfer_phones: Annotated[Phones, Field(description="1075, of the transfer operator.")] = ()
    transfer_name: Annotated[Maybe64, Field(description="1026.")] = None
    transfer_address: Annotated[Maybe256, Field(description="1005.")] = None
    transfer_inn: Annotated[Maybe12, Field(description="1016.")] = None

    def canonical(self) -> Agent:
        return Agent(
            type=self.type,
            operation=self.operation,
            phones=self.phones,
            operator_phones=self.operator_phones,
            transfer_phones=self.transfer_phones,
            transfer_name=self.transfer_name,
            transfer_address=self.transfer_address,
            transfer_inn=self.transfer_inn,
        )


class SupplierBody(_Body):
    """Whose goods an agent sells (1224, 1226)."""

    name: Annotated[Maybe256, Field(description="1225.")] = None
    inn: Annotated[Maybe12, Field(description="1226; 000000000000: he has none.")] = None
    phones: Annotated[Phones, Field(description="1171.")] = ()

    def canonical(self) -> Supplier | None:
        if self.name is None and self.inn is None and not self.phones:
            return None
        return Supplier(name=self.name, inn=self.inn, phones=self.phones)


class MarkQuantityBody(_Body):
    """A part of one marked pack (1291); quantity is 1, the price is that of the part."""

    numerator: Part
    denominator: Part


class IndustryBody(_Body):
    """1260 of a line, 1261 of a receipt."""

    federal_id: Annotated[
        str,
        PlainValidator(rare_values.fixed_digits(3)),
        WithJsonSchema(_DIGITS),
        Field(description="1262, such as 030."),
    ]
    date: Annotated[Day, Field(description="1263.")]
    number: Annotated[Text32, Field(description="1264.")]
    value: Annotated[Text256, Field(description="1265.")]

    def canonical(self) -> Industry:
        return Industry(federal_id=self.federal_id, date=self.date, number=self.number, value=self.value)


class OperationAttributeBody(_Body):
    """1270."""

    id: Annotated[Byte, Field(description="1271.")]
    data: Annotated[Text64, Field(description="1272.")]
    time: Annotated[
        datetime,
        PlainValidator(rare_values.wall_clock),
        WithJsonSchema({"type": "string"}),
        Field(description="1273, wall clock: 2026-03-01T10:00:00."),
    ]


class CashlessBody(_Body):
    """Details of one cashless payment (1235); together they are the payments of type card."""

    amount: Annotated[Money, Field(description="1082, rubles.")]
    method: Annotated[Byte, Field(description="1236.")]
    id: Annotated[Text256, Field(description="1237.")]
    info: Annotated[Maybe256, Field(description="1238.")] = None


class VatSumBody(_Body):
    """Settlements of one rate in a correction by sums (FFD 1.05)."""

    vat_rate: Annotated[VatRate, PlainValidator(values.vat_rate), WithJsonSchema({"type": "string"})]
    amount: Annotated[Money, Field(description="Rubles, tax included.")]
    vat: Annotated[MoneyOrZero | None, Field(description="The tax inside; calculated if left out.")] = None

    def canonical(self) -> VatSum:
        vat_kop = vat_inside(self.amount, self.vat_rate) if self.vat is None else self.vat
        return VatSum(rate=self.vat_rate.value, amount_kop=self.amount, vat_kop=vat_kop)


class WithLineExtras(_Body):
    """The rare fields of a line."""

    agent: AgentBody | None = None
    supplier: SupplierBody | None = None
    excise_tax: Annotated[MoneyOrZero | None, Field(description="1229, rubles.")] = None
    country: Annotated[Country | None, Field(description="1230.")] = None
    customs_declaration: Annotated[Maybe32, Field(description="1231.")] = None
    line_attribute: Annotated[Maybe64, Field(description="1191.")] = None
    mark_quantity: MarkQuantityBody | None = None
    planned_status: Annotated[Byte | None, Field(description="2003; derived if left out.")] = None
    industry: Annotated[tuple[IndustryBody, ...], Field(max_length=MAX_INDUSTRY, description="1260.")] = ()
    wholesale: Annotated[YesNo, Field(description="One marking code for many pieces.")] = False


class WithReceiptExtras(_Body):
    """The rare fields of a receipt."""

    agent: AgentBody | None = None
    supplier: SupplierBody | None = None
    industry: Annotated[tuple[IndustryBody, ...], Field(max_length=MAX_INDUSTRY, description="1261.")] = ()
    operation_attribute: OperationAttributeBody | None = None
    cashless: Annotated[tuple[CashlessBody, ...], Field(max_length=MAX_CASHLESS, description="1234.")] = ()
    device_number: Annotated[Maybe20, Field(description="1036.")] = None
    timezone: Annotated[
        int | None,
        PlainValidator(rare_values.whole(1, 11)),
        _whole_schema(1, 11),
        Field(description="1011: 1 Kaliningrad, 2 Moscow .. 11 Kamchatka."),
    ] = None
    no_print: Annotated[YesNo, Field(description="No paper is wanted.")] = False


LINE_FIELDS = frozenset(WithLineExtras.model_fields)
RECEIPT_FIELDS = frozenset(WithReceiptExtras.model_fields)


class _Correction(Protocol):
    @property
    def sums(self) -> tuple[VatSumBody, ...]: ...


def line_extras(body: WithLineExtras) -> LineExtras | None:
    """None for a line that says nothing of the kind."""
    if body.model_fields_set.isdisjoint(LINE_FIELDS):
        return None
    part, supplier = body.mark_quantity, body.supplier
    extras = LineExtras(
        agent=None if body.agent is None else body.agent.canonical(),
        supplier=None if supplier is None else supplier.canonical(),
        excise_kop=body.excise_tax,
        country=body.country,
        customs_declaration=body.customs_declaration,
        attribute=body.line_attribute,
        mark_quantity=None
        if part is None
        else MarkQuantity(numerator=part.numerator, denominator=part.denominator),
        planned_status=body.planned_status,
        industry=tuple(one.canonical() for one in body.industry),
        wholesale=body.wholesale,
    )
    return None if extras == LineExtras() else extras


def receipt_extras(body: WithReceiptExtras, correction: _Correction | None) -> ReceiptExtras | None:
    """None for a receipt that says nothing of the kind; the sums of a correction count among them."""
    sums = () if correction is None else tuple(one.canonical() for one in correction.sums)
    if not sums and body.model_fields_set.isdisjoint(RECEIPT_FIELDS):
        return None
    operation, supplier = body.operation_attribute, body.supplier
    extras = ReceiptExtras(
        agent=None if body.agent is None else body.agent.canonical(),
        supplier=None if supplier is None else supplier.canonical(),
        industry=tuple(one.canonical() for one in body.industry),
        operation_attribute=None
        if operation is None
        else OperationAttribute(id=operation.id, data=operation.data, time=operation.time),
        cashless=tuple(
            CashlessPayment(amount_kop=one.amount, method=one.method, id=one.id, info=one.info)
            for one in body.cashless
        ),
        device_number=body.device_number,
        timezone=body.timezone,
        no_print=body.no_print,
        vat_sums=sums,
    )
    return None if extras == ReceiptExtras() else extras
