"""The closed sets of a receipt, as tills write them.

Codes and their meaning: FFD format tables as restated in docs/reference/fiscal-rules.md (1055, 1212, 1214).
Keys are lower case without ``_``, ``-`` and spaces where a code can be meant, so that ``full_payment``,
``fullPayment`` and ``full-payment`` are one word.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.api.schemas.values import code_or_word, word
from kkt_adapter.fiscal.model import Operation, PaymentKind, ReceiptKind
from kkt_adapter.fiscal.requisites import AgentType

KINDS: Mapping[str, ReceiptKind] = MappingProxyType(
    {kind.value: kind for kind in ReceiptKind}
    | {
        "sell": ReceiptKind.SALE,
        "sell_refund": ReceiptKind.REFUND,
        "buy": ReceiptKind.EXPENSE,
        "buy_refund": ReceiptKind.EXPENSE_REFUND,
    }
)

PAYMENTS: Mapping[str, PaymentKind] = MappingProxyType(
    {kind.value: kind for kind in PaymentKind}
    | {"acquiring": PaymentKind.CARD, "electronic": PaymentKind.CARD}
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "sale": Operation.SALE,
        "sell": Operation.SALE,
        "refund": Operation.REFUND,
        "sell_refund": Operation.REFUND,
        "expense": Operation.EXPENSE,
        "buy": Operation.EXPENSE,
        "expense_refund": Operation.EXPENSE_REFUND,
        "buy_refund": Operation.EXPENSE_REFUND,
    }
)

CORRECTION_BY_ORDER: Mapping[str, bool] = MappingProxyType({"self": False, "order": True})

TAXATION: Mapping[str, int] = MappingProxyType(
    {
        "osn": 1,
        "general": 1,
        "usnincome": 2,
        "usnincomeoutcome": 4,
        "envd": 8,
        "esn": 16,
        "eshn": 16,
        "patent": 32,
    }
)

AGENTS: Mapping[str, AgentType] = MappingProxyType({kind.name.lower(): kind for kind in AgentType})

METHODS: Mapping[str, int] = MappingProxyType(
    {
        "fullprepayment": 1,
        "prepayment": 2,
        "partialprepayment": 2,
        "advance": 3,
        "fullpayment": 4,
        "partialpayment": 5,
        "credit": 6,
        "creditpayment": 7,
    }
)

SUBJECTS: Mapping[str, int] = MappingProxyType(
    {
        "commodity": 1,
        "goods": 1,
        "excise": 2,
        "job": 3,
        "work": 3,
        "service": 4,
        "gamblingbet": 5,
        "gamblingprize": 6,
        "lottery": 7,
        "lotteryprize": 8,
        "intellectualactivity": 9,
        "payment": 10,
        "agentcommission": 11,
        "pay": 12,
        "composite": 12,
        "another": 13,
        "other": 13,
        "proprietarylaw": 14,
        "propertyright": 14,
        "nonoperatingincome": 15,
        "nonoperatinggain": 15,
        "othercontributions": 16,
        "insurancecontributions": 16,
        "insurancepremium": 16,
        "merchanttax": 17,
        "salestax": 17,
        "resortfee": 18,
        "touristtax": 18,
        "deposit": 19,
        "consumption": 20,
        "expense": 20,
        "soleproprietorcpicontributions": 21,
        "cpicontributions": 22,
        "soleproprietorcmicontributions": 23,
        "cmicontributions": 24,
        "csicontributions": 25,
        "casinopayment": 26,
        "fundsissuance": 27,
        "excisewithoutmarking": 30,
        "excisewithmarking": 31,
        "commoditywithoutmarking": 32,
        "commoditywithmarking": 33,
    }
)

receipt_kind = word(KINDS, ", ".join(KINDS))
payment_kind = word(PAYMENTS, ", ".join(PAYMENTS))
operation = word(OPERATIONS, ", ".join(OPERATIONS))
by_order = word(CORRECTION_BY_ORDER, ", ".join(CORRECTION_BY_ORDER))
agent_type = word(AGENTS, ", ".join(AGENTS))
subject = code_or_word(
    SUBJECTS, "commodity, excise, job, service, payment, another ... or a code of tag 1212 (1-27, 30-33)"
)
method = code_or_word(
    METHODS,
    "full_prepayment, prepayment, advance, full_payment, partial_payment, credit, credit_payment or 1-7",
)
taxation = code_or_word(TAXATION, "osn, usn_income, usn_income_outcome, esn, patent or 1, 2, 4, 16, 32")
