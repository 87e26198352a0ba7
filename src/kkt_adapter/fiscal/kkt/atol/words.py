"""The words of ATOL's tasks for the numbers of FFD.

Unknown words are not refused everywhere: a measurement unit that the driver does not know drops tag 2108
without an error. So only words of these tables are ever sent. Source: docs/reference/atol.md, Words.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.model import DocumentCode, Operation, PaymentKind, VatRate
from kkt_adapter.fiscal.requisites import AgentType

TASK: Mapping[Operation, str] = MappingProxyType(
    {
        Operation.SALE: "sell",
        Operation.REFUND: "sellReturn",
        Operation.EXPENSE: "buy",
        Operation.EXPENSE_REFUND: "buyReturn",
    }
)
CORRECTION_SUFFIX = "Correction"

TAXATION: Mapping[int, str] = MappingProxyType(
    {1: "osn", 2: "usnIncome", 4: "usnIncomeOutcome", 16: "esn", 32: "patent"}
)
"""Bits of 1055. 8 (envd) is refused since it was abolished."""

TAX: Mapping[VatRate, str] = MappingProxyType(
    {
        VatRate.NONE: "none",
        VatRate.P0: "vat0",
        VatRate.P5: "vat5",
        VatRate.P7: "vat7",
        VatRate.P10: "vat10",
        VatRate.P20: "vat20",
        VatRate.P22: "vat22",
        VatRate.P5_105: "vat105",
        VatRate.P7_107: "vat107",
        VatRate.P10_110: "vat110",
        VatRate.P20_120: "vat120",
        VatRate.P22_122: "vat122",
    }
)

PAYMENT: Mapping[PaymentKind, str] = MappingProxyType(
    {
        PaymentKind.CARD: "electronically",
        PaymentKind.PREPAID: "prepaid",
        PaymentKind.CREDIT: "credit",
        PaymentKind.OTHER: "other",
        PaymentKind.CASH: "cash",
    }
)
"""In the order in which the driver writes them: cash last."""

METHOD: Mapping[int, str] = MappingProxyType(
    {
        1: "fullPrepayment",
        2: "prepayment",
        3: "advance",
        4: "fullPayment",
        5: "partialPayment",
        6: "credit",
        7: "creditPayment",
    }
)
"""1214."""

SUBJECT: Mapping[int, str] = MappingProxyType(
    {
        1: "commodity",
        2: "excise",
        3: "job",
        4: "service",
        5: "gamblingBet",
        6: "gamblingPrize",
        7: "lottery",
        8: "lotteryPrize",
        9: "intellectualActivity",
        10: "payment",
        11: "agentCommission",
        12: "pay",
        13: "another",
        14: "proprietaryLaw",
        15: "nonOperatingIncome",
        16: "otherContributions",
        17: "merchantTax",
        18: "resortFee",
        19: "deposit",
        20: "consumption",
        21: "soleProprietorCPIContributions",
        22: "cpiContributions",
        23: "soleProprietorCMIContributions",
        24: "cmiContributions",
        25: "csiContributions",
        26: "casinoPayment",
        27: "fundsIssuance",
        30: "exciseWithoutMarking",
        31: "exciseWithMarking",
        32: "commodityWithoutMarking",
        33: "commodityWithMarking",
    }
)
"""1212."""

MEASURE: Mapping[int, str] = MappingProxyType(
    {
        0: "piece",
        10: "gram",
        11: "kilogram",
        12: "ton",
        20: "centimeter",
        21: "decimeter",
        22: "meter",
        30: "squareCentimeter",
        31: "squareDecimeter",
        32: "squareMeter",
        40: "milliliter",
        41: "liter",
        42: "cubicMeter",
        50: "kilowattHour",
        51: "gkal",
        70: "day",
        71: "hour",
        72: "minute",
        73: "second",
        80: "kilobyte",
        81: "megabyte",
        82: "gigabyte",
        83: "terabyte",
        255: "otherUnits",
    }
)
"""2108, FFD 1.2."""

AGENT: Mapping[AgentType, str] = MappingProxyType(
    {
        AgentType.BANK_PAYING_AGENT: "bankPayingAgent",
        AgentType.BANK_PAYING_SUBAGENT: "bankPayingSubagent",
        AgentType.PAYING_AGENT: "payingAgent",
        AgentType.PAYING_SUBAGENT: "payingSubagent",
        AgentType.ATTORNEY: "attorney",
        AgentType.COMMISSION_AGENT: "commissionAgent",
        AgentType.ANOTHER: "another",
    }
)

PLANNED_STATUS: Mapping[int, str] = MappingProxyType(
    {
        1: "itemPieceSold",
        2: "itemDryForSale",
        3: "itemPieceReturn",
        4: "itemDryReturn",
        255: "itemStatusUnchanged",
    }
)
"""2003."""

DOCUMENT: Mapping[str, DocumentCode] = MappingProxyType(
    {
        "registration": DocumentCode.REGISTRATION,
        "openShift": DocumentCode.OPEN_SHIFT,
        "receipt": DocumentCode.RECEIPT,
        "bso": DocumentCode.BSO,
        "closeShift": DocumentCode.CLOSE_SHIFT,
        "closeArchive": DocumentCode.CLOSE_ARCHIVE,
        "registrationChange": DocumentCode.REREGISTRATION,
        "ofdExchangeStatus": DocumentCode.CURRENT_STATE,
        "receiptCorrection": DocumentCode.CORRECTION,
        "bsoCorrection": DocumentCode.BSO_CORRECTION,
    }
)
"""``fiscalDocumentType`` of getFnDocument; the words of reports beside shifts are inferred."""

SHIFT: Mapping[str, ShiftState] = MappingProxyType(
    {"closed": ShiftState.CLOSED, "opened": ShiftState.OPEN, "expired": ShiftState.EXPIRED}
)
