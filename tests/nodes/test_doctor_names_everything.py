"""``kkt-adapter doctor``: for each thing that a node needs, a fault of it is found, with cause and remedy."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.cli import run
from tests.support.product import product, virtual_registers

from kkt_adapter.cli.checks.checkup import check_clock
from kkt_adapter.cli.program import app
from kkt_adapter.runtime.db.migrate import migrate

OPERATOR = 'ofd_host = "127.0.0.1"\nofd_port = 9\n'  # nobody listens on port 9
REGISTER = '[[register]]\nid = "POS-001"\ndriver = "virtual"\n'


@dataclass(frozen=True, kw_only=True)
class Fault:
    """``cause`` and ``remedy`` are words of the finding."""

    subject: str
    level: str
    cause: str
    remedy: str
    config: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[], object] = lambda: None


def newer_database() -> None:
    migrate("sqlite:///var/buffer.db")
    raw = sqlite3.connect("var/buffer.db")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()


def damaged_in_the_middle() -> None:
    migrate("sqlite:///var/buffer.db")
    path = Path("var/buffer.db")
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * 4096 + whole[12288:])


def damaged_fn() -> None:
    Path("var/fn").mkdir(parents=True)
    Path("var/fn/POS-001.sqlite").write_bytes(b"broken" * 1000)


FAULTS = {
    "no register": Fault(
        subject="configuration", level="warning", cause="no register", remedy="[[register]]"
    ),
    "no secret for PostgreSQL": Fault(
        subject="configuration",
        level="bad",
        cause="AUTH_SECRET is not set",
        remedy="openssl rand",
        config=REGISTER,
        environment=(("DATABASE_URL", "postgresql://kkt@127.0.0.1:9/kkt"),),
    ),
    "data_dir is a file": Fault(
        subject="disk",
        level="bad",
        cause="not a directory",
        remedy="another data_dir",
        config=REGISTER,
        prepare=lambda: Path("var").write_text("a file"),
    ),
    "disk below its mark": Fault(
        subject="disk", level="bad", cause="MB free", remedy="free some", config="disk_low_mb = 1000000\n"
    ),
    "database damaged in the middle": Fault(
        subject="database", level="bad", cause="buffer.db", remedy="db restore", prepare=damaged_in_the_middle
    ),
    "database of a newer program": Fault(
        subject="database", level="bad", cause="9999", remedy="newer version", prepare=newer_database
    ),
    "PostgreSQL away": Fault(
        subject="database",
        level="bad",
        cause="refused",
        remedy="DATABASE_URL",
        environment=(("DATABASE_URL", "postgresql://kkt@127.0.0.1:9/kkt"),),
    ),
    "register's FN damaged": Fault(
        subject="register POS-001",
        level="bad",
        cause="POS-001",
        remedy="restore the file",
        config=REGISTER,
        prepare=damaged_fn,
    ),
    "operator away": Fault(
        subject="operator",
        level="warning",
        cause="127.0.0.1:9",
        remedy="check the address",
        config=OPERATOR + REGISTER,
    ),
    "operator without an address": Fault(
        subject="operator", level="bad", cause="no address", remedy="ofd_host", config=REGISTER
    ),
    "Redis away": Fault(
        subject="redis",
        level="warning",
        cause="127.0.0.1:9",
        remedy="REDIS_URL",
        environment=(("REDIS_URL", "redis://127.0.0.1:9/0"),),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found_with_its_cause_and_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    monkeypatch.chdir(tmp_path)
    for variable in ("REDIS_URL", "AUTH_SECRET", "OFD_HOST", "OFD_PORT"):
        monkeypatch.delenv(variable, raising=False)
    Path("kkt-adapter.toml").write_text("port = 9\n" + fault.config)
    fault.prepare()
    result = run(app, "doctor", "--json", **dict(fault.environment))

    found = [
        finding
        for finding in json.loads(result.stdout)
        if (finding["subject"], finding["level"]) == (fault.subject, fault.level)
    ]
    assert found, result.stdout
    assert any(fault.cause in f["found"] and fault.remedy in f["remedy"] for f in found), found
    assert result.exit_code == (1 if any(f["level"] == "bad" for f in json.loads(result.stdout)) else 0)


def test_a_clock_that_was_never_set_is_bad() -> None:
    (found,) = check_clock(datetime(1970, 1, 2, tzinfo=UTC), None)
    assert found.level.value == "bad"
    assert found.remedy is not None
    assert "timedatectl" in found.remedy.en


def test_a_setting_that_cannot_be_read_is_named_with_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kkt-adapter.toml").write_text("capacity = 7\n")
    result = run(app, "doctor")
    assert result.exit_code == 2
    assert "capacity" in result.stderr
    assert "50" in result.stderr


async def test_a_running_node_of_this_version_is_sound(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("POS-001")) as shop:
        await shop.sell()
        config = tmp_path / "kkt-adapter.toml"
        config.write_text("port = 9\n" + OPERATOR + REGISTER)
        result = await asyncio.to_thread(
            run, app, "doctor", "--json", "--config", str(config), "--data-dir", str(shop.settings.data_dir)
        )
        (answer,) = [line for line in result.stdout.splitlines() if line.startswith("[{")]  # beside log lines
        levels = {finding["subject"]: finding["level"] for finding in json.loads(answer)}
        assert (result.exit_code, levels["database"], levels["configuration"]) == (0, "ok", "ok")
