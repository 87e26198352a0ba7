"""The file of a virtual FN that an earlier program made: it opens, keeps what it holds, and goes on."""

import sqlite3
from pathlib import Path

import pytest
from tests.support.receipts import a_sale
from tests.support.registers.kkt import CASHIER, TERM, a_fn

from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn
from kkt_adapter.fiscal.kkt.virtual.schema import APPLICATION_ID, VERSION

# Tables as 0.1.0 made them (version 1); 2 added the drawer.
OLD_TABLES = """
    CREATE TABLE fn (id INTEGER PRIMARY KEY CHECK (id = 1), registration TEXT NOT NULL,
        capacity INTEGER NOT NULL, valid_until TEXT NOT NULL);
    CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), fd_number INTEGER NOT NULL,
        clock INTEGER NOT NULL,
        shift_number INTEGER NOT NULL, shift_open INTEGER NOT NULL, shift_opened_at INTEGER,
        shift_first_fd INTEGER NOT NULL, receipts_in_shift INTEGER NOT NULL, confirmed INTEGER NOT NULL,
        first_unsent_at INTEGER, shift_tally BLOB NOT NULL, fn_tally BLOB NOT NULL);
    CREATE TABLE fence (id INTEGER PRIMARY KEY CHECK (id = 1), term INTEGER NOT NULL);
    CREATE TABLE documents (fd_number INTEGER PRIMARY KEY, made_at INTEGER NOT NULL, message BLOB NOT NULL);
    CREATE TABLE z_reports (fd_number INTEGER PRIMARY KEY, opened_at INTEGER NOT NULL, tally BLOB NOT NULL);
    CREATE TABLE confirmations (fd_number INTEGER PRIMARY KEY, replied_at INTEGER, response_code INTEGER,
        operator_sign TEXT, ofd_inn TEXT, reply BLOB NOT NULL);
    CREATE VIEW next_document AS
        SELECT documents.fd_number, clock, shift_number, shift_open, shift_opened_at, shift_first_fd,
            receipts_in_shift, confirmed, first_unsent_at, shift_tally, fn_tally, message
        FROM documents, state;
    CREATE TRIGGER document_made INSTEAD OF INSERT ON next_document BEGIN
        INSERT INTO documents VALUES (NEW.fd_number, NEW.clock, NEW.message);
        UPDATE state SET fd_number = NEW.fd_number, clock = NEW.clock, shift_number = NEW.shift_number,
            shift_open = NEW.shift_open, shift_opened_at = NEW.shift_opened_at,
            shift_first_fd = NEW.shift_first_fd, receipts_in_shift = NEW.receipts_in_shift,
            confirmed = NEW.confirmed, first_unsent_at = NEW.first_unsent_at,
            shift_tally = NEW.shift_tally, fn_tally = NEW.fn_tally;
    END;
    CREATE TRIGGER document_confirmed AFTER INSERT ON confirmations BEGIN
        UPDATE state SET confirmed = NEW.fd_number,
            first_unsent_at = (SELECT made_at FROM documents WHERE fd_number = NEW.fd_number + 1);
    END;
"""
DRAWER = """
    CREATE TABLE drawer (
        id INTEGER PRIMARY KEY CHECK (id = 1), put_in INTEGER NOT NULL, taken_out INTEGER NOT NULL
    );
    INSERT INTO drawer VALUES (1, 0, 0);
"""
KEPT = ("fn", "state", "fence", "documents", "z_reports", "confirmations")


def become_older(path: Path, version: int) -> None:
    """The file as a program of that version would have left it."""
    newer = path.with_suffix(".newer")
    path.rename(newer)
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(OLD_TABLES + (DRAWER if version > 1 else ""))
    old.execute("ATTACH ? AS newer", (str(newer),))
    for table in KEPT:
        old.execute(f"INSERT INTO main.{table} SELECT * FROM newer.{table}")
    old.execute(f"PRAGMA main.user_version = {version}")
    old.execute(f"PRAGMA main.application_id = {APPLICATION_ID}")
    old.close()


def schema(path: Path) -> tuple[int, dict[str, list[str]]]:
    connection = sqlite3.connect(path)
    try:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        return connection.execute("PRAGMA user_version").fetchone()[0], {
            name: sql.replace("(", " ( ").replace(")", " ) ").split() for name, sql in made
        }
    finally:
        connection.close()


def told(fn: VirtualFn) -> object:
    return fn.status(condition=KktState.READY), fn.stats(), fn.shift_report(4), fn.cash_counts()


@pytest.mark.parametrize("version", (1, 2))
def test_an_older_file_keeps_what_it_holds_and_goes_on(tmp_path: Path, version: int) -> None:
    path = tmp_path / "POS-001.sqlite"
    fn = a_fn(path)
    fn.open()
    fn.open_shift(CASHIER, term=TERM)
    fn.fiscalize(a_sale(), term=TERM)
    assert fn.close_shift(CASHIER, term=TERM).document.fd_number == 4
    before = told(fn)
    fn.close()
    newest = schema(path)
    become_older(path, version)
    assert schema(path)[0] == version

    for _ in range(2):
        fn.open()
        assert told(fn) == before
        fn.close()
    assert schema(path) == newest
    assert newest[0] == VERSION

    fn.open()
    fn.open_shift(CASHIER, term=TERM)
    assert fn.fiscalize(a_sale(), term=TERM).fd_number == 6
    fn.close()
