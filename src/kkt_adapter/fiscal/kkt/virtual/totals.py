"""Running sums of receipts: what the counters of a shift and of a whole FN are made of.

One flat row of 64-bit numbers, because it is copied and stored with every receipt. Receipts and corrections
are kept apart, because the counters 1133 report the corrections alone; 1129-1132 and the X and Z reports for
people add them up.
"""

import sys
from array import array
from datetime import datetime
from enum import IntEnum

from kkt_adapter.fiscal.ffd.counters import CorrectionCounters, Counters, OperationCounters
from kkt_adapter.fiscal.model import Operation, PaymentKind, Receipt, ReceiptKind, ShiftTotals, VatRate
from kkt_adapter.fiscal.requisites import VatSum
from kkt_adapter.kernel.money import Kopecks


class Column(IntEnum):
    """One row of sums; kopecks but for the count. VAT columns as tags 1139-1143 and 1183 have them."""

    COUNT = 0
    TOTAL = 1
    CASH = 2
    CARD = 3
    PREPAID = 4
    CREDIT = 5
    OTHER = 6
    VAT_20 = 7
    VAT_10 = 8
    TURNOVER_0 = 9  # turnover, not tax
    TURNOVER_NONE = 10  # likewise
    VAT_20_120 = 11
    VAT_10_110 = 12


MAX_SUM_KOP = 2**48 - 1  # a sum of a shift or FN counter has at most 6 bytes (tag 1201)
LARGE_SUM_KOP = 2**40  # from here on, several sums together may outgrow the counter of their operation
MAX_SUMS_BYTES = 116 - 13 * 4 - 4  # tags 1129-1132 hold 116 bytes: 13 headers, a count, and the sums
_COUNT, _TOTAL = int(Column.COUNT), int(Column.TOTAL)  # plain numbers for the hot path
WIDTH = len(Column)
ROWS = 2 * len(Operation)  # receipts by operation, then corrections by operation
_HALF = len(Operation) * WIDTH
_CORRECTIONS_FROM = len(Operation) - 1  # operations count from 1

_PAYMENT = {
    PaymentKind.CASH: Column.CASH,
    PaymentKind.CARD: Column.CARD,
    PaymentKind.PREPAID: Column.PREPAID,
    PaymentKind.CREDIT: Column.CREDIT,
    PaymentKind.OTHER: Column.OTHER,
}
# Rates 5, 7, 22 and their calculated forms have no counter in any dictionary seen (ffd/counters.py).
_TAX = {
    VatRate.P20: Column.VAT_20,
    VatRate.P10: Column.VAT_10,
    VatRate.P20_120: Column.VAT_20_120,
    VatRate.P10_110: Column.VAT_10_110,
}
_TURNOVER = {VatRate.P0: Column.TURNOVER_0, VatRate.NONE: Column.TURNOVER_NONE}
_COUNTER_OF = {
    "count": Column.COUNT,
    "total_kop": Column.TOTAL,
    "cash_kop": Column.CASH,
    "card_kop": Column.CARD,
    "prepaid_kop": Column.PREPAID,
    "credit_kop": Column.CREDIT,
    "other_kop": Column.OTHER,
    "vat_20_kop": Column.VAT_20,
    "vat_10_kop": Column.VAT_10,
    "turnover_0_kop": Column.TURNOVER_0,
    "turnover_none_kop": Column.TURNOVER_NONE,
    "vat_20_120_kop": Column.VAT_20_120,
    "vat_10_110_kop": Column.VAT_10_110,
}
_INCOME = (Operation.SALE, Operation.EXPENSE_REFUND)
_OUTGO = (Operation.REFUND, Operation.EXPENSE)


