"""The software FN: its documents, limits, and the file it lives in."""

import json
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.clock import START, ManualClock
from tests.support.receipts import REGISTER, a_correction, a_line, a_payment, a_sale
from tests.support.registers.kkt import CASHIER, TERM, a_fn, a_sale_for, an_answer

from kkt_adapter.fiscal.ffd.tlv import Element, decode, first
from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, ReceiptKind
from kkt_adapter.fiscal.ofd.frame import parse_message
from kkt_adapter.kernel.errors import KktBlocked, KktError, KktRefused, KktUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fn" / "POS-001.sqlite"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[..., VirtualFn]]:
    """Opens FNs of this file; all are closed at the end."""
    started: list[VirtualFn] = []

    def begin(**how: object) -> VirtualFn:
        fn = a_fn(path, **how)  # type: ignore[arg-type]
        started.append(fn)
        fn.open()
        return fn

    yield begin
    for fn in started:
        fn.close()


def status(fn: VirtualFn) -> tuple[int, int, int]:
    seen = fn.status(condition=KktState.READY)
    return seen.fd_number, seen.shift_number, seen.receipts_in_shift


def waiting(fn: VirtualFn) -> Element:
    """The contents of the document that waits for the operator; it is confirmed with that."""
    message = fn.read_message()
    assert message is not None
    container = parse_message(message.raw).container
    assert container is not None
    document = first(decode(container.document), container.code)
    assert document is not None
    fn.accept_reply(an_answer(message))
    return document


def values(element: Element, *tags: int) -> dict[int, object]:
    return {tag: found.value for tag in tags if (found := element.child(tag)) is not None}


# --- documents -------------------------------------------------------------------------------------------


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


# --- the file --------------------------------------------------------------------------------------------


def test_the_registration_of_the_file_wins_over_a_new_one(start: Callable[..., VirtualFn]) -> None:
    first_ = start()
    registered = first_.open()
    first_.close()

    again = start(registration=made_up_registration(REGISTER, seed="another", taxation_mask=3))

    assert again.open() == registered


def test_a_second_user_of_the_file_is_refused_and_told_who_holds_it(
    start: Callable[..., VirtualFn],
) -> None:
    holder = start()

    with pytest.raises(KktUnavailable) as refused:
        start()

    assert refused.value.facts["holder_pid"] == os.getpid()
    holder.close()
    assert start()


def test_a_lost_file_is_never_begun_anew(start: Callable[..., VirtualFn], path: Path) -> None:
    start().close()
    path.unlink()

    with pytest.raises(KktUnavailable, match=path.name):
        start()

    assert not path.exists()
    path.with_suffix(".fn.json").unlink()
    assert status(start()) == (1, 0, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"This is no database at all. " * 400),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * (path.stat().st_size - 4096)),
    ],
    ids=["empty", "no database", "cut", "overwritten"],
)
def test_a_damaged_file_is_an_error_that_names_it(
    start: Callable[..., VirtualFn], path: Path, spoil: Callable[[Path], object]
) -> None:
    fn = start()
    fn.open_shift(CASHIER, term=TERM)
    for _ in range(20):
        fn.fiscalize(a_sale(), term=TERM)
    fn.close()
    spoil(path)
    spoiled = path.read_bytes()

    with pytest.raises(KktUnavailable, match=path.name):
        start()

    assert path.read_bytes() == spoiled


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM documents WHERE fd_number = 2",
        "UPDATE state SET fd_number = 7",
        "DELETE FROM state",
        "UPDATE documents SET message = (SELECT message FROM documents WHERE fd_number = 1)",
        "UPDATE documents SET message = x'00'",
        "UPDATE state SET shift_totals = x'00'",
        "UPDATE fn SET registration = '{}'",
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 1",
        "DROP TABLE documents",
    ],
)
def test_contents_that_contradict_each_other_are_an_error(
    start: Callable[..., VirtualFn], path: Path, statement: str
) -> None:
    fn = start()
    fn.open_shift(CASHIER, term=TERM)
    fn.close()
    other = sqlite3.connect(path)
    other.execute(statement)
    other.commit()
    other.close()

    with pytest.raises(KktUnavailable, match=path.name):
        start()


