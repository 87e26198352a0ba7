"""What an idle service has loaded: nothing that only other shops, people or demonstrations need."""

import json
import subprocess
import sys
from pathlib import Path

from kkt_adapter.runtime.db.migrate import migrate

OPENAPI = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"

# Module -> who needs it.
OTHERS = {
    "alembic": "an upgrade",
    "argon2": "the first password",
    "click": "the command line",
    "configparser": "nobody",
    "difflib": "a misspelt setting",
    "fastapi": "the first route of the framework",
    "email.message": "a back office over HTTP",
    "greenlet": "nobody: it brings the C++ library",
    "html.entities": "the first scrape of metrics, or the first page",
    "http.server": "the first scrape of metrics",
    "importlib.metadata._adapters": "nobody: no installed package is looked for",
    "kkt_adapter.api.doors.atol.door": "a client of ATOL Online",
    "kkt_adapter.api.doors.kkmserver.route": "a client of KkmServer",
    "kkt_adapter.api.framework.app": "the first route of the framework",
    "kkt_adapter.api.schemas.answers.health": "/openapi.json",
    "kkt_adapter.api.ui.site": "the first page",
    "logging.config": "nobody",
    "multiprocessing": "nobody",
    "opentelemetry": "the first route of the framework",
    "prometheus_client": "the first scrape of metrics",
    "typer": "the command line",
    "urllib.request": "nobody: keys are not fetched",
    "aiohttp": "a back office, a webhook or an operator over HTTP",
    "jinja2": "the first page",
    "kkt_adapter.emulators": "a demonstration",
    "kkt_adapter.fiscal.kkt.atol.driver": "a register of ATOL",
    "kkt_adapter.fiscal.kkt.shtrih.driver": "a register of Shtrih-M",
    "kkt_adapter.lab": "the fault lab",
    "psycopg": "PostgreSQL",
    "pydantic.v1.main": "nobody",
    "redis": "several nodes",
    "sqlalchemy.dialects.postgresql": "PostgreSQL",
    "rich": "help texts of the command line",
    "segno": "the first slip with a picture",
}

MODULES = 940  # 1,330 while everything was loaded at the start

IDLE = """
import asyncio, json, sys
from pathlib import Path
from kkt_adapter.runtime import lean
lean.skip_extras()
from kkt_adapter.cli.service import serve as command
from kkt_adapter.settings import load_settings

async def status_of(app, path):
    told = []
    async def send(message):
        told.append(message)
    await app({"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
               "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
               "scheme": "http", "http_version": "1.1", "root_path": ""}, None, send)
    return told[0]["status"]

async def idle():
    settings = load_settings(overrides={"data_dir": Path(sys.argv[1]), "port": 0})
    async def answer(app, *_, **__):
        for path in ("/health", "/ready", "/v1/health", "/v1/kkt/ready"):  # asked all day: loads nothing
            assert await status_of(app, path) == 200, path
        loaded = [name for name, module in sys.modules.items() if module is not None]
        Path("loaded.json").write_text(json.dumps(loaded))
        Path("openapi.json").write_text(json.dumps(app.openapi()))
        import configparser, greenlet, logging.config, uvicorn.main  # whoever wants them afterwards has them
        from http.client import HTTPConnection
        from starlette.exceptions import HTTPException
        assert HTTPException(404).detail == "Not Found"
        assert logging.config.dictConfig and configparser.RawConfigParser and greenlet.getcurrent()
        assert uvicorn.main.main and HTTPConnection("127.0.0.1")
    command._answer = answer
    await command.run_service(settings, demo=False)

asyncio.run(idle())
"""


def test_an_idle_service_has_loaded_nothing_for_others(tmp_path: Path) -> None:
    (tmp_path / "kkt-adapter.toml").write_text(
        '[[register]]\nid = "POS-001"\ndriver = "virtual"\npos_ids = ["POS-001"]\n'
    )
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    migrate(data / "buffer.db")  # as after any start but the first
    ended = subprocess.run(
        [sys.executable, "-c", IDLE, str(data)],
        cwd=tmp_path, env={"PATH": "", "OFD_HOST": "127.0.0.1", "OFD_PORT": "9"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    loaded = set(json.loads((tmp_path / "loaded.json").read_text()))
    assert "kkt_adapter.bootstrap.product" in loaded
    assert len(loaded) <= MODULES
    assert {name: who for name, who in OTHERS.items() if name in loaded} == {}
    late = json.loads((tmp_path / "openapi.json").read_text())  # what is built late is built the same
    late["info"]["version"] = "0"
    assert late == json.loads(OPENAPI.read_text())
