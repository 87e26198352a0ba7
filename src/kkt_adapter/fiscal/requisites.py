"""Requisites that most receipts do not have: of a line, of the whole receipt.

They hang on one optional object each (``LineExtras``, ``ReceiptExtras``), so a receipt without them costs
nothing. The same values serve the till's wish and the complete receipt. Which of them a document may, must
and must not carry: ``ffd/validation/receipt_extras.py``; the tags: docs/reference/requisites.md.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from kkt_adapter.kernel.money import Kopecks


class AgentType(IntEnum):
    """Tags 1057 and 1222: one bit each (order ED-7-20/662@, table of tag 1222)."""

    BANK_PAYING_AGENT = 1
    BANK_PAYING_SUBAGENT = 2
    PAYING_AGENT = 4
    PAYING_SUBAGENT = 8
    ATTORNEY = 16
    COMMISSION_AGENT = 32
    ANOTHER = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Who sells in somebody else's name or for somebody else: 1222 and 1223, or 1057 of the receipt."""

    type: AgentType
    operation: str | None = None  # 1044, at most 24 characters
    phones: tuple[str, ...] = ()  # 1073, of the paying agent; + and digits
    operator_phones: tuple[str, ...] = ()  # 1074, of the operator that takes payments
    transfer_phones: tuple[str, ...] = ()  # 1075, of the money transfer operator
    transfer_name: str | None = None  # 1026
    transfer_address: str | None = None  # 1005
    transfer_inn: str | None = None  # 1016


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Whose goods or services an agent sells."""

    name: str | None = None  # 1225
    inn: str | None = None  # 1226; twelve zeros when the supplier has none
    phones: tuple[str, ...] = ()  # 1171; + and digits


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkQuantity:
    """A part of one marked pack: 1291 {1292, 1293, 1294}."""

    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Industry:
    """1260 of a line, 1261 of a receipt."""

    federal_id: str  # 1262, three digits: the federal body
    date: date  # 1263: of the act it stands on
    number: str  # 1264
    value: str  # 1265


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationAttribute:
    """1270."""

    id: int  # 1271, 0..255
    data: str  # 1272
    time: datetime  # 1273, wall clock


@dataclass(frozen=True, slots=True, kw_only=True)
class CashlessPayment:
    """1235: where one cashless payment can be found again."""

    amount_kop: Kopecks  # 1082
    method: int  # 1236, 0..255
    id: str  # 1237
    info: str | None = None  # 1238


@dataclass(frozen=True, slots=True, kw_only=True)
class VatSum:
    """What a correction of FFD 1.05 says instead of lines, for one VAT rate."""

    rate: str  # a value of model.VatRate
    amount_kop: Kopecks  # settlements at the rate, tax included
    vat_kop: Kopecks  # the tax inside; 0 for 0 % and no VAT


@dataclass(frozen=True, slots=True, kw_only=True)
class LineExtras:
    agent: Agent | None = None  # 1222, 1223
    supplier: Supplier | None = None  # 1224, 1226
    excise_kop: Kopecks | None = None  # 1229
    country: str | None = None  # 1230, three digits of OKSM
    customs_declaration: str | None = None  # 1231
    attribute: str | None = None  # 1191
    mark_quantity: MarkQuantity | None = None  # 1291
    planned_status: int | None = None  # 2003 of the request to the marking system
    industry: tuple[Industry, ...] = ()  # 1260
    wholesale: bool = False  # one marking code for many pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptExtras:
    agent: Agent | None = None  # 1057 and its data, FFD 1.05 and 1.1; in FFD 1.2 it went to the lines
    supplier: Supplier | None = None  # 1171, likewise
    industry: tuple[Industry, ...] = ()  # 1261
    operation_attribute: OperationAttribute | None = None  # 1270
    cashless: tuple[CashlessPayment, ...] = ()  # 1234
    device_number: str | None = None  # 1036
    timezone: int | None = None  # 1011, 1..11: offset from UTC in hours less one
    no_print: bool = False  # a wish: no paper
    vat_sums: tuple[VatSum, ...] = ()  # a correction by sums
