"""What a buyer reads for the codes of a receipt. Russian, in the wording registers print.

Source of the lists: FNS order ED-7-20/662@.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.fiscal.model import DocumentCode, Operation, PaymentKind, VatRate

OPERATION: Mapping[Operation, str] = MappingProxyType(
    {
        Operation.SALE: "ПРИХОД",
        Operation.REFUND: "ВОЗВРАТ ПРИХОДА",
        Operation.EXPENSE: "РАСХОД",
        Operation.EXPENSE_REFUND: "ВОЗВРАТ РАСХОДА",
    }
)

PAYMENT: Mapping[PaymentKind, str] = MappingProxyType(
    {
        PaymentKind.CASH: "НАЛИЧНЫМИ",
        PaymentKind.CARD: "БЕЗНАЛИЧНЫМИ",
        PaymentKind.PREPAID: "ПРЕДВАРИТЕЛЬНАЯ ОПЛАТА (АВАНС)",
        PaymentKind.CREDIT: "ПОСЛЕДУЮЩАЯ ОПЛАТА (КРЕДИТ)",
        PaymentKind.OTHER: "ИНАЯ ФОРМА ОПЛАТЫ",
    }
)

OPERATION_OF_CODE: Mapping[int, str] = MappingProxyType({int(o): text for o, text in OPERATION.items()})

TITLE: Mapping[int, str] = MappingProxyType(
    {
        DocumentCode.RECEIPT: "КАССОВЫЙ ЧЕК",
        DocumentCode.BSO: "БЛАНК СТРОГОЙ ОТЧЁТНОСТИ",
        DocumentCode.CORRECTION: "КАССОВЫЙ ЧЕК КОРРЕКЦИИ",
        DocumentCode.BSO_CORRECTION: "БЛАНК СТРОГОЙ ОТЧЁТНОСТИ КОРРЕКЦИИ",
    }
)

PAYMENT_OF_TAG: Mapping[int, str] = MappingProxyType(
    dict(zip((1031, 1081, 1215, 1216, 1217), PAYMENT.values(), strict=True))
)

TAXATION: Mapping[int, str] = MappingProxyType(
    {1: "ОСН", 2: "УСН доход", 4: "УСН доход - расход", 8: "ЕНВД", 16: "ЕСХН", 32: "ПСН"}
)

SUBJECT: Mapping[int, str] = MappingProxyType(
    {
        1: "товар",
        2: "подакцизный товар",
        3: "работа",
        4: "услуга",
        5: "ставка азартной игры",
        6: "выигрыш азартной игры",
        7: "лотерейный билет",
        8: "выигрыш лотереи",
        9: "предоставление РИД",
        10: "платёж",
        11: "агентское вознаграждение",
        12: "выплата",
        13: "иной предмет расчёта",
        14: "имущественное право",
        15: "внереализационный доход",
        16: "страховые взносы",
        17: "торговый сбор",
        18: "курортный сбор",
        19: "залог",
        20: "расход",
        21: "взносы на ОПС ИП",
        22: "взносы на ОПС",
        23: "взносы на ОМС ИП",
        24: "взносы на ОМС",
        25: "взносы на ОСС",
        26: "платёж казино",
        27: "выдача денежных средств",
        30: "подакцизный маркируемый товар без кода",
        31: "подакцизный маркируемый товар",
        32: "маркируемый товар без кода",
        33: "маркируемый товар",
    }
)

METHOD: Mapping[int, str] = MappingProxyType(
    {
        1: "предоплата 100 %",
        2: "предоплата",
        3: "аванс",
        4: "полный расчёт",
        5: "частичный расчёт и кредит",
        6: "передача в кредит",
        7: "оплата кредита",
    }
)


def vat_of_line(rate: VatRate) -> str:
    match rate:
        case VatRate.NONE:
            return "НДС не облагается"
        case _:
            return f"НДС {_rate(rate)}"


def vat_of_receipt(rate: VatRate) -> str:
    """Beside the tax of a rate; beside the turnover for 0 % and no VAT."""
    match rate:
        case VatRate.NONE:
            return "СУММА БЕЗ НДС"
        case VatRate.P0:
            return "СУММА С НДС 0%"
        case _:
            return f"СУММА НДС {_rate(rate)}"


def _rate(rate: VatRate) -> str:
    return rate.value if "/" in rate.value else f"{rate.value}%"
