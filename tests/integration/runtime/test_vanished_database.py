"""A database that is missing, empty, foreign or older than it was is never taken for a new shop."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, select
from tests.support.cli import run
from tests.support.processes.forked import ROOT
from tests.support.product import Product, product, sale

from kkt_adapter.cli.checks.findings import CheckLevel
from kkt_adapter.cli.checks.identity import check_identity
from kkt_adapter.cli.database.commands import db_app
from kkt_adapter.fiscal.kkt.virtual import fn_path
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.kernel.ids import RegisterId, random_id
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.runtime.db.sqlite_file import lock_path
from kkt_adapter.runtime.file_lock import hold_alone


def database(shop: Product) -> Path:
    return shop.settings.data_dir / "buffer.db"


def copy(shop: Product) -> Path:
    return back_up(database(shop), shop.folder / "copies", now=datetime.now(UTC))


async def db(shop: Product, *arguments: str, code: int = 0) -> str:
    result = await asyncio.to_thread(run, db_app, *arguments, KKT_DATA_DIR=str(shop.settings.data_dir))
    assert result.exit_code == code, result.stderr
    return result.stdout + result.stderr


def deleted(path: Path) -> None:
    for part in path.parent.glob("buffer.db*"):
        part.unlink()


def emptied(path: Path) -> None:
    deleted(path)
    path.touch()


def another_program_s(path: Path) -> None:
    deleted(path)
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE songs (name)")
    raw.commit()
    raw.close()


def made_anew_by_hand(path: Path) -> None:
    from kkt_adapter.runtime.db.migrate import migrate

    deleted(path)
    migrate(path)


async def events(shop: Product, kind: str) -> list[dict[str, object]]:
    query = select(buffer_events.c.metadata).where(buffer_events.c.event_type == kind)
    return [json.loads(text) for text in await shop.read(lambda c: c.execute(query).scalars().all())]


@pytest.mark.parametrize("lose", [deleted, emptied, another_program_s, made_anew_by_hand])
async def test_the_start_refuses_and_changes_nothing(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    async with product(tmp_path) as shop:
        await shop.sell()
        backup = copy(shop)
        async with shop.stopped():
            lose(database(shop))
            before = {path.name: path.read_bytes() for path in shop.settings.data_dir.glob("buffer.db*")}
            with pytest.raises(SettingsInvalid) as caught:
                await shop.start_again()
            after = {path.name: path.read_bytes() for path in shop.settings.data_dir.glob("buffer.db*")}
            assert {n: b for n, b in after.items() if not n.endswith(("-shm", "-wal", ".lock"))} == {
                n: b for n, b in before.items() if not n.endswith(("-shm", "-wal", ".lock"))
            }
            assert "kkt-adapter db restore" in caught.value.detail.en
            assert "kkt-adapter db begin --yes-this-is-a-new-shop" in caught.value.detail.ru
            restore(backup, database(shop), now=datetime.now(UTC))


async def test_a_disk_that_is_not_mounted_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    async with product(tmp_path, buffer_db_path=disk / "buffer.db") as shop:
        await shop.sell()
        async with shop.stopped():
            disk.rename(tmp_path / "away")
            with pytest.raises(SettingsInvalid, match="no directory"):
                await shop.start_again()
            assert not disk.exists()
            disk.mkdir()
            with pytest.raises(SettingsInvalid, match="missing or empty"):
                await shop.start_again()
            disk.rmdir()
            (tmp_path / "away").rename(disk)


async def test_a_lost_log_is_seen_by_the_count_of_changes(tmp_path: Path) -> None:
    """Without its write-ahead log a database is an older one, and looks whole."""
    async with product(tmp_path) as shop:
        early = tmp_path / "early.db"
        async with shop.stopped():
            shutil.copy(database(shop), early)
        await shop.sell(2)
        async with shop.stopped():
            deleted(database(shop))
            shutil.copy(early, database(shop))
        (event,) = await events(shop, "database_went_back")
        assert int(str(event["first"])) < int(str(event["last"]))
        alerts = await shop.until(lambda: alert_codes(shop))
        assert set(alerts) == {"RECEIPTS_LOST"}  # of the database, and of the FN
        await db(shop, "confirm-loss", "--reason", "compared with the tape")
        await shop.until(lambda: none_about_the_database(shop))
        confirmed = await events(shop, "loss_confirmed")
        assert {event["reason"] for event in confirmed} == {"compared with the tape"}


async def alert_codes(shop: Product) -> list[str]:
    return [alert["code"] for alert in (await shop.status())["alerts"] if alert["code"] == "RECEIPTS_LOST"]


async def none_about_the_database(shop: Product) -> bool:
    return not await alert_codes(shop)


async def test_a_person_begins_a_new_shop_and_it_is_written_down(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        await shop.sell(2)
        assert "belongs to this data directory" in await db(shop, "begin", "--yes-this-is-a-new-shop", code=1)
        was = shop.services.identity
        async with shop.stopped():
            deleted(database(shop))
            assert "--yes-this-is-a-new-shop" in await db(shop, "begin", code=2)
            await db(shop, "begin", "--yes-this-is-a-new-shop", "--reason", "the disk burnt")
        (event,) = await events(shop, "database_begun")
        assert event["reason"] == "the disk burnt"
        assert str(event["by"]).startswith("cli")
        assert shop.services.identity.uuid != was.uuid
        await shop.restart()  # the decision was carried out once, and the FNs belong to the new one
        assert len(await events(shop, "database_begun")) == 1
        assert (await shop.post(sale(kop=5))).json()["status"] == "printed"


async def test_db_restore_takes_our_databases_only_and_says_how_old_they_are(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        await shop.sell(3)
        good, other = copy(shop), tmp_path / "other.db"
        async with shop.stopped():
            (tmp_path / "empty.db").touch()
            (tmp_path / "byte.db").write_bytes(b"\0")
            another_program_s(other)
            fn = fn_path(shop.settings.fn_dir, RegisterId("POS-001"))
            for wrong in (tmp_path / "empty.db", tmp_path / "byte.db", other, fn):
                before = database(shop).read_bytes()
                await db(shop, "restore", str(wrong), "--yes", code=1)
                assert database(shop).read_bytes() == before
            said = await db(shop, "restore", str(good), "--yes", "--reason", "drill")
            assert "receipts: 3" in said
            assert "h ago" in said
        (event,) = await events(shop, "database_restored")
        assert (event["reason"], event["epoch"]) == ("drill", 2)
        assert await events(shop, "database_went_back") == []


async def test_db_restore_changes_nothing_that_it_cannot_write_down(tmp_path: Path) -> None:
    """The database may lie on another disk than the data directory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with product(tmp_path, buffer_db_path=disk / "buffer.db") as shop:
        await shop.sell()
        file, data = disk / "buffer.db", shop.settings.data_dir
        good = back_up(file, shop.folder / "copies", now=datetime.now(UTC))
        await shop.sell()
        async with shop.stopped():
            before = file.read_bytes()
            (data / identity.LOCK).unlink()
            (data / identity.LOCK).mkdir()  # as where nothing can be written
            arguments = ("restore", str(good), "--yes")
            settings = {"KKT_DATA_DIR": str(data), "BUFFER_DB_PATH": str(file)}
            result = await asyncio.to_thread(run, db_app, *arguments, **settings)
            assert result.exit_code == 1
            assert file.read_bytes() == before
            (data / identity.LOCK).rmdir()

            held = hold_alone(lock_path(file))  # somebody has the database open
            assert held is not None
            assert (await asyncio.to_thread(run, db_app, *arguments, **settings)).exit_code == 1
            assert identity.load_memory(data).decision is None
            held.release()
        assert await events(shop, "database_restored") == []


