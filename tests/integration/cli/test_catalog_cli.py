"""``kkt-adapter catalog`` on a real database file, against a stand-in source in a thread."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.databases.ready_database import migrated
from typer.testing import CliRunner, Result

from kkt_adapter.catalog.parts import build_catalog
from kkt_adapter.cli.catalog import catalog_app
from kkt_adapter.emulators.g2a import G2AEmulator, serve_g2a
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.file_lock import ProcessLocks
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.settings import load_settings

CATALOGUE = ("G2A_CLIENT_ID", "G2A_CLIENT_SECRET", "G2A_EMAIL", "G2A_BASE_URL", "G2A_AUTH")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "BUFFER_DB_PATH", "LC_ALL", "LC_MESSAGES", "LANG", *CATALOGUE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KKT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SYNC_LOG_FILE", str(tmp_path / "logs" / "sync.log"))
    monkeypatch.chdir(tmp_path)  # no configuration file here


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[G2AEmulator]:
    """A source of 45 products that the settings point at."""
    emulator, loop, stop = G2AEmulator(45), asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve_g2a("127.0.0.1", 0, 45, 0.0, stop, emulator=emulator))
    )
    thread.start()
    while not emulator.base_url:
        threading.Event().wait(0.005)
    credentials = emulator.credentials
    values = (credentials.client_id, credentials.client_secret, credentials.email, emulator.base_url)
    for name, value in zip(CATALOGUE, values, strict=False):
        monkeypatch.setenv(name, value)
    try:
        yield emulator
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[Path]:
    """The data directory, as another process holds it; without a source it takes no run."""
    data = tmp_path / "data"
    lock = ProcessLocks(data).hold(random_id())
    try:
        yield data
    finally:
        lock.release()


@pytest.fixture
def service(source: G2AEmulator, other_process: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node that has the credentials, which the command line has not."""
    settings = load_settings()
    migrated(settings.database)
    for name in CATALOGUE:
        monkeypatch.delenv(name, raising=False)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def work() -> None:
        clock, db = SystemClock(), open_database(settings.database)
        leases = DatabaseLeases(db, owner=random_id(), clock=clock, holder_ended=lambda owner: False)
        parts = build_catalog(
            db, settings.catalog, clock=clock, data_dir=other_process, node="service", leases=leases
        )
        assert parts.worker is not None
        await parts.worker.run(stop)
        await parts.service.close_source()
        await db.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(catalog_app, arguments)


def test_a_sync_reads_everything_and_says_so(source: G2AEmulator, tmp_path: Path) -> None:
    done = run("sync")
    assert done.exit_code == 0, done.output
    shown = done.stdout.split()
    assert shown[shown.index("status") + 1] == "succeeded"
    assert shown[shown.index("products") + 1] == "45"
    assert "3/3" in shown
    assert "COMPLETED SUCCESSFULLY" in (tmp_path / "logs" / "sync.log").read_text()

    listed = run("runs").stdout
    assert listed.count("succeeded") == 1
    status = run("status").stdout
    assert "02:00 UTC" in status
    assert "45" in status


def test_one_page(source: G2AEmulator) -> None:
    done = run("sync", "--page", "3")
    assert (done.exit_code, done.stdout) == (0, "page 3 of 3: 5 saved, 5 new, 0 changed, 0 errors\n")


def test_a_run_that_fails_is_an_error(source: G2AEmulator) -> None:
    source.faults = source.faults.with_changes({"auth_code": "AUTH03"})
    done = run("sync")
    assert done.exit_code == 1
    assert "allow-list" in done.stdout


def test_without_credentials_nothing_starts() -> None:
    for arguments in (("sync",), ("sync", "--page", "1")):
        done = run(*arguments)
        assert done.exit_code == 1
        assert "G2A_CLIENT_ID" in done.stderr
    assert run("status").exit_code == 0


def test_a_service_that_has_the_credentials_does_the_run(service: None) -> None:
    done = run("sync")
    assert done.exit_code == 0, done.output
    shown = done.stdout.split()
    assert shown[shown.index("status") + 1] == "succeeded"
    assert shown[shown.index("products") + 1] == "45"


def test_a_service_without_credentials_is_not_waited_for_for_long(
    other_process: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kkt_adapter.cli.catalog.TAKEN_WITHIN_S", 1.0)
    done = run("sync")
    assert done.exit_code == 1
    assert "G2A_CLIENT_ID" in done.stderr
    assert "cancelled" in run("runs").stdout


@pytest.mark.parametrize("page", ["0", "100001", "x"])
def test_a_page_out_of_range_is_refused(page: str) -> None:
    assert run("sync", "--page", page).exit_code == 2


def test_texts_are_russian_in_a_russian_terminal(
    source: G2AEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    assert "страница 1 из 3: сохранено 20" in run("sync", "--page", "1").stdout
