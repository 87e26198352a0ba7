"""The service in a process of its own, as a shop runs it: started, killed, ended in order."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
from tests.support.databases.ready_database import spare_migrations
from tests.support.ports import free_port
from tests.support.processes.forked import Forked, start_module

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import Settings, load_settings


@dataclass
class ServiceProcess:
    """``kkt-adapter serve`` on a free port over ``folder``; may be killed and started again."""

    folder: Path
    environment: dict[str, str]
    config: Path
    port: int
    process: Forked | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        return load_settings(environment=self.environment, file=self.config)

    def start(self) -> None:
        with suppress(SettingsInvalid):  # the process itself says so
            spare_migrations(self.settings)
        self.process = start_module(
            "kkt_adapter",
            "serve",
            "--config",
            str(self.config),
            "--port",
            str(self.port),
            cwd=self.folder,
            environment={"PATH": os.environ["PATH"]} | self.environment,
            log=self.folder / "service.log",
        )

    async def ready(self, within_s: float = 180.0) -> float:
        """Wait for the first 200 of /ready; gives the seconds it took."""
        began = time.monotonic()
        async with httpx2.AsyncClient(base_url=self.base_url, timeout=10.0) as client:
            while True:
                try:
                    if (await client.get("/ready")).status_code == 200:
                        return time.monotonic() - began
                except httpx2.TransportError:
                    pass
                assert self.process is not None
                assert self.process.poll() is None, f"the service ended: {self.log()}"
                assert time.monotonic() - began < within_s, f"not ready: {self.log()}"
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        """As a power cut does it to the process: no clean-up of any kind."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """As a supervisor does it; gives the exit code."""
        return self._end(signal.SIGTERM)

    def log(self) -> str:
        return (self.folder / "service.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(timeout=90)


@asynccontextmanager
async def service_process(
    folder: Path, *, tills: Sequence[str], ofd: OfdEmulator, **environment: str
) -> AsyncIterator[ServiceProcess]:
    """The service with a register for each till; it is started by ``start`` and killed at the end."""
    config = _configured(folder, tills)
    given = {
        "KKT_DATA_DIR": str(folder / "data"),
        "OFD_HOST": "127.0.0.1",
        "OFD_PORT": str(ofd.port),
        "OFD_BASE_URL": f"http://127.0.0.1:{ofd.http_port}",
        "OFD_TIMEOUT": "1",
        "KKT_SYNC_INTERVAL": "0.2",
        "KKT_BREAKER_OPEN": "0.3",
        "KKT_DISK_LOW_MB": "0",
        "KKT_LOG_FORMAT": "json",
        "KKT_LOG_LEVEL": "WARNING",
    } | environment
    service = ServiceProcess(folder=folder, environment=given, config=config, port=free_port())
    try:
        yield service
    finally:
        service.kill()


def _configured(folder: Path, tills: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "kkt-adapter.toml"
    config.write_text("".join(f'[[register]]\nid = "{till}"\ndriver = "virtual"\n' for till in tills))
    return config
