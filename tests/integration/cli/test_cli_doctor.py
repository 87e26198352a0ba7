"""``kkt-adapter doctor``: each thing that can be wrong is found, with what to do about it."""

import asyncio
import json
import socket
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update
from tests.support.cli import run
from tests.support.product import product

from kkt_adapter.cli.program import app
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.store import clock_rows
from kkt_adapter.fiscal.store.tables import counters
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.settings import RegisterSettings

OPERATOR = 'ofd_host = "127.0.0.1"\nofd_port = 9\n'
REGISTER = '[[register]]\nid = "POS-001"\ndriver = "virtual"\n'


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty directory, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "BUFFER_DB_PATH", "KKT_CONFIG", "REDIS_URL", "KKT_DATA_DIR", "KKT_PORT"):
        monkeypatch.delenv(name, raising=False)


def examine(config: str = REGISTER, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and the worst finding of each subject."""
    Path("kkt-adapter.toml").write_text("port = 9\n" + config, encoding="utf-8")  # nobody is there
    result = run(app, "doctor", "--json", *options)
    worst: dict[str, Any] = {}
    order = ["ok", "warning", "bad"]
    # A product that runs in this process may log beside it.
    told = [text for text in result.stdout.splitlines() if text.startswith("[{")]
    for finding in json.loads(told[-1]) if told else []:
        known = worst.get(finding["subject"])
        if known is None or order.index(finding["level"]) > order.index(known["level"]):
            worst[finding["subject"]] = finding
    return result.exit_code, worst


def test_a_fresh_machine_has_nothing_bad() -> None:
    code, found = examine(OPERATOR + REGISTER)

    assert code == 0
    assert found["database"]["level"] == "ok"
    assert found["register POS-001"]["level"] == "ok"
    assert found["cashier POS-001"]["level"] == "warning"
    assert found["operator"]["level"] == "warning"
    assert "127.0.0.1:9" in found["operator"]["found"]
    assert found["service"]["level"] == "warning"
    assert found["service"]["remedy"]
    assert not Path("var").exists()


def test_the_service_is_looked_for_where_the_environment_says() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    Path("kkt-adapter.toml").write_text("port = 9\n" + REGISTER, encoding="utf-8")
    findings = json.loads(run(app, "doctor", "--json", KKT_URL=url, KKT_HOMEWORK="1").stdout)
    (service,) = [one for one in findings if one["subject"] == "service"]
    assert url in service["found"]
    (environment,) = [one for one in findings if one["subject"] == "environment"]
    assert "KKT_HOMEWORK" in environment["found"]


def test_a_wrong_setting_is_named_and_nothing_else_is_tried() -> None:
    Path("kkt-adapter.toml").write_text("capacty = 5\n", encoding="utf-8")
    result = run(app, "doctor")
    assert result.exit_code == 2
    assert "capacty" in result.stderr


def test_every_answering_peer_is_well(redis: Any) -> None:
    async def with_operator() -> tuple[int, dict[str, Any]]:
        operator = OfdEmulator()
        await operator.start()
        try:
            config = f'ofd_host = "127.0.0.1"\nofd_port = {operator.port}\nredis_url = "{redis.url}"\n'
            return await asyncio.to_thread(examine, config + REGISTER)
        finally:
            await operator.stop()

    code, found = asyncio.run(with_operator())
    assert code == 0
    assert found["operator"]["level"] == found["redis"]["level"] == "ok"


def test_a_redis_that_is_wanted_and_away_is_a_warning() -> None:
    _, found = examine('redis_url = "redis://:secret@127.0.0.1:9/0"\n' + REGISTER)
    assert found["redis"]["level"] == "warning"
    assert "secret" not in json.dumps(found)


def test_a_damaged_database_is_bad_and_the_way_back_is_named() -> None:
    Path("var").mkdir()
    Path("var/buffer.db").write_bytes(b"this is no database" * 100)
    code, found = examine()
    assert code == 1
    assert found["database"]["level"] == "bad"
    assert "db restore" in found["database"]["remedy"]


def test_a_damaged_fn_is_bad() -> None:
    Path("var/fn").mkdir(parents=True)
    Path("var/fn/POS-001.sqlite").write_bytes(b"broken" * 1000)
    code, found = examine()
    assert code == 1
    assert found["register POS-001"]["level"] == "bad"


def test_a_disk_below_its_mark_is_bad() -> None:
    code, found = examine("disk_low_mb = 1000000\n" + REGISTER)
    assert code == 1
    assert found["disk"]["level"] == "bad"


def written_ahead(conn: Connection) -> None:
    """As after a clock that was set back by a quarter of an hour: what was written last lies ahead of it."""
    conn.execute(update(counters).values(hlc_local_time=counters.c.hlc_local_time + 900))
    now = SystemClock().now()
    clock_rows.save(conn, clock_rows.ClockState(believed_at=now + timedelta(minutes=15)), at=now)


async def test_what_waits_for_a_person_and_who_drives_the_register_is_said(tmp_path: Path) -> None:
    async with product(tmp_path, registers=(RegisterSettings(id="POS-001", driver="virtual"),)) as shop:
        await shop.sell(2)
        shop.break_register(refuse=99)
        refused = (await shop.post()).json()
        await shop.state_of(refused["receipt_id"], print_state="print_failed")
        await shop.services.database.write(written_ahead)

        code, found = await asyncio.to_thread(
            examine, OPERATOR + REGISTER, "--data-dir", str(shop.settings.data_dir)
        )

        assert code == 0
        assert found["receipts"]["level"] == "warning"
        assert "reprint" in found["receipts"]["remedy"]
        assert "pid" in found["register POS-001"]["found"]
        assert found["clock"]["level"] == "warning"
        assert found["backup"]["level"] == "warning"
    raw = sqlite3.connect(shop.settings.data_dir / "buffer.db")
    assert raw.execute("SELECT count(*) FROM receipts").fetchone() == (3,)
    raw.close()
