"""The totals that a Z report carries in 1194 (FFD 1.1 and 1.2), zeros where it has none; for every driver."""

from collections.abc import Sequence
from datetime import datetime

from kkt_adapter.fiscal.ffd.tlv import Element, first
from kkt_adapter.fiscal.model import FiscalDocument, ShiftReport, ShiftTotals
from kkt_adapter.kernel.money import Kopecks

_INCOME, _OUTGO = (1129, 1132), (1130, 1131)
"""In 1194: sales and refunds of expenses; refunds and expenses; corrections are counted in them."""


def documents_in_shift(tags: Sequence[Element]) -> int | None:
    """1111 of a Z report: how many documents the shift has, both reports among them."""
    return number_of(tags, 1111)


def report_of(
    document: FiscalDocument, tags: Sequence[Element], *, opened_at: datetime | None
) -> ShiftReport:
    counters = first(tags, 1194)
    return ShiftReport(
        document=document,
        totals=shift_totals(
            () if counters is None else counters.children,
            shift_number=document.shift_number,
            opened_at=opened_at,
            receipts=number_of(tags, 1118) or 0,
        ),
    )


def shift_totals(
    counters: Sequence[Element], *, shift_number: int, opened_at: datetime | None, receipts: int
) -> ShiftTotals:
    def net(*tags: int) -> int:
        return sum(
            sign * _sum(counters, operation, tag)
            for sign, operations in ((1, _INCOME), (-1, _OUTGO))
            for operation in operations
            for tag in tags
        )

    return ShiftTotals(
        shift_number=shift_number,
        opened_at=opened_at,
        receipt_count=receipts,
        sales_kop=Kopecks(sum(_sum(counters, tag, 1201) for tag in _INCOME)),
        refunds_kop=Kopecks(sum(_sum(counters, tag, 1201) for tag in _OUTGO)),
        cash_kop=Kopecks(net(1136)),
        card_kop=Kopecks(net(1138)),
        other_kop=Kopecks(net(1218, 1219, 1220)),
    )


def number_of(elements: Sequence[Element], tag: int) -> int | None:
    """A number of any integer type."""
    found = first(elements, tag)
    if found is None:
        return None
    return found.value if isinstance(found.value, int) else int.from_bytes(found.raw, "little")


def _sum(counters: Sequence[Element], operation: int, tag: int) -> int:
    found = first(counters, operation)
    return 0 if found is None else number_of(found.children, tag) or 0
