"""What is left of a database whose log was deleted: can a node be started with it, or is a copy needed?"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kkt_adapter.lab.acts.copies import FileCopies

CASES = [("receipts", False), ("identity", False), ("its row", True)]


@pytest.mark.parametrize(("in_the_file", "whole"), CASES)
async def test_a_database_is_whole_when_it_still_knows_itself(tmp_path: Path, in_the_file: str, whole: bool):
    working, left = tmp_path / "working.db", tmp_path / "buffer.db"
    with closing(sqlite3.connect(working, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        for statement, what in (
            ("CREATE TABLE receipts (id)", "receipts"),
            ("CREATE TABLE identity (uuid)", "identity"),
            ("INSERT INTO identity VALUES ('ours')", "its row"),
            ("INSERT INTO receipts VALUES (1)", "all"),
        ):
            database.execute(statement)
            if what == in_the_file:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(working, left)  # as a kill leaves it, and somebody tidies the log away

    assert await FileCopies(left).delete_log() is whole
