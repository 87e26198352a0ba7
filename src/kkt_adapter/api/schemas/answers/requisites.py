"""Requisites of receipts and lines, as an answer shows them; docs/reference/requisites.md has all of them.

A member stands there only when the receipt says it.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.units import Day, Rubles, WallTime

AgentTypeName = Literal[
    "bank_paying_agent",
    "bank_paying_subagent",
    "paying_agent",
    "paying_subagent",
    "attorney",
    "commission_agent",
    "another",
]


class AgentShown(TypedDict):
    """Who sells for somebody else (1222 and 1223 of a line, 1057 of a receipt)."""

    type: AgentTypeName
    operation: NotRequired[Annotated[str, Field(description="1044.")]]
    phones: NotRequired[Annotated[list[str], Field(description="1073, of the agent.")]]
    operator_phones: NotRequired[
        Annotated[list[str], Field(description="1074, of the operator taking payments.")]
    ]
    transfer_phones: NotRequired[Annotated[list[str], Field(description="1075, of the transfer operator.")]]
    transfer_name: NotRequired[Annotated[str, Field(description="1026.")]]
    transfer_address: NotRequired[Annotated[str, Field(description="1005.")]]
    transfer_inn: NotRequired[Annotated[str, Field(description="1016.")]]


class SupplierShown(TypedDict):
    """Whose goods an agent sells."""

    name: NotRequired[Annotated[str, Field(description="1225.")]]
    inn: NotRequired[Annotated[str, Field(description="1226.")]]
    phones: NotRequired[Annotated[list[str], Field(description="1171.")]]


class MarkPermissionShown(TypedDict):
    """The marking system's answer that allows the sale."""

    uuid: str
    time: Annotated[str, Field(description="As the marking system gave it.")]
    inst: NotRequired[str]
    ver: NotRequired[str]


class MarkQuantityShown(TypedDict):
    """A part of one marked pack (1291)."""

    numerator: Annotated[int, Field(description="1293.")]
    denominator: Annotated[int, Field(description="1294.")]


class IndustryShown(TypedDict):
    """1260 of a line, 1261 of a receipt."""

    federal_id: Annotated[str, Field(description="1262, three digits.")]
    date: Annotated[Day, Field(description="1263.")]
    number: Annotated[str, Field(description="1264.")]
    value: Annotated[str, Field(description="1265.")]


class OperationAttributeShown(TypedDict):
    """1270."""

    id: Annotated[int, Field(description="1271.")]
    data: Annotated[str, Field(description="1272.")]
    time: Annotated[WallTime, Field(description="1273, wall clock.")]


class CashlessShown(TypedDict):
    """Details of one cashless payment (1235)."""

    amount: Annotated[Rubles, Field(description="1082, rubles with two decimals.")]
    method: Annotated[int, Field(description="1236.")]
    id: Annotated[str, Field(description="1237.")]
    info: NotRequired[Annotated[str, Field(description="1238.")]]


class CashierShown(TypedDict):
    name: NotRequired[Annotated[str, Field(description="1021.")]]
    inn: NotRequired[Annotated[str, Field(description="1203.")]]


class CustomerShown(TypedDict):
    """The buyer."""

    email: NotRequired[Annotated[str, Field(description="1008.")]]
    phone: NotRequired[Annotated[str, Field(description="1008.")]]
    name: NotRequired[Annotated[str, Field(description="1227.")]]
    inn: NotRequired[Annotated[str, Field(description="1228.")]]
    birth_date: NotRequired[Annotated[Day, Field(description="1243.")]]
    citizenship: NotRequired[Annotated[str, Field(description="1244, three digits of OKSM.")]]
    document_code: NotRequired[Annotated[str, Field(description="1245, two digits.")]]
    document_data: NotRequired[Annotated[str, Field(description="1246.")]]
    address: NotRequired[Annotated[str, Field(description="1254.")]]


class UserAttributeShown(TypedDict):
    """1084."""

    name: Annotated[str, Field(description="1085.")]
    value: Annotated[str, Field(description="1086.")]


class VatSumShown(TypedDict):
    """Settlements of one rate in a correction by sums (FFD 1.05)."""

    vat_rate: str
    amount: Annotated[Rubles, Field(description="Rubles, tax included.")]
    vat: Annotated[Rubles, Field(description="Rubles, the tax inside.")]


class CorrectionShown(TypedDict):
    type: Annotated[Literal["self", "order"], Field(description="1173: own initiative, or an order.")]
    date: Annotated[Day, Field(description="1178: the day that is corrected.")]
    number: NotRequired[Annotated[str, Field(description="1179.")]]
    operation: Literal["sale", "refund", "expense", "expense_refund"]
    fiscal_sign: NotRequired[Annotated[str, Field(description="1192: sign of the wrong document.")]]
    sums: NotRequired[list[VatSumShown]]
