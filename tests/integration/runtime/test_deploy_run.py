"""The service with exactly what image, compose file and ``adapter.env.example`` give it.

Addresses are those of servers of this run, and it listens on loopback with sign-in on, as a container does.
"""

import re
import secrets
from pathlib import Path
from typing import Any

import httpx2
import yaml  # type: ignore[import-untyped]
from tests.support.ports import free_port
from tests.support.processes.service import ServiceProcess
from tests.support.services import RedisServer

DOCKER = Path(__file__).parents[3] / "deploy" / "docker"


def from_image() -> dict[str, str]:
    return dict(re.findall(r"\b(KKT_\w+)=(\S+)", (DOCKER / "Dockerfile").read_text(encoding="utf-8")))


def from_compose() -> dict[str, str]:
    compose: Any = yaml.safe_load((DOCKER / "compose.yml").read_text(encoding="utf-8"))
    given: dict[str, str] = compose["services"]["adapter"]["environment"]
    return given


def from_example() -> dict[str, str]:
    text = (DOCKER / "adapter.env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", text))


def service(tmp_path: Path, **changes: str) -> ServiceProcess:
    given = from_image() | from_compose() | from_example()
    del given["KKT_CONFIG"]  # said on the command line
    return ServiceProcess(
        folder=tmp_path,
        environment=given | {"KKT_HOST": "127.0.0.1", "KKT_AUTH": "closed"} | changes,
        config=DOCKER / "kkt-adapter.toml",
        port=free_port(),
    )


async def test_the_service_starts_with_what_compose_gives_it(
    tmp_path: Path, postgres_url: str, redis: RedisServer
) -> None:
    running = service(
        tmp_path,
        KKT_DATA_DIR=str(tmp_path / "data"),
        DATABASE_URL=postgres_url,
        AUTH_SECRET=secrets.token_hex(32),
        REDIS_URL=redis.url,
        OFD_HOST="127.0.0.1",
        OFD_PORT=str(free_port()),
    )
    running.start()
    try:
        await running.ready()
        async with httpx2.AsyncClient(base_url=running.base_url) as client:
            assert (await client.get("/health")).json() == {"status": "ok"}
            parts = (await client.get("/v1/health")).json()["components"]
            for part in ("database", "kkt", "redis"):
                assert parts[part] == {"status": "ok"}  # without a token words only
            assert (await client.get("/v1/kkt/buffer/status")).status_code == 401  # nobody gets in
            by_name = await client.get("/health", headers={"Host": "adapter:8000"})
            assert by_name.status_code == 200  # as Prometheus calls it
        assert running.terminate() == 0
    finally:
        running.kill()


def test_a_start_without_the_secret_of_the_example_is_refused_by_its_name(
    tmp_path: Path, postgres_url: str
) -> None:
    running = service(tmp_path, KKT_DATA_DIR=str(tmp_path / "data"), DATABASE_URL=postgres_url)
    assert running.environment["AUTH_SECRET"] == ""
    running.start()
    assert running.process is not None
    assert running.process.wait(timeout=60) == 2
    running.process = None
    assert "AUTH_SECRET" in running.log()
