"""A random day at the till, with restarts in between: the product's sums equal an independent recount."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.product import Product, product
from tests.support.sessions import METHODS, Receipt, Recount, call, receipt, rubles

from kkt_adapter.kernel.ids import random_id

KINDS = st.sampled_from(["sale", "sale", "sale", "refund", "expense", "expense_refund"])
PAID = st.dictionaries(st.sampled_from(METHODS), st.integers(1, 300_000), min_size=1, max_size=4)
AMOUNT = st.integers(1, 500_000)


class TillDay(RuleBasedStateMachine):
    """One till with one virtual register. ``shift`` and ``session`` are what the recounts know."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.shift = Recount()
        self.shift_open = False
        self.session: Recount | None = None
        self.last_cash: tuple[dict[str, Any], str] | None = None

    @initialize()
    def begin(self) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="kkt-day-")))
        self.running: Product = self.run(self.stack.enter_async_context(product(folder)))
        self.until_opened()

    def until_opened(self) -> None:
        """After a start the register is opened first; until then reports are refused."""

        async def holds() -> bool:
            return self.running.lane().holds()

        self.run(self.running.until(holds))

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def pos(self, path: str, body: dict[str, Any], key: str | None = None) -> Any:
        return self.run(call(self.running.client, path, {"pos_id": "POS-001"} | body, key=key))

    def report(self, kind: str) -> Any:
        return self.run(self.running.client.post(f"/v1/kkt/{kind}_report", json={"pos_id": "POS-001"}))

    @precondition(lambda self: self.session is None)
    @rule(opening=st.integers(0, 1_000_000))
    def open_session(self, opening: int) -> None:
        assert self.pos("session/open", {"opening_cash": rubles(opening)}).status_code == 200
        self.session = Recount(opening_kop=opening)
        self.last_cash = None

    @precondition(lambda self: self.session is not None)
    @rule()
    def close_session(self) -> None:
        assert self.session is not None
        self.session.check_session(self.pos("session/close", {}).json())
        self.session = None

    @rule(kind=KINDS, paid=PAID, again=st.booleans())
    def print_receipt(self, kind: str, paid: dict[str, int], again: bool) -> None:
        key = random_id()
        for _ in range(2 if again else 1):
            answer = self.run(self.running.post(receipt(kind, paid), key=key))
            assert answer.json()["status"] == "printed", answer.text
        if not self.shift_open:
            self.shift, self.shift_open = Recount(), True
        printed = Receipt(kind=kind, paid=paid)
        self.shift.receipts.append(printed)
        if self.session is not None:
            self.session.receipts.append(printed)

    @precondition(lambda self: self.session is not None)
    @rule(amount=AMOUNT)
    def put_in(self, amount: int) -> None:
        assert self.session is not None
        body, key = {"type": "cash_in", "amount": rubles(amount), "reason": "Размен"}, random_id()
        assert self.pos("cash", body, key).status_code == 200
        self.session.moved_in.append(amount)
        self.last_cash = body, key

    @precondition(lambda self: self.session is not None)
    @rule(amount=AMOUNT)
    def take_out(self, amount: int) -> None:
        assert self.session is not None
        answer = self.pos("cash", {"type": "cash_out", "amount": rubles(amount), "reason": "Инкассация"})
        if amount > self.session.drawer:
            assert answer.status_code == 409
        else:
            assert answer.status_code == 200, answer.text
            self.session.moved_out.append(amount)

    @precondition(lambda self: self.last_cash is not None)
    @rule()
    def repeat_the_last_cash_in(self) -> None:
        assert self.last_cash is not None
        body, key = self.last_cash
        assert self.pos("cash", body, key).headers["idempotency-replayed"] == "true"

    @rule()
    def restart(self) -> None:
        self.run(self.running.restart())
        self.until_opened()
        assert self.running.services.sessions.mismatches == ()

    @rule()
    def z_report(self) -> None:
        answer = self.report("z")
        if not self.shift_open:
            assert answer.status_code == 409
            return
        assert answer.status_code == 200, answer.text
        self.shift.check_report(answer.json())
        if self.session is not None:
            closed = self.run(self.running.get("/v1/pos/session/POS-001"))
            assert closed["status"] == "closed"
            self.session.check_session(closed)
        self.shift_open, self.session = False, None

    @invariant()
    def the_sums_are_those_of_the_recount(self) -> None:
        if not hasattr(self, "running"):
            return
        answer = self.report("x")
        assert answer.status_code == 200, answer.text
        self.shift.check_report(answer.json())
        if self.session is not None:
            self.session.check_session(self.run(self.running.get("/v1/pos/session/POS-001")))

    def teardown(self) -> None:
        try:
            self.run(self.stack.aclose())
        finally:
            self.runner.close()


TillDay.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=22,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.timeout(300)
class TestTillDay(TillDay.TestCase):  # type: ignore[valid-type,misc]
    """Cash and card totals of any day are those of the recount."""
