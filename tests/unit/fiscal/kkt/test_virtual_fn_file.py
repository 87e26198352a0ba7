"""The file that a software FN lives in: whose it is, what damages it, and what then happens."""

import json
import os
import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.receipts import REGISTER, a_sale
from tests.support.registers.fn import status
from tests.support.registers.kkt import CASHIER, TERM, a_fn

from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.kernel.errors import KktError, KktUnavailable


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
