"""A shop that only wants the catalogue: a source of products, and no register at all."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from tests.support.api import SALE
from tests.support.catalog import stand_in

from kkt_adapter.bootstrap import build_services
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import load_settings

ROOT = Path(__file__).parents[3]
WITHIN_S = 180.0
TWO_WAYS = ("[[register]]", "serve --demo")


@asynccontextmanager
async def started(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[tuple[str, str]]:
    """``python run.py`` in a process of its own: its banner and address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "run.py"),
        *("--port", "0", "--data-dir", str(folder / "var")),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        banner, address = "", None
        async with asyncio.timeout(WITHIN_S):
            while address is None or "/v1:" not in banner:
                line = (await process.stdout.readline()).decode()
                assert line, banner
                banner += line
                address = re.search(r"http://[0-9.:]+", banner)
            banner += (await process.stdout.readline()).decode()
            banner += (await process.stdout.readline()).decode()
        yield banner, address[0]
    finally:
        process.terminate()
        await process.wait()


async def test_a_source_of_products_is_enough_to_start(tmp_path: Path) -> None:
    async with stand_in(40) as source:
        environment = {
            "G2A_BASE_URL": source.base_url,
            "G2A_CLIENT_ID": source.credentials.client_id,
            "G2A_CLIENT_SECRET": source.credentials.client_secret,
            "G2A_EMAIL": source.credentials.email,
        }
        async with (
            started(tmp_path, environment) as (banner, address),
            httpx2.AsyncClient(base_url=address, timeout=WITHIN_S) as client,
        ):
            assert "catalogue only" in banner
            assert "только каталог" in banner

            health = (await client.get("/v1/health")).json()
            assert (health["status"], health["trouble"]) == ("healthy", [])
            assert health["components"]["kkt"]["status"] == "catalogue only"
            assert (await client.get("/ready")).status_code == 200

            key = {"Idempotency-Key": "k-1"}
            for path, body in (
                ("/v1/kkt/receipt", SALE),
                ("/v1/kkt/x_report", {}),
                ("/v1/kkt/z_report", {"pos_id": "POS-001"}),
                ("/v1/pos/session/open", {"pos_id": "POS-001", "cashier": {"name": "Кассир Иванова А. А."}}),
            ):
                refused = await client.post(path, json=body, headers=key)
                assert refused.status_code == 503, (path, refused.text)
                problem = refused.json()
                assert (problem["code"], problem["reason"]) == ("KKT_BLOCKED", "NO_REGISTER")
                assert all(way in problem["detail"] for way in TWO_WAYS)

            for path in ("/v1/kkt/buffer/status", "/v1/kkt/status", "/metrics", "/api/v1/scheduler/status"):
                assert (await client.get(path)).status_code in (200, 401), path
            assert (await client.get("/api/v1/products")).status_code == 401


async def test_with_neither_a_register_nor_a_source_nothing_starts(tmp_path: Path) -> None:
    settings = load_settings(environment={}, overrides={"data_dir": tmp_path})
    with pytest.raises(SettingsInvalid) as caught:
        await build_services(settings)
    for said in (caught.value.detail.en, caught.value.detail.ru):
        assert all(way in said for way in (*TWO_WAYS, "G2A_CLIENT_ID"))
    assert not (tmp_path / "buffer.db").exists()
