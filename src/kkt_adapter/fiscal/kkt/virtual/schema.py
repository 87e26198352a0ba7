"""The tables of a virtual FN's file, and what leads an older file to them when it is opened.

A document and the state after it go in as one statement (``next_document``), as do a confirmation and what it
changes: each is a transaction of its own, and every call into SQLite spared is one hand-over less of Python's
global lock.
"""

APPLICATION_ID = 0x4B4B5446  # "KKTF" in the file's header: this SQLite file is a virtual FN

VERSION = 3
"""``PRAGMA user_version`` of a file with these tables."""

_NEXT_DOCUMENT = (
    """
    CREATE VIEW next_document AS
        SELECT documents.fd_number, clock, shift_number, shift_open, shift_opened_at, shift_first_fd,
            receipts_in_shift, confirmed, first_unsent_at, shift_totals, fn_totals, message
        FROM documents, state
    """,
    """
    CREATE TRIGGER document_made INSTEAD OF INSERT ON next_document BEGIN
        INSERT INTO documents VALUES (NEW.fd_number, NEW.clock, NEW.message);
        UPDATE state SET fd_number = NEW.fd_number, clock = NEW.clock, shift_number = NEW.shift_number,
            shift_open = NEW.shift_open, shift_opened_at = NEW.shift_opened_at,
            shift_first_fd = NEW.shift_first_fd, receipts_in_shift = NEW.receipts_in_shift,
            confirmed = NEW.confirmed, first_unsent_at = NEW.first_unsent_at,
            shift_totals = NEW.shift_totals, fn_totals = NEW.fn_totals;
    END
    """,
)

_DRAWER = (
    """
    CREATE TABLE drawer (
        id INTEGER PRIMARY KEY CHECK (id = 1), put_in INTEGER NOT NULL, taken_out INTEGER NOT NULL
    )
    """,
    "INSERT INTO drawer VALUES (1, 0, 0)",
)

TABLES = (
    """
    CREATE TABLE fn (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        registration TEXT NOT NULL,
        capacity INTEGER NOT NULL,
        valid_until TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        fd_number INTEGER NOT NULL,
        clock INTEGER NOT NULL,
        shift_number INTEGER NOT NULL,
        shift_open INTEGER NOT NULL,
        shift_opened_at INTEGER,
        shift_first_fd INTEGER NOT NULL,
        receipts_in_shift INTEGER NOT NULL,
        confirmed INTEGER NOT NULL,
        first_unsent_at INTEGER,
        shift_totals BLOB NOT NULL,
        fn_totals BLOB NOT NULL
    )
    """,
    "CREATE TABLE fence (id INTEGER PRIMARY KEY CHECK (id = 1), term INTEGER NOT NULL)",
    "CREATE TABLE documents (fd_number INTEGER PRIMARY KEY, made_at INTEGER NOT NULL, message BLOB NOT NULL)",
    """
    CREATE TABLE z_reports (
        fd_number INTEGER PRIMARY KEY, opened_at INTEGER NOT NULL, totals BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE confirmations (
        fd_number INTEGER PRIMARY KEY,
        replied_at INTEGER,
        response_code INTEGER,
        operator_sign TEXT,
        ofd_inn TEXT,
        reply BLOB NOT NULL
    )
    """,
    *_NEXT_DOCUMENT,
    """
    CREATE TRIGGER document_confirmed AFTER INSERT ON confirmations BEGIN
        UPDATE state SET confirmed = NEW.fd_number,
            first_unsent_at = (SELECT made_at FROM documents WHERE fd_number = NEW.fd_number + 1);
    END
    """,
    *_DRAWER,
)

UPGRADES = {
    1: _DRAWER,
    2: (
        "DROP VIEW next_document",  # and its trigger
        "ALTER TABLE state RENAME COLUMN shift_tally TO shift_totals",
        "ALTER TABLE state RENAME COLUMN fn_tally TO fn_totals",
        "ALTER TABLE z_reports RENAME COLUMN tally TO totals",
        *_NEXT_DOCUMENT,
    ),
}
"""What leads from a version to the next one."""

INSERT_FN = "INSERT INTO fn VALUES (1, ?, ?, ?)"
INSERT_STATE = "INSERT INTO state VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_FENCE = "INSERT INTO fence VALUES (1, 0)"
INSERT_DOCUMENT = "INSERT INTO documents VALUES (?, ?, ?)"
INSERT_NEXT_DOCUMENT = "INSERT INTO next_document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_Z_REPORT = "INSERT INTO z_reports VALUES (?, ?, ?)"
INSERT_CONFIRMATION = "INSERT INTO confirmations VALUES (?, ?, ?, ?, ?, ?)"
UPDATE_DRAWER = "UPDATE drawer SET put_in = put_in + ?, taken_out = taken_out + ?"
UPDATE_FENCE = "UPDATE fence SET term = ?"

SELECT_FN = "SELECT registration, capacity, valid_until FROM fn"
SELECT_STATE = """
    SELECT fd_number, clock, shift_number, shift_open, shift_opened_at, shift_first_fd,
        receipts_in_shift, confirmed, first_unsent_at, shift_totals, fn_totals
    FROM state
"""
SELECT_FENCE = "SELECT term FROM fence"
SELECT_DRAWER = "SELECT put_in, taken_out FROM drawer"
SELECT_LAST = "SELECT max(fd_number) FROM documents"
SELECT_DOCUMENT = "SELECT made_at, message FROM documents WHERE fd_number = ?"
SELECT_Z_REPORT = "SELECT opened_at, totals FROM z_reports WHERE fd_number = ?"
SELECT_CONFIRMATION = """
    SELECT fd_number, replied_at, response_code, operator_sign, ofd_inn, reply
    FROM confirmations WHERE fd_number = ?
"""
