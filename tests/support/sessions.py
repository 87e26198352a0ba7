"""What a till does in a day, and what its drawer should hold afterwards, counted without the product."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx2

Json = dict[str, Any]

INCOMING = ("sale", "expense_refund")
METHODS = ("cash", "card", "prepaid", "credit", "other")


def rubles(kop: int) -> str:
    sign = "-" if kop < 0 else ""
    return f"{sign}{abs(kop) // 100}.{abs(kop) % 100:02d}"


def kopecks(shown: Any) -> int:
    """An amount of an answer; those have at most two decimals."""
    return round(float(shown) * 100)


def receipt(kind: str, paid: dict[str, int], *, till: str = "POS-001") -> Json:
    """One line of the whole sum, paid in several ways; amounts in kopecks."""
    total = rubles(sum(paid.values()))
    return {
        "pos_id": till,
        "type": kind,
        "items": [{"name": "Test", "price": total, "qty": 1, "method": "full_payment"}],
        "payments": [{"type": name, "amount": rubles(kop)} for name, kop in paid.items() if kop],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was printed; kopecks by payment."""

    kind: str
    paid: dict[str, int]

    @property
    def sign(self) -> int:
        return 1 if self.kind in INCOMING else -1

    @property
    def total(self) -> int:
        return sum(self.paid.values())


@dataclass(slots=True, kw_only=True)
class Recount:
    """Everything that happened since some moment; sums are made anew at each question."""

    receipts: list[Receipt] = field(default_factory=list)
    opening_kop: int = 0
    moved_in: list[int] = field(default_factory=list)
    moved_out: list[int] = field(default_factory=list)

    def paid(self, *methods: str) -> int:
        return sum(r.sign * kop for r in self.receipts for name, kop in r.paid.items() if name in methods)

    @property
    def sales(self) -> int:
        return sum(r.total for r in self.receipts if r.sign > 0)

    @property
    def refunds(self) -> int:
        return sum(r.total for r in self.receipts if r.sign < 0)

    @property
    def drawer(self) -> int:
        return self.opening_kop + self.paid("cash") + sum(self.moved_in) - sum(self.moved_out)

    def check_session(self, shown: Json) -> None:
        assert _in_kopecks(
            shown,
            "opening_cash",
            "cash_balance",
            "card_balance",
            "total_sales",
            "total_refunds",
            "cash_in",
            "cash_out",
        ) == [
            self.opening_kop,
            self.drawer,
            self.paid("card"),
            self.sales,
            self.refunds,
            sum(self.moved_in),
            sum(self.moved_out),
        ]
        assert shown["receipt_count"] == len(self.receipts)

    def check_report(self, shown: Json) -> None:
        """The three kinds of money add up to sales less refunds."""
        cash, card, other, sales, refunds = _in_kopecks(
            shown, "cashTotal", "cardTotal", "otherTotal", "totalSales", "totalRefunds"
        )
        assert cash + card + other == sales - refunds
        assert (cash, card) == (self.paid("cash"), self.paid("card"))
        assert other == self.paid("prepaid", "credit", "other")
        assert (sales, refunds) == (self.sales, self.refunds)
        assert shown["receiptCount"] == len(self.receipts)


def _in_kopecks(shown: Json, *names: str) -> list[int]:
    return [kopecks(shown[name]) for name in names]


async def call(
    client: httpx2.AsyncClient, path: str, body: Json, *, key: str | None = None
) -> httpx2.Response:
    """A POST below /v1/pos."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(f"/v1/pos/{path}", json=body, headers=headers)


def fields(answer: httpx2.Response) -> Iterable[str]:
    """The names of the fields that were refused."""
    return [error["field"] for error in answer.json()["errors"]]
