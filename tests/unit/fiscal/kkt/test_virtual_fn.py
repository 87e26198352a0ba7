"""The software FN: its documents, its limits, and its queue to the operator."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.clock import START, ManualClock
from tests.support.receipts import REGISTER, a_correction, a_line, a_payment, a_sale
from tests.support.registers.fn import status, values, waiting
from tests.support.registers.kkt import CASHIER, TERM, a_sale_for, an_answer

from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, ReceiptKind
from kkt_adapter.kernel.errors import KktBlocked, KktRefused


@pytest.mark.parametrize("version", FfdVersion)
def test_an_fn_begins_with_its_registration_report(
    start: Callable[..., VirtualFn], version: FfdVersion
) -> None:
    registration = made_up_registration(REGISTER, ffd_version=version)
    fn = start(registration=registration)

    assert status(fn) == (1, 0, 0)
    document = fn.document(1)
    assert document is not None
    assert (document.code, document.shift_number) == (DocumentCode.REGISTRATION, 0)
    assert values(waiting(fn), 1209, 1041, 1018, 1037, 1013, 1048, 1189) == {
        1209: int(version),
        1041: registration.fn_number,
        1018: registration.user_inn,
        1037: registration.registration_number,
        1013: registration.serial_number,
        1048: registration.user_name,
        1189: int(version),
    }


@pytest.mark.parametrize("version", FfdVersion)
def test_a_closed_shift_reports_its_documents_and_its_counters(
    start: Callable[..., VirtualFn], version: FfdVersion
) -> None:
    clock = ManualClock()
    fn = start(registration=made_up_registration(REGISTER, ffd_version=version), clock=clock)
    registration = fn.open()
    waiting(fn)
    fn.open_shift(CASHIER, term=TERM)
    clock.set_wall(START + timedelta(minutes=10))
    fn.fiscalize(a_sale_for(registration), term=TERM)
    correction = a_correction(number="1")
    fn.fiscalize(a_sale_for(registration, kind=ReceiptKind.CORRECTION, correction=correction), term=TERM)
    clock.set_wall(START + timedelta(days=3))
    fn.close_shift(CASHIER, term=TERM)

    opening, _, _, closing = (waiting(fn) for _ in range(4))

    opened_at = opening.child(1012)
    assert opened_at is not None
    assert all(opening.child(tag) is None for tag in (1050, 1051, 1052, 1053))
    assert values(closing, 1118, 1111, 1097, 1098, 1053, 1038) == {
        1118: 2,  # receipts and corrections
        1111: 4,  # with the two shift reports
        1097: 3,
        1098: opened_at.value,
        1053: 1,  # waits for more than two days
        1038: 1,
    }
    counters = closing.child(1194)
    assert (counters is None) is (version is FfdVersion.V1_05)
    if counters is not None:
        assert values(counters, 1134) == {1134: 2}
        assert values(counters.children[1], 1135, 1201, 1136) == {1135: 2, 1201: 20_000, 1136: 20_000}


def test_documents_carry_whole_minutes_of_the_wall_clock_and_never_go_back(
    start: Callable[..., VirtualFn],
) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, 42, 7, tzinfo=UTC))
    fn = start(clock=clock)
    first_ = fn.open_shift(CASHIER, term=TERM)
    clock.set_wall(START - timedelta(hours=5))
    second = fn.fiscalize(a_sale(), term=TERM)

    assert first_.fiscalized_at.isoformat() == "2026-03-02T12:00:00"  # Moscow
    assert second.fiscalized_at == first_.fiscalized_at
    assert fn.status(condition=KktState.READY).clock == first_.fiscalized_at


def test_the_counters_of_an_fn_go_on_from_shift_to_shift(start: Callable[..., VirtualFn]) -> None:
    fn = start()
    for _ in range(2):
        fn.open_shift(CASHIER, term=TERM)
        fn.fiscalize(a_sale(), term=TERM)
        fn.close_shift(CASHIER, term=TERM)
    documents = [waiting(fn) for _ in range(7)]

    whole = [values(d.child(1157), 1134) for d in documents if d.child(1157)]  # type: ignore[arg-type]
    shift = [values(d.child(1194), 1134) for d in documents if d.child(1194)]  # type: ignore[arg-type]
    assert whole == [{1134: 1}, {1134: 2}]
    assert shift == [{1134: 1}, {1134: 1}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ffd_version": FfdVersion.V1_05}, 0x19),
        ({"taxation": 2}, 0x19),
        ({"lines": (a_line(mark_code="04606203090785SerialX"),)}, 0x19),
        ({"payments": (a_payment(9_999),)}, 0x09),
        ({"lines": tuple(a_line(name="x" * 128) for _ in range(400))}, 0x10),
        ({"lines": (a_line(name="€"),)}, 0x09),
        ({"lines": (a_line(amount_kop=2**48),)}, 0x09),
    ],
)
def test_what_an_fn_does_not_take_leaves_no_trace(
    start: Callable[..., VirtualFn], changes: dict[str, object], code: int
) -> None:
    fn = start()
    fn.open_shift(CASHIER, term=TERM)
    before = fn.status(condition=KktState.READY)

    with pytest.raises(KktRefused) as refused:
        fn.fiscalize(a_sale(**changes), term=TERM)

    assert refused.value.device_code == code
    assert fn.status(condition=KktState.READY) == before
    assert fn.fiscalize(a_sale(), term=TERM).fd_number == before.fd_number + 1


def test_a_cashier_who_cannot_be_written_is_refused(start: Callable[..., VirtualFn]) -> None:
    fn = start()

    with pytest.raises(KktRefused):
        fn.open_shift(replace(CASHIER, name="☃"), term=TERM)
    fn.open_shift(CASHIER, term=TERM)
    with pytest.raises(KktRefused):
        fn.close_shift(replace(CASHIER, name="☃"), term=TERM)

    assert status(fn) == (2, 1, 0)


def test_a_full_fn_can_still_close_its_shift(start: Callable[..., VirtualFn]) -> None:
    fn = start(capacity=5)
    fn.open_shift(CASHIER, term=TERM)
    fn.fiscalize(a_sale(), term=TERM)
    fn.fiscalize(a_sale(), term=TERM)

    with pytest.raises(KktBlocked) as blocked:
        fn.fiscalize(a_sale(), term=TERM)
    assert blocked.value.facts["reason"] == "FN_FULL"
    fn.close_shift(CASHIER, term=TERM)
    assert fn.status(condition=KktState.READY).documents_left == 0
    with pytest.raises(KktBlocked):
        fn.open_shift(CASHIER, term=TERM)


def test_an_expired_fn_can_still_close_its_shift_and_deliver(start: Callable[..., VirtualFn]) -> None:
    clock = ManualClock()
    fn = start(clock=clock, life_days=10)
    fn.open_shift(CASHIER, term=TERM)
    clock.set_wall(START + timedelta(days=11))

    with pytest.raises(KktBlocked) as blocked:
        fn.fiscalize(a_sale(), term=TERM)
    assert blocked.value.facts["reason"] == "FN_EXPIRED"
    fn.close_shift(CASHIER, term=TERM)
    with pytest.raises(KktBlocked):
        fn.open_shift(CASHIER, term=TERM)
    for _ in range(3):
        waiting(fn)
    assert fn.read_message() is None


@pytest.mark.parametrize("how", [{"keeps_queue": False}, {"offline": True}])
def test_where_nobody_listens_nothing_waits_and_nothing_blocks(
    start: Callable[..., VirtualFn], how: dict[str, bool]
) -> None:
    clock = ManualClock()
    registration = made_up_registration(REGISTER, offline_mode="offline" in how)
    fn = start(clock=clock, registration=registration, keeps_queue=how.get("keeps_queue", True))
    fn.open_shift(CASHIER, term=TERM)

    document = fn.fiscalize(a_sale(), term=TERM)

    assert document.confirmed
    assert fn.document(document.fd_number) == document
    assert fn.read_message() is None
    assert fn.exchange_status().unsent_count == 0
    clock.set_wall(START + timedelta(days=40))
    assert fn.status(condition=KktState.READY).blocked is None


def test_a_queue_that_was_left_over_is_not_lost_when_the_operator_changes(
    start: Callable[..., VirtualFn],
) -> None:
    start().close()
    fn = start(keeps_queue=False)

    fn.open_shift(CASHIER, term=TERM)

    assert fn.exchange_status().unsent_count == 2
    waiting(fn)
    waiting(fn)
    assert fn.fiscalize(a_sale(), term=TERM).confirmed


def test_what_the_operator_has_said_is_kept(start: Callable[..., VirtualFn]) -> None:
    fn = start()
    message = fn.read_message()
    assert message is not None
    reply = an_answer(message, response_code=14)
    assert fn.confirmation(1) is None

    fn.accept_reply(reply)
    fn.close()

    kept = start().confirmation(1)
    assert kept is not None
    assert (kept.response_code, kept.operator_sign, kept.ofd_inn) == (14, "880686ce88300003", "9999000013")
    assert kept.reply == reply
    assert kept.replied_at is not None
    assert kept.replied_at.isoformat() == "2026-03-02T12:00:07"
