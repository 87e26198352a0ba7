"""When a start goes on with the database it finds, and when only a person may decide."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import SettingsInvalid, StorageError
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.identity import (
    LOCK,
    MEMORY,
    Around,
    DatabaseFound,
    Decided,
    Decision,
    DirectoryMemory,
    Found,
    Identity,
    IdentityStart,
    LivedFn,
    Memory,
    StartRefused,
    change_memory,
    judge,
    load_memory,
    refusal,
)
from kkt_adapter.runtime.file_lock import hold_alone

OURS = Identity(uuid="ours", epoch=2, changes=40)
REMEMBERED = Around(memory=Memory(known=OURS))
FN = LivedFn(fn_number="9999000000000001", database=None)
OUR_FN, THEIR_FN = replace(FN, database="ours"), replace(FN, database="theirs")
SHOP = Found(kind=DatabaseFound.OURS, identity=OURS, used=True)
OLD_SHOP = Found(kind=DatabaseFound.OURS, used=True, knows=(FN.fn_number,))
BLANK = Found(kind=DatabaseFound.OURS)
NOTHING, FOREIGN = Found(kind=DatabaseFound.MISSING), Found(kind=DatabaseFound.FOREIGN)


def decided(what: Decided, known: Identity | None = OURS) -> Memory:
    return Memory(known=known, decision=Decision(what=what, by="cli:me", reason="", at="2026-03-01"))


@pytest.mark.parametrize(
    ("found", "around", "start"),
    [
        (NOTHING, Around(), IdentityStart.NEW),
        (BLANK, Around(), IdentityStart.NEW),  # the tables were just made
        (BLANK, Around(secret=True), IdentityStart.ADOPTED),  # an older program that has sold nothing yet
        (OLD_SHOP, Around(fns=(FN,), secret=True, copies=7), IdentityStart.ADOPTED),  # the upgrade
        (SHOP, REMEMBERED, IdentityStart.GO_ON),
        (SHOP, Around(), IdentityStart.GO_ON),  # a further node of the same database, or a new data directory
        (SHOP, Around(fns=(OUR_FN,)), IdentityStart.GO_ON),
        (SHOP, replace(REMEMBERED, fns=(FN, OUR_FN), copies=7, secret=True), IdentityStart.GO_ON),
        (
            replace(SHOP, identity=replace(OURS, changes=41)),
            REMEMBERED,
            IdentityStart.GO_ON,
        ),  # the memory was written after
        (replace(SHOP, identity=replace(OURS, changes=39)), REMEMBERED, IdentityStart.WENT_BACK),
        (replace(SHOP, identity=replace(OURS, epoch=1, changes=99)), REMEMBERED, IdentityStart.WENT_BACK),
        (
            OLD_SHOP,
            replace(REMEMBERED, fns=(OUR_FN,)),
            IdentityStart.WENT_BACK,
        ),  # a copy of before the upgrade
        (SHOP, Around(memory=decided(Decided.RESTORE)), IdentityStart.RESTORED),
        (
            replace(SHOP, identity=replace(OURS, changes=1)),
            Around(memory=decided(Decided.RESTORE)),
            IdentityStart.RESTORED,
        ),
        (OLD_SHOP, Around(memory=decided(Decided.RESTORE), fns=(OUR_FN,)), IdentityStart.RESTORED),
        (NOTHING, Around(memory=decided(Decided.BEGIN), fns=(OUR_FN,), copies=7), IdentityStart.BEGUN),
        (BLANK, Around(memory=decided(Decided.BEGIN), fns=(OUR_FN,)), IdentityStart.BEGUN),
        (
            replace(SHOP, identity=replace(OURS, uuid="other")),
            Around(memory=decided(Decided.BEGIN)),
            IdentityStart.BEGUN,
        ),
    ],
)
def test_a_start_goes_on(found: Found, around: Around, start: IdentityStart) -> None:
    assert judge(found, around) is start


@pytest.mark.parametrize(
    ("found", "around", "said"),
    [
        (NOTHING, REMEMBERED, "remembers a database"),
        (NOTHING, Around(fns=(FN,)), "FNs that have lived: 1"),
        (NOTHING, Around(secret=True), "a signing secret"),
        (NOTHING, Around(copies=3), "copies of it: 3"),
        (NOTHING, Around(memory=decided(Decided.RESTORE)), "missing or empty"),  # lost again
        (BLANK, REMEMBERED, "missing or empty"),  # a tool has made the tables in an empty file
        (BLANK, Around(copies=1), "missing or empty"),
        (BLANK, Around(fns=(FN,)), "does not know FN"),
        (FOREIGN, Around(), "not one of kkt-adapter"),
        (FOREIGN, Around(memory=decided(Decided.BEGIN)), "not one of kkt-adapter"),
        (replace(SHOP, identity=replace(OURS, uuid="other")), REMEMBERED, "another database (other)"),
        (SHOP, Around(fns=(OUR_FN, THEIR_FN)), "does not know FN"),
        (replace(OLD_SHOP, knows=()), Around(fns=(FN,)), "does not know FN"),
    ],
)
def test_a_start_refuses(found: Found, around: Around, said: str) -> None:
    start = judge(found, around)
    assert isinstance(start, StartRefused)
    assert said in start.reason.en
    error = refusal("/data/buffer.db", start)
    for text in (error.detail.en, error.detail.ru):
        assert "/data/buffer.db" in text
        assert text.count("kkt-adapter db ") == 2
        assert "kkt-adapter db restore FILE" in text
        assert "kkt-adapter db begin --yes-this-is-a-new-shop" in text


def test_the_memory_is_kept_whole(tmp_path: Path) -> None:
    assert load_memory(tmp_path / "nowhere") == Memory()
    memory = decided(Decided.RESTORE)
    assert change_memory(tmp_path / "data", lambda before: memory) == memory
    assert load_memory(tmp_path / "data") == memory
    assert {path.name for path in (tmp_path / "data").iterdir()} == {MEMORY, LOCK}


def test_nodes_that_share_a_directory_write_over_nothing_that_the_other_has_learned(tmp_path: Path) -> None:
    one, two = DirectoryMemory(tmp_path, Memory()), DirectoryMemory(tmp_path, Memory())
    later = replace(OURS, changes=OURS.changes + 1)
    with ThreadPoolExecutor(max_workers=16) as threads:
        for n in range(20):
            threads.submit(one.remember_fn, f"9999{n:09}", 1)
            threads.submit(two.remember_fn, f"8888{n:09}", 2)
        threads.submit(two.remember, later)
    memory = load_memory(tmp_path)
    assert memory.known == later
    assert dict(memory.fns) == {f"9999{n:09}": 1 for n in range(20)} | {f"8888{n:09}": 2 for n in range(20)}


def test_a_node_that_was_held_up_takes_nothing_back_that_another_has_remembered(tmp_path: Path) -> None:
    later = replace(OURS, changes=OURS.changes + 1)
    held_up, other = DirectoryMemory(tmp_path, Memory()), DirectoryMemory(tmp_path, Memory())
    for newest in (later, replace(OURS, epoch=OURS.epoch + 1, changes=1)):
        other.remember(newest)
        held_up.remember(OURS)
        assert load_memory(tmp_path).known == newest
    another = replace(OURS, uuid="another")
    other.remember(another)
    assert load_memory(tmp_path).known == another


def test_a_turn_with_the_memory_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "TURN_S", 0.05)
    held = hold_alone(tmp_path / LOCK)
    assert held is not None
    with pytest.raises(StorageError, match=LOCK):
        DirectoryMemory(tmp_path, Memory()).remember(OURS)
    held.release()


def test_fns_that_are_met_at_once_are_all_written_down_and_the_first_meeting_counts(tmp_path: Path) -> None:
    before = Memory(fns={"9999000000000": 1})
    memory = DirectoryMemory(tmp_path, change_memory(tmp_path, lambda _: before))
    numbers = [f"9999{n:09}" for n in range(50)]
    with ThreadPoolExecutor(max_workers=16) as threads:
        list(threads.map(lambda fn: memory.remember_fn(fn, 7), numbers * 2))
        list(threads.map(lambda fn: memory.remember_fn(fn, 8), numbers))
    wanted = dict.fromkeys(numbers, 7) | {"9999000000000": 1}
    assert dict(load_memory(tmp_path).fns) == wanted
    assert [memory.first_fd(fn) for fn in numbers] == list(wanted.values())


def test_an_fn_that_could_not_be_written_down_is_written_with_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("a file where the directory should be")
    memory = DirectoryMemory(folder, Memory())
    with pytest.raises(StorageError):
        memory.remember_fn("9999000000001", 3)
    assert memory.first_fd("9999000000001") is None
    folder.unlink()
    memory.remember_fn("9999000000002", 4)
    assert dict(load_memory(folder).fns) == {"9999000000001": 3, "9999000000002": 4}


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"known": {"uuid": "x"}})])
def test_a_damaged_memory_is_no_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / MEMORY).write_text(text)
    with pytest.raises(SettingsInvalid, match=MEMORY):
        load_memory(tmp_path)
