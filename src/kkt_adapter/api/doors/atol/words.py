"""The words of ATOL Online and what they are in FFD.

Sources: ATOL Online v4, document 5.23, and v5, document 3.12, tables of fields; numbers: FFD tags 1055, 1199,
1212, 1214, 2108.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def _table(**words: int) -> Mapping[str, int]:
    return MappingProxyType(words)


TAXATION: Final = _table(osn=1, usn_income=2, usn_income_outcome=4, envd=8, esn=16, patent=32)

METHODS: Final = _table(
    full_prepayment=1,
    prepayment=2,
    advance=3,
    full_payment=4,
    partial_payment=5,
    credit=6,
    credit_payment=7,
)
DEFAULT_METHOD: Final = 1  # full_prepayment: v4, items.payment_method
DEFAULT_OBJECT: Final = 1  # commodity: v4, items.payment_object

OBJECTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "commodity": 1,
        "excise": 2,
        "job": 3,
        "service": 4,
        "gambling_bet": 5,
        "gambling_prize": 6,
        "lottery": 7,
        "lottery_prize": 8,
        "intellectual_activity": 9,
        "payment": 10,
        "agent_commission": 11,
        "composite": 12,
        "award": 12,
        "another": 13,
        "property_right": 14,
        "non-operating_gain": 15,
        "insurance_premium": 16,
        "sales_tax": 17,
        "resort_fee": 18,
        "deposit": 19,
        "expense": 20,
        "pension_insurance_ip": 21,
        "pension_insurance": 22,
        "medical_insurance_ip": 23,
        "medical_insurance": 24,
        "social_insurance": 25,
        "casino_payment": 26,
    }
)
OBJECT_CODES: Final = frozenset({*range(1, 28), *range(30, 34)})  # v5

VATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "none": "none",
        "vat0": "0",
        "vat5": "5",
        "vat7": "7",
        "vat10": "10",
        "vat20": "20",
        "vat22": "22",
        "vat105": "5/105",
        "vat107": "7/107",
        "vat110": "10/110",
        "vat120": "20/120",
        "vat122": "22/122",
    }
)
OLD_VATS: Final = frozenset({"vat18", "vat118"})  # in the schema, refused since 2019

MEASURES: Final = frozenset(
    {0, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 70, 71, 72, 73, 80, 81, 82, 83, 255}
)

PAYMENTS: Final[Mapping[int, str]] = MappingProxyType(
    {0: "cash", 1: "card", 2: "prepaid", 3: "credit", 4: "other", 5: "card", 6: "card", 7: "card"}
    | {8: "card", 9: "card"}
)
"""5..9 are "extended" kinds, cashless on the register."""

AGENTS: Final = frozenset(
    {
        "bank_paying_agent",
        "bank_paying_subagent",
        "paying_agent",
        "paying_subagent",
        "attorney",
        "commission_agent",
        "another",
    }
)
MARK_KINDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "unknown": 32,
        "ean8": 8,
        "ean13": 13,
        "itf14": 14,
        "gs10": 38,
        "gs1m": 200,
        "short": 38,
        "fur": 20,
        "egais20": 23,
        "egais30": 14,
    }
)
"""The one key of a v5 ``mark_code``, and the most characters it takes."""
