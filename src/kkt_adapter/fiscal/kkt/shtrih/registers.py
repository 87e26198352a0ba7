"""Totals of the open shift from the device's money registers (1Ah).

Numbers: 121 + operation for department 1, into which all our lines go; 193 + operation for cash, 197 +
operation for payments of kind 2 (cashless). Operations: 0 sale, 1 expense, 2 refund, 3 refund of an expense.
Source: docs/reference/shtrih-m.md, Registers.
"""

from datetime import datetime

from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import FnShift, number_behind_operator
from kkt_adapter.fiscal.kkt.shtrih.session import Session
from kkt_adapter.fiscal.model import ShiftTotals
from kkt_adapter.kernel.money import Kopecks

DEPARTMENT_1 = 121
CASH = 193
CARD = 197
SALE, EXPENSE, REFUND, EXPENSE_REFUND = range(4)
_SIGN = {SALE: 1, EXPENSE: -1, REFUND: -1, EXPENSE_REFUND: 1}


async def read_totals(
    session: Session, password: int, *, shift: FnShift, opened_at: datetime | None
) -> ShiftTotals:
    """Raises LinkDown, DeviceRefusal."""

    async def register(number: int) -> int:
        return number_behind_operator(await session.data(requests.money_register(password, number)), 6)

    totals = {operation: await register(DEPARTMENT_1 + operation) for operation in _SIGN}
    cash = sum([sign * await register(CASH + operation) for operation, sign in _SIGN.items()])
    card = sum([sign * await register(CARD + operation) for operation, sign in _SIGN.items()])
    all_kop = sum(sign * totals[operation] for operation, sign in _SIGN.items())
    return ShiftTotals(
        shift_number=shift.number,
        opened_at=opened_at,
        receipt_count=shift.receipt_number,
        sales_kop=Kopecks(totals[SALE] + totals[EXPENSE_REFUND]),
        refunds_kop=Kopecks(totals[REFUND] + totals[EXPENSE]),
        cash_kop=Kopecks(cash),
        card_kop=Kopecks(card),
        other_kop=Kopecks(all_kop - cash - card),
    )