def test_another_fn_under_the_same_name_is_an_error(start: Callable[..., VirtualFn], path: Path) -> None:
    start().close()
    marker = path.with_suffix(".fn.json")
    marker.write_text(json.dumps({"fn_number": "9999000000000000"}))

    with pytest.raises(KktUnavailable, match="9999000000000000"):
        start()


def test_a_beginning_that_was_cut_short_is_made_good(start: Callable[..., VirtualFn], path: Path) -> None:
    path.parent.mkdir()
    blank = sqlite3.connect(path)
    blank.execute("PRAGMA journal_mode = WAL")
    blank.close()
    assert path.exists()

    assert status(start()) == (1, 0, 0)
    assert path.with_suffix(".fn.json").exists()


def test_a_missing_marker_is_written_again(start: Callable[..., VirtualFn], path: Path) -> None:
    start().close()
    marker = path.with_suffix(".fn.json")
    marker.unlink()

    fn = start()

    assert json.loads(marker.read_text())["fn_number"] == fn.open().fn_number


def test_a_full_disk_makes_no_document_and_the_fn_goes_on_when_there_is_room(
    start: Callable[..., VirtualFn], path: Path
) -> None:
    fn = start()
    fn.open_shift(CASHIER, term=TERM)
    before = status(fn)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (_largest(path), limits[1]))
    try:
        with pytest.raises(KktError) as failed:
            for _ in range(10):
                fn.fiscalize(a_sale(), term=TERM)
                before = status(fn)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert isinstance(failed.value, KktUnavailable)
    assert status(fn) == before
    assert fn.fiscalize(a_sale(), term=TERM).fd_number == before[0] + 1
    fn.close()
    assert status(start())[0] == before[0] + 1


def _largest(path: Path) -> int:
    """The size of the largest file of the FN: none may grow beyond it."""
    return max(file.stat().st_size for file in path.parent.iterdir())


def test_a_file_that_nobody_uses_is_closed_and_opened_for_the_next_document(
    start: Callable[..., VirtualFn], path: Path
) -> None:
    fn = start()
    assert not _is_open(path)  # its state is known
    fn.open_shift(CASHIER, term=TERM)
    fn.fiscalize(a_sale(), term=TERM)
    before = status(fn)
    assert _is_open(path)  # used since the status before

    assert status(fn) == before
    assert not _is_open(path)
    assert status(fn) == before
    assert fn.exchange_status().last_fd_number == before[0]
    with pytest.raises(KktUnavailable):  # it is still ours
        start()

    assert fn.fiscalize(a_sale(), term=TERM).fd_number == before[0] + 1
    assert _is_open(path)


def test_a_file_that_was_lost_while_nobody_used_it_is_an_error(
    start: Callable[..., VirtualFn], path: Path
) -> None:
    fn = start()
    fn.open_shift(CASHIER, term=TERM)
    status(fn), status(fn)
    path.unlink()

    with pytest.raises(KktUnavailable, match=path.name):
        fn.fiscalize(a_sale(), term=TERM)
    assert not path.exists()


def _is_open(path: Path) -> bool:
    """Does this process hold the file open?"""
    held = (one for one in Path("/proc/self/fd").iterdir() if one.is_symlink())
    return path in [one.readlink() for one in held]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "fn").write_text("a file where the folder should be")

    with pytest.raises(KktUnavailable, match="fn"):
        a_fn(tmp_path / "fn" / "POS-001.sqlite").open()


def test_nothing_is_done_before_opening(path: Path) -> None:
    fn = a_fn(path)

    for command in (fn.x_report, fn.exchange_status, fn.read_message):
        with pytest.raises(KktUnavailable):
            command()
    assert not path.exists()


def test_an_fn_is_for_the_user_of_the_service_alone(start: Callable[..., VirtualFn], path: Path) -> None:
    """It holds buyers' contacts."""
    start()
    assert path.parent.stat().st_mode & 0o077 == 0
    for file in path.parent.glob("*.sqlite*"):
        assert file.stat().st_mode & 0o077 == 0, file.name
