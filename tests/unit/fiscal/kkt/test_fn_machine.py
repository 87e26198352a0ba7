"""Any life of a virtual FN, against a model that a page of rules can hold."""

import shutil
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.clock import ManualClock
from tests.support.receipts import a_correction, a_line, a_payment, a_sale
from tests.support.registers.kkt import CASHIER, MOSCOW, a_fn, an_answer

from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Operation, PaymentKind, ReceiptKind
from kkt_adapter.kernel.errors import KktBlocked, KktRefused, LeaseLost, ShiftExpired

CAPACITY = 40  # small, so that full memory comes up
KIND_OF = {
    Operation.SALE: ReceiptKind.SALE,
    Operation.REFUND: ReceiptKind.REFUND,
    Operation.EXPENSE: ReceiptKind.EXPENSE,
    Operation.EXPENSE_REFUND: ReceiptKind.EXPENSE_REFUND,
}


class FnLife(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.fn = self.opened()
        self.made: list[FiscalDocument] = []  # what was answered, document 1 left out
        self.registered_at = self.wall
        self.messages: dict[int, bytes] = {}
        self.confirmed = 0
        self.opened_at: datetime | None = None
        self.shifts = 0
        self.cash_kop = 0
        self.term = 1

    def opened(self) -> VirtualFn:
        fn = a_fn(self.folder / "fn.sqlite", clock=self.clock, capacity=CAPACITY)
        fn.open()
        return fn

    def teardown(self) -> None:
        if hasattr(self, "fn"):
            self.fn.close()
            shutil.rmtree(self.folder)

    @property
    def wall(self) -> datetime:
        return self.clock.now().astimezone(MOSCOW).replace(tzinfo=None)

    @property
    def last(self) -> int:
        return 1 + len(self.made)

    @property
    def now(self) -> datetime:
        return max(self.wall, self.made[-1].fiscalized_at if self.made else self.registered_at)

    def expected_block(self) -> str | None:
        left = CAPACITY - self.last
        if left <= (1 if self.opened_at else 2):
            return "FN_FULL"
        if self.confirmed < self.last:
            oldest = self.fn.document(self.confirmed + 1)
            assert oldest is not None
            if self.now - oldest.fiscalized_at >= timedelta(days=30):
                return "FN_UNSENT_LIMIT"
        return None

    def remember(self, document: FiscalDocument) -> None:
        assert document.fd_number == self.last + 1
        assert document.fiscalized_at == self.now.replace(second=0)
        self.made.append(document)

    @rule()
    def open_shift(self) -> None:
        block = self.expected_block()
        if block is not None:
            with pytest.raises(KktBlocked) as blocked:
                self.fn.open_shift(CASHIER, term=self.term)
            assert blocked.value.facts["reason"] == block
        elif self.opened_at is not None:
            with pytest.raises(KktRefused):
                self.fn.open_shift(CASHIER, term=self.term)
        else:
            document = self.fn.open_shift(CASHIER, term=self.term)
            self.remember(document)
            self.shifts, self.opened_at, self.cash_kop = self.shifts + 1, document.fiscalized_at, 0
            assert (document.code, document.shift_number) == (DocumentCode.OPEN_SHIFT, self.shifts)

    @rule()
    def close_shift(self) -> None:
        if self.opened_at is None:
            with pytest.raises(KktRefused):
                self.fn.close_shift(CASHIER, term=self.term)
            return
        report = self.fn.close_shift(CASHIER, term=self.term)
        self.remember(report.document)
        self.opened_at = None
        assert report.totals.cash_kop == self.cash_kop
        assert self.fn.shift_report(report.document.fd_number) == report

    @rule(
        operation=st.sampled_from(Operation),
        correction=st.booleans(),
        amount_kop=st.integers(1, 10**7),
        cash=st.booleans(),
    )
    def sell(self, operation: Operation, correction: bool, amount_kop: int, cash: bool) -> None:
        receipt = a_sale(
            kind=ReceiptKind.CORRECTION if correction else KIND_OF[operation],
            correction=a_correction(operation=operation) if correction else None,
            operation=operation,
            lines=(a_line(amount_kop=amount_kop),),
            payments=(a_payment(amount_kop, PaymentKind.CASH if cash else PaymentKind.CARD),),
        )
        block = self.expected_block()
        if block is not None:
            with pytest.raises(KktBlocked):
                self.fn.fiscalize(receipt, term=self.term)
        elif self.opened_at is None:
            with pytest.raises(KktRefused):
                self.fn.fiscalize(receipt, term=self.term)
        elif self.now - self.opened_at >= timedelta(hours=24):
            with pytest.raises(ShiftExpired):
                self.fn.fiscalize(receipt, term=self.term)
        else:
            document = self.fn.fiscalize(receipt, term=self.term)
            self.remember(document)
            sign = 1 if operation in (Operation.SALE, Operation.EXPENSE_REFUND) else -1
            self.cash_kop += sign * amount_kop * cash
            assert (document.operation, document.total_kop) == (operation, amount_kop)

    @rule(response_code=st.sampled_from([0, 11, 14, None]))
    def deliver(self, response_code: int | None) -> None:
        message = self.fn.read_message()
        if self.confirmed == self.last:
            assert message is None
            return
        assert message is not None
        assert message.fd_number == self.confirmed + 1
        assert self.messages.setdefault(message.fd_number, message.raw) == message.raw
        self.fn.accept_reply(an_answer(message, response_code=response_code))
        self.confirmed += 1

    @rule(off=st.integers(-3, 3).filter(bool))
    def get_a_wrong_answer(self, off: int) -> None:
        message = self.fn.read_message()
        if message is None or message.fd_number + off < 1:
            return
        with pytest.raises(KktRefused):
            self.fn.accept_reply(an_answer(message, fd_number=message.fd_number + off))

    @rule()
    def look_at_the_message_without_sending_it(self) -> None:
        message = self.fn.read_message()
        if message is not None:
            assert self.messages.setdefault(message.fd_number, message.raw) == message.raw

    @rule(hours=st.sampled_from([-30, -1, 1, 5, 23, 24, 200]))
    def let_time_pass(self, hours: int) -> None:
        self.clock.set_wall(self.clock.now() + timedelta(hours=hours))

    @rule()
    def restart(self) -> None:
        before = self.fn.status(condition=KktState.READY)
        self.fn.close()
        self.fn = self.opened()
        assert self.fn.status(condition=KktState.READY) == before

    @rule(step=st.integers(1, 3))
    def take_the_lane_over(self, step: int) -> None:
        if self.opened_at is None:
            return
        self.term += step
        with pytest.raises((KktRefused, KktBlocked)):
            self.fn.open_shift(CASHIER, term=self.term)  # refused, but the term was seen

    @precondition(lambda self: self.term > 1)
    @rule()
    def come_back_with_an_old_term(self) -> None:
        with pytest.raises(LeaseLost):
            self.fn.close_shift(CASHIER, term=self.term - 1)

    @invariant()
    def every_document_is_there_as_it_was_answered(self) -> None:
        for document in self.made[-3:]:
            expected = replace(document, confirmed=document.fd_number <= self.confirmed)
            assert self.fn.document(document.fd_number) == expected
        assert self.fn.document(self.last + 1) is None

    @invariant()
    def the_queue_is_what_is_not_confirmed(self) -> None:
        exchange = self.fn.exchange_status()
        waits = self.last - self.confirmed
        assert (exchange.last_fd_number, exchange.unsent_count) == (self.last, waits)
        assert exchange.first_unsent_number == (self.confirmed + 1 if waits else None)

    @invariant()
    def the_shift_is_the_one_of_the_model(self) -> None:
        status = self.fn.status(condition=KktState.READY)
        assert status.shift_number == self.shifts
        assert (status.shift_state.value == "closed") is (self.opened_at is None)
        assert status.blocked == self.expected_block()


TestFnLife = FnLife.TestCase
TestFnLife.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
