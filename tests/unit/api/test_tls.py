"""TLS of the service: the files are checked before the start, and renewed ones are taken up."""

import asyncio
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.ports import free_port

from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.api.wire.server import http_server
from kkt_adapter.api.wire.tls import TlsFiles
from kkt_adapter.cli.checks.findings import CheckLevel
from kkt_adapter.cli.checks.peers import check_service
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import Settings, load_settings

DATA = Path(__file__).parents[2] / "data" / "tls"
HEALTH = Path(__file__).parents[3] / "deploy" / "docker" / "health.py"


def files(tmp_path: Path, name: str) -> TlsFiles:
    """The pair of this name, copied to where the service looks."""
    for ending in ("pem", "key"):
        shutil.copy(DATA / f"{name}.{ending}", tmp_path / f"live.{ending}")
    return TlsFiles(cert=tmp_path / "live.pem", key=tmp_path / "live.key")


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = (
        b'{"status": "healthy", "version": "1"}'
        if scope["path"] == "/v1/health"
        else scope["scheme"].encode()
    )
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


async def asked(port: int) -> tuple[bytes, bytes]:
    """The certificate that is served now, and the answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return certificate, answer


def doctor_says(port: int, certificate: Path) -> CheckLevel:
    """Of the service, where this is its certificate."""
    (found,) = check_service(Settings(port=port, tls_cert=certificate, tls_key=certificate))
    return found.level


def container_says(port: int, folder: Path, **environment: str) -> int:
    """The exit code of the container's health check, with the settings file of ``folder``."""
    command = [sys.executable, "-I", str(HEALTH)]
    given = {"KKT_PORT": str(port), "KKT_CONFIG": str(folder / "kkt-adapter.toml"), **environment}
    return subprocess.run(command, env=given, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode


def der(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((DATA / f"{name}.pem").read_text(encoding="ascii"))


async def test_renewed_files_are_served_to_new_connections_and_half_a_pair_is_not(tmp_path: Path) -> None:
    port, tls = free_port(), files(tmp_path, "one")
    started = asyncio.Event()
    server = http_server(application, limits=WireLimits(), on_ready=started.set, tls=tls)
    server.config.host, server.config.port = "127.0.0.1", port
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            await started.wait()
        certificate, answer = await asked(port)
        assert certificate == der("one")
        assert answer.endswith(b"https")
        assert await asyncio.to_thread(doctor_says, port, DATA / "one.pem") is CheckLevel.OK
        assert await asyncio.to_thread(doctor_says, port, DATA / "two.pem") is CheckLevel.WARNING
        assert await asyncio.to_thread(container_says, port, tmp_path) == 1  # it speaks http
        (tmp_path / "kkt-adapter.toml").write_text(f'tls_cert = "{tls.cert}"\ntls_key = "{tls.key}"\n')
        assert await asyncio.to_thread(container_says, port, tmp_path) == 0
        (tmp_path / "kkt-adapter.toml").unlink()
        assert await asyncio.to_thread(container_says, port, tmp_path, KKT_TLS_CERT=str(tls.cert)) == 0
        assert server._renewal is not None
        assert not server._renewal.look()
        shutil.copy(DATA / "two.pem", tmp_path / "live.pem")
        assert not server._renewal.look()  # the key is still the old one
        assert (await asked(port))[0] == der("one")
        shutil.copy(DATA / "two.key", tmp_path / "live.key")
        assert server._renewal.look()
        assert (await asked(port))[0] == der("two")
        (tmp_path / "live.key").unlink()
        assert not server._renewal.look()
        assert (await asked(port))[0] == der("two")
    finally:
        server.should_exit = True
        await serving


def test_files_that_do_not_fit_are_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be used"):
        TlsFiles(cert=tmp_path / "none.pem", key=tmp_path / "none.key").check()
    with pytest.raises(SettingsInvalid, match="cannot be used"):
        TlsFiles(cert=DATA / "one.pem", key=DATA / "two.key").check()
    TlsFiles(cert=DATA / "one.pem", key=DATA / "one.key").check()


def test_one_of_the_two_settings_is_not_enough() -> None:
    with pytest.raises(SettingsInvalid, match="go together"):
        load_settings(environment={"KKT_TLS_CERT": "x"})