class RegisterTotals:
    """Sums per operation, receipts and corrections apart. Never changed: ``plus`` makes a new one."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: "array[int]") -> None:
        if len(numbers) != ROWS * WIDTH:
            raise ValueError(f"{len(numbers)} sums, expected {ROWS * WIDTH}")
        self._numbers = numbers

    @classmethod
    def zero(cls) -> "RegisterTotals":
        return cls(array("q", bytes(8 * ROWS * WIDTH)))

    @classmethod
    def from_bytes(cls, data: bytes) -> "RegisterTotals":
        """Raises ValueError when the length is wrong."""
        numbers = array("q")
        numbers.frombytes(data)
        if sys.byteorder == "big":
            numbers.byteswap()
        return cls(numbers)

    def as_bytes(self) -> bytes:
        """Little endian, 64 bits each."""
        if sys.byteorder == "big":
            swapped = self._numbers[:]
            swapped.byteswap()
            return swapped.tobytes()
        return self._numbers.tobytes()

    def plus(self, receipt: Receipt) -> "RegisterTotals":
        """Raises OverflowError when the sums would not fit into the counter of their operation."""
        return self._with(_row_of(receipt), _amounts(receipt))

    def _with(self, start: int, amounts: list[tuple[int, int]]) -> "RegisterTotals":
        numbers = self._numbers[:]
        for column, amount in amounts:
            numbers[start + column] += amount
        other = (start + _HALF) % (2 * _HALF)  # corrections of the operation, or its receipts
        total_kop = numbers[start + _TOTAL] + numbers[other + _TOTAL]
        if total_kop >= LARGE_SUM_KOP:
            sums = [numbers[start + n] + numbers[other + n] for n in range(_TOTAL, WIDTH)]
            size = sum((kop.bit_length() + 7) // 8 or 1 for kop in sums)
            if total_kop > MAX_SUM_KOP or size > MAX_SUMS_BYTES:
                raise OverflowError("the sums of all receipts do not fit into their counter")
        return RegisterTotals(numbers)

    def of(self, column: Column, operation: Operation, *, correction: bool = False) -> int:
        return self._numbers[_row(operation, correction=correction) + column]

    def both(self, column: Column, operation: Operation) -> int:
        """Receipts and corrections of one operation together."""
        return self.of(column, operation) + self.of(column, operation, correction=True)

    def net(self, *columns: Column) -> Kopecks:
        """Income less outgo: sales and refunds of expenses, less refunds and expenses."""
        income = sum(self.both(column, operation) for column in columns for operation in _INCOME)
        return Kopecks(
            income - sum(self.both(column, operation) for column in columns for operation in _OUTGO)
        )

    def count(self) -> int:
        """All receipts and corrections."""
        return sum(self.both(Column.COUNT, operation) for operation in Operation)

    def counters(self) -> Counters:
        """As tags 1194 and 1157 report them."""
        return Counters(
            receipts=tuple(OperationCounters(**self._named(operation)) for operation in Operation),
            corrections=tuple(
                CorrectionCounters(
                    count=self.of(Column.COUNT, operation, correction=True),
                    total_kop=self.of(Column.TOTAL, operation, correction=True),
                )
                for operation in Operation
            ),
        )

    def _named(self, operation: Operation) -> dict[str, int]:
        return {name: self.both(column, operation) for name, column in _COUNTER_OF.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RegisterTotals) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self._numbers.tobytes())


def shift_totals(totals: RegisterTotals, *, shift_number: int, opened_at: datetime | None) -> ShiftTotals:
    """What X and Z reports show. Cash + card + other = sales - refunds, since payments make up each total."""
    return ShiftTotals(
        shift_number=shift_number,
        opened_at=opened_at,
        receipt_count=totals.count(),
        sales_kop=Kopecks(sum(totals.both(Column.TOTAL, operation) for operation in _INCOME)),
        refunds_kop=Kopecks(sum(totals.both(Column.TOTAL, operation) for operation in _OUTGO)),
        cash_kop=totals.net(Column.CASH),
        card_kop=totals.net(Column.CARD),
        other_kop=totals.net(Column.PREPAID, Column.CREDIT, Column.OTHER),
    )


def plus_both(
    first: RegisterTotals, second: RegisterTotals, receipt: Receipt
) -> tuple[RegisterTotals, RegisterTotals]:
    """``plus`` for the stats of shift and FN at once."""
    start, amounts = _row_of(receipt), _amounts(receipt)
    return first._with(start, amounts), second._with(start, amounts)


def _amounts(receipt: Receipt) -> list[tuple[int, int]]:
    """What a receipt adds to which columns."""
    amounts: list[tuple[int, int]] = [(_COUNT, 1), (_TOTAL, receipt.total_kop)]
    for payment in receipt.payments:
        amounts.append((_PAYMENT[payment.kind], payment.amount_kop))
    for line in receipt.lines:
        turnover = _TURNOVER.get(line.vat)
        if turnover is not None:
            amounts.append((turnover, line.amount_kop))
        elif (tax := _TAX.get(line.vat)) is not None:
            amounts.append((tax, line.vat_kop))
    if receipt.extras is not None:
        amounts += _amounts_by_rate(receipt.extras.vat_sums)
    return amounts


def _amounts_by_rate(sums: tuple[VatSum, ...]) -> list[tuple[int, int]]:
    """A correction by sums has no lines."""
    amounts: list[tuple[int, int]] = []
    for one in sums:
        rate = VatRate(one.rate)
        if rate in _TURNOVER:
            amounts.append((_TURNOVER[rate], one.amount_kop))
        elif rate in _TAX:
            amounts.append((_TAX[rate], one.vat_kop))
    return amounts


def _row_of(receipt: Receipt) -> int:
    return _row(receipt.operation, correction=receipt.kind is ReceiptKind.CORRECTION)


def _row(operation: Operation, *, correction: bool) -> int:
    return (operation + _CORRECTIONS_FROM if correction else operation - 1) * WIDTH
