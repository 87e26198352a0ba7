"""All pending revisions or none, once, on either dialect."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.migrate import (
    ADVISORY_LOCK,
    SCRIPTS,
    alembic_config,
    migrate,
    revision,
    revisions,
)
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.urls import postgres_address
from kkt_adapter.runtime.leases.rows import leases

FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    op.create_table("child", sa.Column("parent", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")))
    op.execute("INSERT INTO parent VALUES (1, 'first')")
    op.execute("INSERT INTO child VALUES (1)")
"""
REBUILD = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    with op.batch_alter_table("parent") as batch:
        batch.alter_column("name", nullable=False, existing_type=sa.Text)
        batch.add_column(sa.Column("extra", sa.Integer))
"""
FAILS = """
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    op.execute("INSERT INTO parent(id, name) VALUES (2, 'half')")
    op.execute("INSERT INTO no_such_table VALUES (1)")
"""
BREAKS_REFERENCES = """
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    op.execute("DELETE FROM parent")
"""
PATIENCE = """
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    setting = "current_setting('idle_in_transaction_session_timeout')"
    op.execute(f"INSERT INTO parent(id, name) SELECT 2, {setting}")
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The product's environment with two revisions of the test."""
    place = tmp_path / "migrations"
    (place / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(SCRIPTS / name, place / name)
    add(place, "0001", FIRST)
    add(place, "0002", REBUILD)
    return place


def add(scripts: Path, name: str, content: str) -> None:
    (scripts / "versions" / f"{name}.py").write_text(content)


def contents(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))]
        for table in inspect(connection).get_table_names()
        if table != "alembic_version"
    }


async def look(url: str) -> dict[str, list[tuple[object, ...]]]:
    database = open_database(url)
    try:
        return await database.read(contents)
    finally:
        await database.close()


async def test_an_empty_database_gets_every_revision_once(database_url: str, scripts: Path) -> None:
    assert revision(database_url) is None
    for _ in range(2):
        migrate(database_url, scripts=scripts)

    assert revision(database_url) == "0002"
    # The rebuilt parent did not take its child along, though deleting it cascades.
    assert await look(database_url) == {"parent": [(1, "first", None)], "child": [(1,)]}


async def test_nodes_that_start_together_take_turns(database_url: str, scripts: Path) -> None:
    program = "import sys; from pathlib import Path; from kkt_adapter.runtime.db.migrate import migrate; "
    program += "migrate(sys.argv[1], scripts=Path(sys.argv[2]))"
    nodes = await asyncio.gather(
        *(
            asyncio.create_subprocess_exec(sys.executable, "-c", program, database_url, str(scripts))
            for _ in range(2)
        )
    )

    assert [await node.wait() for node in nodes] == [0, 0]
    assert (await look(database_url))["child"] == [(1,)]


async def test_on_postgresql_a_node_waits_for_the_one_that_migrates(postgres_url: str, scripts: Path) -> None:
    address, options = postgres_address(postgres_url)
    engine = create_engine(address, connect_args={"options": options})
    with engine.begin() as first:
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        second = asyncio.ensure_future(asyncio.to_thread(migrate, postgres_url, scripts=scripts))
        await asyncio.sleep(0.3)
        assert not second.done()
        assert inspect(first).get_table_names() == []
    await second
    engine.dispose()

    assert revision(postgres_url) == "0002"


async def test_on_postgresql_an_upgrade_may_compute_for_longer_than_the_server_lets_others(
    postgres_url: str, scripts: Path
) -> None:
    """Loading Alembic on a busy machine took more than the second that a server had been told to wait."""
    add(scripts, "0003", PATIENCE)

    migrate(f"{postgres_url}%20-cidle_in_transaction_session_timeout%3D10000", scripts=scripts)

    assert (await look(postgres_url))["parent"][1][:2] == (2, "1min")


async def test_a_revision_that_fails_leaves_everything_as_it_was(database_url: str, scripts: Path) -> None:
    migrate(database_url, scripts=scripts)
    add(scripts, "0003", FAILS)

    with pytest.raises(StorageError):
        migrate(database_url, scripts=scripts)

    assert revision(database_url) == "0002"
    assert (await look(database_url))["parent"] == [(1, "first", None)]


def test_on_sqlite_broken_references_take_the_upgrade_back(tmp_path: Path, scripts: Path) -> None:
    path = tmp_path / "kkt.db"
    migrate(path, scripts=scripts)
    add(scripts, "0003", BREAKS_REFERENCES)

    with pytest.raises(StorageError, match="rows of child refer to missing rows"):
        migrate(path, scripts=scripts)

    assert revision(path) == "0002"


def test_a_database_of_a_newer_program_is_refused(database_url: str, scripts: Path) -> None:
    migrate(database_url, scripts=scripts)
    (scripts / "versions" / "0002.py").unlink()

    with pytest.raises(StorageError) as caught:
        migrate(database_url, scripts=scripts)

    assert "0002" in caught.value.detail.en
    assert "newer version" in caught.value.detail.en
    assert "более новая" in caught.value.detail.ru


async def test_the_product_s_own_line_makes_the_leases_table_that_the_code_expects(database_url: str) -> None:
    migrate(database_url)
    database = open_database(database_url)
    try:
        columns = await database.read(lambda connection: inspect(connection).get_columns("leases"))
    finally:
        await database.close()

    assert [(c["name"], c["nullable"]) for c in columns] == [(c.name, c.nullable) for c in leases.columns]


def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "kkt.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match="damaged"):
        migrate(path)
    assert path.read_bytes() == b"no database" * 100


def test_a_locked_file_is_told_and_not_waited_for_without_end(
    tmp_path: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kkt.db"
    migrate(path, scripts=scripts)
    monkeypatch.setattr("kkt_adapter.runtime.db.migrate.OTHER_NODE_S", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StorageError, match="Another program"):
            migrate(path, scripts=scripts)
    finally:
        other.close()


def test_an_unreachable_server_is_told(scripts: Path) -> None:
    with pytest.raises(StorageError, match="PostgreSQL"):
        migrate("postgresql://kkt@127.0.0.1:1/kkt", scripts=scripts)


def test_the_names_of_the_files_tell_the_line_of_revisions() -> None:
    """So that a start need not load Alembic to know that nothing is to be done."""
    line = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    assert revisions() == line[::-1]


def test_each_release_has_its_folder_of_revisions() -> None:
    """Those of 0.1.0 are closed; a later one stands in the folder of the release that it comes with."""
    folders = {path.stem[:4]: path.parent.name for path in (SCRIPTS / "versions").rglob("[0-9]*.py")}
    assert {folders[number] for number in revisions() if number <= "0009"} == {"v0_1"}
    assert [folders[number] for number in revisions()] == sorted(folders.values())


def test_a_start_beside_an_up_to_date_database_loads_no_alembic(tmp_path: Path) -> None:
    path = tmp_path / "kkt.db"
    migrate(path)
    program = "import sys; from pathlib import Path; import kkt_adapter.bootstrap.product; "
    program += "from kkt_adapter.runtime.db.migrate import migrate; migrate(Path(sys.argv[1])); "
    program += "print([name for name in sys.modules if name.startswith(('alembic', 'mako'))])"
    said = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