async def test_a_copy_of_another_shop_is_not_put_back(tmp_path: Path) -> None:
    async with product(tmp_path / "one") as one:
        theirs = copy(one)
    async with product(tmp_path / "two") as two, two.stopped():
        assert "another shop" in await db(two, "restore", str(theirs), "--yes", code=1)


async def test_the_upgrade_writes_the_identity_once_and_marks_the_fns(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        await shop.sell()
        async with shop.stopped():  # as an older program has left it
            (shop.settings.data_dir / identity.MEMORY).unlink()
            raw = sqlite3.connect(database(shop))
            raw.execute("DELETE FROM identity")
            raw.commit()
            raw.close()
            marker = fn_path(shop.settings.fn_dir, RegisterId("POS-001")).with_suffix(".fn.json")
            fn_number = json.loads(marker.read_text())["fn_number"]
            marker.write_text(json.dumps({"fn_number": fn_number}))
        first = shop.services.identity
        await shop.sell()
        assert json.loads(marker.read_text()) == {"fn_number": fn_number, "database": first.uuid}
        await shop.restart()
        assert shop.services.identity.uuid == first.uuid


def test_the_process_ends_with_code_2_and_says_it_in_both_languages(tmp_path: Path) -> None:
    known = identity.Identity(uuid="x", epoch=1, changes=1)
    identity.change_memory(tmp_path, lambda memory: replace(memory, known=known))
    ended = subprocess.run(
        [sys.executable, "-m", "kkt_adapter", "serve", "--demo", "--port", "0", "--data-dir", str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "kkt-adapter db begin --yes-this-is-a-new-shop" in ended.stderr
    assert "Подключите диск" in ended.stderr


@pytest.mark.parametrize("state", ["sound", "lost", "went back"])
async def test_doctor_tells_the_identity(tmp_path: Path, state: str) -> None:
    async with product(tmp_path) as shop:
        early = tmp_path / "early.db"
        async with shop.stopped():
            shutil.copy(database(shop), early)
        await shop.sell()
        good = tmp_path / "good.db"
        async with shop.stopped():
            shutil.copy(database(shop), good)
            if state != "sound":
                deleted(database(shop))
            if state == "went back":
                shutil.copy(early, database(shop))
            found = {f.subject: f for f in await asyncio.to_thread(check_identity, shop.settings)}["identity"]
            assert (found.level is CheckLevel.BAD) is (state != "sound")
            if state != "sound":
                assert found.remedy is not None
                assert ("db begin" in found.remedy.en) is (state == "lost")
            deleted(database(shop))
            shutil.copy(good, database(shop))


async def test_a_postgresql_database_that_went_back_is_noticed_at_a_start_and_in_flight(
    tmp_path: Path, postgres_url: str
) -> None:
    """``pg_restore`` leaves no word: the count of changes tells."""
    secret = AuthSettings.model_validate({"AUTH_SECRET": random_id() + random_id()})
    async with product(tmp_path, database_url=postgres_url, sign_in=secret) as shop:
        await shop.sell()

        def go_back(conn: Connection) -> None:
            conn.execute(identity.identity.update().values(changes=0))

        (mark,) = [
            run.service for run in shop.services.supervisor._runs if run.service.name == "database mark"
        ]
        await mark.look()  # type: ignore[attr-defined]
        await shop.services.database.write(go_back)
        await mark.look()  # type: ignore[attr-defined]
        assert [event["first"] for event in await events(shop, "database_went_back")] == [0]
        assert (await shop.read(identity.read)).epoch == 2

        await shop.restart()
        assert (await shop.read(identity.read)).epoch == 2
        async with shop.stopped():
            engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
            with engine.begin() as connection:
                go_back(connection)
            engine.dispose()
        assert len(await events(shop, "database_went_back")) == 2
        assert shop.services.identity.epoch == 3
