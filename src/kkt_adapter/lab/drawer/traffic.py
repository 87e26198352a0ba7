"""What a till does beside receipts."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any

from kkt_adapter.lab.drawer.ledger import CashMove, DrawerLedger, KeyedReport

PAUSE_S = 0.3  # real, before the second try; then twice as long
TRIES = 3  # of one movement or report, with one key
OPENING_KOP = 1_000_000
REFUSALS = frozenset({"CONFLICT"})  # no open session, or not so much in the drawer

Ask = Callable[[str, dict[str, Any], str], Awaitable[tuple[int | None, dict[str, Any] | None]]]


class DrawerTraffic:
    """``ask``: path, body and key, to any node; status and JSON, None where no whole answer came."""

    def __init__(self, pos_id: str, *, ledger: DrawerLedger, rng: Random, ask: Ask) -> None:
        self._pos_id = pos_id
        self._ledger = ledger
        self._rng = rng
        self._ask = ask

    async def move_cash(self) -> None:
        """Into or out of the drawer of the open session, which is opened first when there is none."""
        opening = {"pos_id": self._pos_id, "opening_cash": OPENING_KOP // 100}
        await self._ask("/v1/pos/session/open", opening, self._key())
        movement = CashMove(
            number=len(self._ledger.movements),
            key=self._key(),
            pos_id=self._pos_id,
            kind=self._rng.choice(("cash_in", "cash_out")),
            amount_kop=100 * self._rng.randrange(1, 500),
        )
        self._ledger.movements.append(movement)
        body = {
            "pos_id": self._pos_id,
            "type": movement.kind,
            "amount": movement.amount_kop // 100,
            "reason": movement.name,
        }
        for n in range(TRIES):
            await asyncio.sleep(PAUSE_S * n)
            movement.in_doubt += 1
            status, answer = await self._ask("/v1/pos/cash", body, movement.key)
            if status is None or answer is None:
                continue
            movement.in_doubt -= 1
            if status == 200:
                movement.told = True
                return
            if answer.get("code") in REFUSALS:
                movement.refused = movement.in_doubt == 0
                return

    async def z_report(self) -> None:
        report = KeyedReport(key=self._key(), register_id=self._pos_id.rpartition("-T")[0])
        self._ledger.reports.append(report)
        for n in range(TRIES):
            await asyncio.sleep(PAUSE_S * n)
            status, answer = await self._ask("/v1/kkt/z_report", {"pos_id": self._pos_id}, report.key)
            if status == 200 and answer is not None:
                report.numbers.add(answer["fiscalDocumentNumber"])
                self._check(answer)
            if status is not None:
                return

    async def x_report(self) -> None:
        status, answer = await self._ask("/v1/kkt/x_report", {"pos_id": self._pos_id}, self._key())
        if status == 200 and answer is not None:
            self._check(answer)

    def _check(self, report: dict[str, Any]) -> None:
        names = ("cashTotal", "cardTotal", "otherTotal", "totalSales", "totalRefunds")
        cash, card, other, sales, refunds = (Decimal(str(report[name])) for name in names)
        if cash + card + other != sales - refunds:
            self._ledger.wrong.append(f"{self._pos_id}: the sums of a report do not add up: {report}")

    def _key(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"
