"""When an earlier press keeps an equal one from being taken, and numbers of devices."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, insert

from kkt_adapter.fiscal.intake import press_guard
from kkt_adapter.fiscal.intake.press_guard import (
    Caller,
    Callers,
    NewPress,
    Press,
    PressGuard,
    PressRepeated,
    PressState,
    guards,
)
from kkt_adapter.fiscal.store.device_numbers import device_names, name_devices
from kkt_adapter.fiscal.store.tables import metadata, receipts

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CONTENT = b"x" * 32


def _guard(callers: Callers, *, account: str = "web", content: bytes = CONTENT) -> PressGuard:
    return PressGuard(account=account, content=content, caller=Caller(callers), guard_for=10 * MINUTE)


def _press(state: PressState, *, owner: str = "me", age: timedelta = MINUTE) -> Press:
    return Press(subject="r1", owner=owner, accepted_at=NOW - age, state=state)


@pytest.mark.parametrize(
    ("state", "age", "waits", "told", "guarded", "why"),
    [
        (PressState.UNDER_WAY, MINUTE, False, False, True, "its client is gone, the register finishes it"),
        (PressState.UNDER_WAY, MINUTE, True, False, False, "two equal coffees sold at once"),
        (PressState.UNDER_WAY, 60 * MINUTE, False, False, True, "it will be printed yet"),
        (PressState.ASKED, MINUTE, False, False, True, "a person is asked"),
        (PressState.ASKED, 11 * MINUTE, False, False, False, "asked for so long that a press goes through"),
        (PressState.DONE, MINUTE, False, False, True, "printed, and nobody was told"),
        (PressState.DONE, MINUTE, False, True, False, "printed, and its client knows"),
        (PressState.DONE, 11 * MINUTE, False, False, False, "long ago"),
        (PressState.REFUSED, MINUTE, False, False, False, "nothing was printed"),
    ],
)
def test_the_rule(
    state: PressState, age: timedelta, waits: bool, told: bool, guarded: bool, why: str
) -> None:
    callers = Callers("me")
    if waits:
        callers.wait("r1")
    if told:
        callers.tell("r1")
    assert guards(_press(state, age=age), _guard(callers), at=NOW) is guarded, why


def test_a_doubted_clock_ends_no_guard() -> None:
    guard = replace(_guard(Callers("me")), guard_for=None)
    assert guards(_press(PressState.DONE, age=60 * MINUTE), guard, at=NOW)
    assert not guards(_press(PressState.REFUSED), guard, at=NOW)


def test_the_press_of_a_process_that_ended_guards() -> None:
    callers = Callers("new")
    callers.wait("r1")  # somebody asks about it, but its own client was the old process's
    assert guards(_press(PressState.UNDER_WAY, owner="old"), _guard(callers), at=NOW)


def test_a_client_that_leaves_begins_the_guard() -> None:
    callers = Callers("me")
    callers.wait("r1")
    callers.wait("r1")
    callers.leave("r1")
    assert callers.settled(_press(PressState.UNDER_WAY))
    callers.leave("r1")
    assert not callers.settled(_press(PressState.UNDER_WAY))


@pytest.mark.parametrize("first_left", [False, True])
@pytest.mark.parametrize("second_left", [False, True])
def test_two_clients_sell_two_things_only_while_both_wait(first_left: bool, second_left: bool) -> None:
    """Also when both are stored by one commit, as presses that piled up while the disk stood still are."""
    callers = Callers("me")
    first, second = _guard(callers), _guard(callers)
    first.caller.takes("r1")
    second.caller.takes("r2")
    if first_left:
        first.caller.end()
    if second_left:
        second.caller.end()
    beside = NewPress(subject="r1", guard=first, at=NOW)
    assert beside.is_like(second)
    assert guards(beside.press, second, at=NOW) is (first_left or second_left)


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def _receipt(conn: Connection, receipt_id: str, print_state: str, *, seq: int, due: bool = False) -> None:
    conn.execute(
        insert(receipts).values(
            seq=seq, id=receipt_id, idempotency_key=receipt_id, register_id=f"K{seq}", pos_id="P",
            type="sale", total_kop=1, payload="{}", created_at=NOW, hlc_local_time=1, hlc_logical_counter=0,
            queue_position=1, print_state=print_state, status="pending", print_due_at=NOW if due else None,
        )
    )  # fmt: skip


def _found(conn: Connection, guard: PressGuard) -> str | None:
    found = press_guard.equal_press(conn, guard, at=NOW + MINUTE)
    assert found is None or isinstance(found, PressRepeated)
    return None if found is None else found.press.subject


@pytest.mark.parametrize(
    ("print_state", "due", "guarded"),
    [
        ("new", False, True), ("printing", False, True), ("print_unknown", False, True),
        ("printed", False, True), ("print_failed", False, False), ("print_failed", True, True),
    ],
)  # fmt: skip
def test_the_states_of_a_receipt(conn: Connection, print_state: str, due: bool, guarded: bool) -> None:
    callers = Callers("me")
    _receipt(conn, "r1", print_state, seq=1, due=due)
    press_guard.remember(conn, "r1", _guard(callers), at=NOW)
    assert _found(conn, _guard(callers)) == ("r1" if guarded else None)


def test_only_the_same_account_and_content_whatever_the_register(conn: Connection) -> None:
    callers = Callers("me")
    _receipt(conn, "r1", "new", seq=1)
    press_guard.remember(conn, "r1", _guard(callers), at=NOW)
    assert _found(conn, _guard(callers)) == "r1"
    assert _found(conn, _guard(callers, account="other")) is None
    assert _found(conn, _guard(callers, content=b"y" * 32)) is None


def test_a_press_of_the_same_commit_guards(conn: Connection) -> None:
    callers = Callers("me")
    beside = [NewPress(subject="r1", guard=_guard(callers), at=NOW)]
    found = press_guard.equal_press(conn, _guard(callers), at=NOW, beside=beside)
    assert found is not None
    assert found.press.subject == "r1"
    other = _guard(callers, content=b"y" * 32)
    assert press_guard.equal_press(conn, other, at=NOW, beside=beside) is None


def test_a_cash_movement_guards_until_it_is_told(conn: Connection) -> None:
    callers = Callers("me")
    press_guard.remember(conn, "kkmserver web 1", _guard(callers), at=NOW)
    assert _found(conn, _guard(callers)) == "kkmserver web 1"
    press_guard.forget(conn, ["kkmserver web 1"])
    assert _found(conn, _guard(callers)) is None


def test_old_presses_go_but_for_those_that_are_open(conn: Connection) -> None:
    callers = Callers("me")
    _receipt(conn, "r1", "new", seq=1)
    _receipt(conn, "r2", "printed", seq=2)
    for subject in ("r1", "r2", "cash"):
        press_guard.remember(conn, subject, _guard(callers), at=NOW)
    assert press_guard.forget_old(conn, at=NOW + 31 * timedelta(days=1)) == 0
    assert press_guard.forget_old(conn, at=NOW + 33 * timedelta(days=1)) == 2
    assert press_guard.press_of(conn, "r1") is not None


def test_numbers_of_devices_are_given_once(conn: Connection) -> None:
    first = name_devices(conn, ["K2", "K1"], at=NOW)
    assert {name: one.number for name, one in first.items()} == {"K2": 1, "K1": 2}
    again = name_devices(conn, ["K1", "K3"], at=NOW)
    assert {name: one.number for name, one in again.items()} == {"K2": 1, "K1": 2, "K3": 3}
    assert again["K1"] == first["K1"]
    assert device_names(conn) == again
