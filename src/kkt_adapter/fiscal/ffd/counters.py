"""Counters of a shift (1194) and of a whole FN (1157): how many documents, and their sums by operation.

Rates 5, 7, 22 and their calculated forms have no counter tag in any dictionary seen; such receipts raise the
totals and the payments only (inferred, unconfirmed).

Source: order ED-7-20/662@ as restated in docs/reference/fiscal-rules.md, section Documents.
"""

from dataclasses import dataclass, replace
from typing import Final

from kkt_adapter.fiscal.ffd.tlv import Field, element, encode
from kkt_adapter.fiscal.model import Operation, PaymentKind, Receipt, ReceiptKind, VatRate

_OPERATION_TAG: Final = {
    Operation.SALE: 1129,
    Operation.REFUND: 1130,
    Operation.EXPENSE: 1131,
    Operation.EXPENSE_REFUND: 1132,
}
_CORRECTION_TAG: Final = {
    Operation.SALE: 1145,
    Operation.EXPENSE: 1146,
    Operation.REFUND: 1232,
    Operation.EXPENSE_REFUND: 1233,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationCounters:
    """One of 1129-1132: receipts and corrections of one operation. All sums in kopecks.

    The edition of 2020 (order ED-7-20/662@) counts corrections in them; that of 2017 did not.
    """

    count: int = 0  # 1135
    total_kop: int = 0  # 1201
    cash_kop: int = 0  # 1136
    card_kop: int = 0  # 1138
    prepaid_kop: int = 0  # 1218
    credit_kop: int = 0  # 1219
    other_kop: int = 0  # 1220
    vat_20_kop: int = 0  # 1139
    vat_10_kop: int = 0  # 1140
    vat_20_120_kop: int = 0  # 1141
    vat_10_110_kop: int = 0  # 1142
    turnover_0_kop: int = 0  # 1143
    turnover_none_kop: int = 0  # 1183

    def fields(self) -> list[Field]:
        return [
            (1135, self.count),
            (1136, self.cash_kop),
            (1138, self.card_kop),
            (1218, self.prepaid_kop),
            (1219, self.credit_kop),
            (1220, self.other_kop),
            (1139, self.vat_20_kop),
            (1140, self.vat_10_kop),
            (1141, self.vat_20_120_kop),
            (1142, self.vat_10_110_kop),
            (1143, self.turnover_0_kop),
            (1183, self.turnover_none_kop),
            (1201, self.total_kop),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionCounters:
    """One of 1145, 1146, 1232, 1233: the corrections of one operation once more, alone."""

    count: int = 0  # 1135
    total_kop: int = 0  # 1201, kopecks

    def fields(self) -> list[Field]:
        return [(1135, self.count), (1201, self.total_kop)]


_NO_RECEIPTS: Final = (OperationCounters(),) * len(Operation)
_NO_CORRECTIONS: Final = (CorrectionCounters(),) * len(Operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Four operations each, in the order of 1054: sale, refund, expense, refund of an expense."""

    receipts: tuple[OperationCounters, ...] = _NO_RECEIPTS
    corrections: tuple[CorrectionCounters, ...] = _NO_CORRECTIONS

    def __post_init__(self) -> None:
        if len(self.receipts) != len(Operation) or len(self.corrections) != len(Operation):
            raise ValueError("counters have exactly four operations")

    def payload(self) -> bytes:
        """The contents of 1194 or 1157.

        Sums may have 6 bytes, yet the dictionary gives 1129-1132 room for twelve sums of 5. Six are written
        all the same: a shift must be closed whatever it has sold.

        Raises:
            TlvError: a sum over 6 bytes or a count over 4.
        """
        receipts = b"".join(
            element(tag, encode(self.receipts[operation - 1].fields()))
            for operation, tag in _OPERATION_TAG.items()
        )
        corrections = encode([(1144, sum(c.count for c in self.corrections))]) + b"".join(
            element(tag, encode(self.corrections[operation - 1].fields()))
            for operation, tag in _CORRECTION_TAG.items()
        )
        return encode([(1134, sum(r.count for r in self.receipts))]) + receipts + element(1133, corrections)


def add(counters: Counters, receipt: Receipt) -> Counters:
    """The counters after one more receipt or correction."""
    at = receipt.operation - 1
    one = _plus(counters.receipts[at], receipt)
    counted = replace(counters, receipts=(*counters.receipts[:at], one, *counters.receipts[at + 1 :]))
    if receipt.kind is not ReceiptKind.CORRECTION:
        return counted
    old = counters.corrections[at]
    new = CorrectionCounters(count=old.count + 1, total_kop=old.total_kop + receipt.total_kop)
    return replace(counted, corrections=(*counters.corrections[:at], new, *counters.corrections[at + 1 :]))


def _plus(old: OperationCounters, receipt: Receipt) -> OperationCounters:
    tax = dict.fromkeys(VatRate, 0)
    turnover = dict.fromkeys(VatRate, 0)
    for line in receipt.lines:
        tax[line.vat] += line.vat_kop
        turnover[line.vat] += line.amount_kop
    for one in () if receipt.extras is None else receipt.extras.vat_sums:
        tax[VatRate(one.rate)] += one.vat_kop
        turnover[VatRate(one.rate)] += one.amount_kop
    return OperationCounters(
        count=old.count + 1,
        total_kop=old.total_kop + receipt.total_kop,
        cash_kop=old.cash_kop + receipt.paid_kop(PaymentKind.CASH),
        card_kop=old.card_kop + receipt.paid_kop(PaymentKind.CARD),
        prepaid_kop=old.prepaid_kop + receipt.paid_kop(PaymentKind.PREPAID),
        credit_kop=old.credit_kop + receipt.paid_kop(PaymentKind.CREDIT),
        other_kop=old.other_kop + receipt.paid_kop(PaymentKind.OTHER),
        vat_20_kop=old.vat_20_kop + tax[VatRate.P20],
        vat_10_kop=old.vat_10_kop + tax[VatRate.P10],
        vat_20_120_kop=old.vat_20_120_kop + tax[VatRate.P20_120],
        vat_10_110_kop=old.vat_10_110_kop + tax[VatRate.P10_110],
        turnover_0_kop=old.turnover_0_kop + turnover[VatRate.P0],
        turnover_none_kop=old.turnover_none_kop + turnover[VatRate.NONE],
    )
