"""The programs of ``examples/``, as processes of their own, against the real product over HTTP."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.api import served
from tests.support.erp import office
from tests.support.product import TILL, Product, product
from tests.support.services import missing

from kkt_adapter.fiscal.heartbeat.settings import Profile

EXAMPLES = Path(__file__).parents[3] / "examples"
SECRET = "a secret of sixteen and more"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path) as one:
        yield one


async def program(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def till(folder: Path, url: str) -> tuple[int, str]:
    return await program(folder, sys.executable, str(EXAMPLES / "till.py"), url, TILL, "Чай", "19.99")


async def test_a_till_sells_and_prints_the_slip(running: Product, tmp_path: Path) -> None:
    async with served(running.services.app) as port:
        code, output = await till(tmp_path, f"http://127.0.0.1:{port}")
    assert code == 0, output
    assert "Чай" in output
    assert "19.99" in output
    assert not (tmp_path / "open-sale.json").exists()


async def test_a_till_that_lost_the_answer_sells_once(running: Product, tmp_path: Path) -> None:
    """It was killed after the call: its file still has the sale and the key."""
    async with served(running.services.app) as port:
        url = f"http://127.0.0.1:{port}"
        code, output = await till(tmp_path, "http://127.0.0.1:9")
        assert code == 2, output
        kept = (tmp_path / "open-sale.json").read_text()
        assert (await till(tmp_path, url))[0] == 0
        (tmp_path / "open-sale.json").write_text(kept)
        assert (await till(tmp_path, url))[0] == 0
    receipts = await running.get("/v1/kkt/receipts")
    assert [receipt["idempotency_key"] for receipt in receipts["items"]] == [json.loads(kept)["key"]]


async def test_a_poller_stores_every_event_once(running: Product, tmp_path: Path) -> None:
    await running.sell(2)
    await running.delivered()
    command = (sys.executable, str(EXAMPLES / "poller.py"))
    async with served(running.services.app) as port:
        url = f"http://127.0.0.1:{port}"
        code, output = await program(tmp_path, *command, url, "events.db")
        assert (code, output) == (0, "stored: 6\n")  # accepted, printed, synced, twice
        await running.sell(1)
        await running.delivered()
        code, output = await program(tmp_path, *command, url, "events.db")
        assert (code, output) == (0, "stored: 3\n")
    assert states(tmp_path / "events.db") == ["pending"] * 6 + ["synced"] * 3


def states(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return sorted(state for (state,) in db.execute("SELECT state FROM events"))


@asynccontextmanager
async def erp(folder: Path, secret: str) -> AsyncIterator[str]:
    """The example in a process of its own; gives its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / "erp.py"), "0", "erp.db",
        cwd=folder, env={**os.environ, "ERP_SECRET": secret}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("known", [True, False])
async def test_an_erp_takes_signed_calls_and_no_others(tmp_path: Path, known: bool) -> None:
    async with erp(tmp_path, SECRET if known else "another secret altogether") as url:
        target = office(url, profile=Profile.WEBHOOK, secret=SecretStr(SECRET), interval_s=0.05)
        async with product(tmp_path, back_office=(target,)) as running:
            await running.sell(1)
            await running.delivered()

            async def told() -> Any:
                return (await running.get("/v1/kkt/heartbeat/status"))["targets"][0]

            async def taken() -> bool:
                return (tmp_path / "erp.db").exists() and states(tmp_path / "erp.db").count("synced") == 1

            async def refused() -> bool:
                return bool((await told())["last_answer"] == "refused_token")

            await running.until(taken if known else refused)
    assert (tmp_path / "erp.db").exists() is known


async def test_curl_sells_repeats_and_closes_the_shift(running: Product, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl")
    async with served(running.services.app) as port:
        code, output = await program(
            tmp_path, "sh", str(EXAMPLES / "curl.sh"), f"http://127.0.0.1:{port}", TILL
        )
    assert code == 0, output
    first, again, read, z_report = (json.loads(line) for line in output.splitlines())
    assert first == again
    assert read["receipt_id"] == first["receipt_id"]
    assert (z_report["reportType"], z_report["receiptCount"]) == (2, 1)


def test_the_page_of_examples_names_all_of_them() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(([\w.]+)\)", page)) == {
        path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh")
    }
    code = (EXAMPLES / "till.py").read_text(encoding="utf-8").split('"""', 2)[2]
    assert len([line for line in code.splitlines() if line]) <= 40
