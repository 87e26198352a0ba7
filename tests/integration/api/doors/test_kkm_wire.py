"""``/Execute`` over real connections: clients that leave, a service that stops, a port of its own."""

import asyncio
import json
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.api import served
from tests.support.doors.kkm import basic, execute, receipts_in, sale, shop
from tests.support.product import Product, product

from kkt_adapter.api.doors.execute_path import NAME
from kkt_adapter.api.wire.tls import TlsFiles
from kkt_adapter.cli.service.serve import web_servers
from kkt_adapter.runtime.connection_counts import ConnectionCounts

TLS = Path(__file__).parents[3] / "data" / "tls"


async def _leave(port: int, command: dict[str, object], running: Product) -> None:
    """Send a command, and close the connection once it is stored."""
    body = json.dumps(command).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /Execute HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {basic()}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    key = str(command["IdCommand"])

    async def stored() -> bool:
        found = await execute(running.client, {"Command": "GetRezult", "IdCommand": key, "Timeout": 1})
        return bool(found["Status"] == 1)

    await running.until(stored)
    writer.close()
    await writer.wait_closed()


async def _challenged(port: int) -> None:
    """As .NET signs in: no credentials before the challenge, and the body after 100 Continue."""
    body = json.dumps({"Command": "List"}).encode()
    for given, status in (("", b"401"), (f"Authorization: {basic()}\r\n", b"200")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /Execute HTTP/1.1\r\nHost: 127.0.0.1\r\n{given}Expect: 100-continue\r\n"
        writer.write(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            first = await reader.readline()
            if b" 100 " in first:
                await reader.readline()
                writer.write(body)
                first = await reader.readline()
        assert first.split()[1] == status, first
        writer.close()
        await writer.wait_closed()


def execute_door(running: Product) -> Any:
    (way,) = (way for way in running.services.app.state.services.doors if way.name == NAME)
    return way.door.now()


async def test_a_client_that_leaves_and_presses_again_has_one_receipt(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running, served(running.services.app) as port:
        await _challenged(port)
        running.break_register(paper_out=True)
        held = execute_door(running)._commands.holds
        await _leave(port, sale("first"), running)

        async def nobody_waits() -> bool:
            return len(held) == 0

        await running.until(nobody_waits)
        pressed = asyncio.create_task(execute(running.client, sale("second")))
        running.faults().clear()
        answer = await pressed
        assert (answer["Status"], "[just_registered]" in answer["Error"]) == (2, True), answer
        assert receipts_in(running) == 1
        assert (await execute(running.client, sale("third")))["Status"] == 0
        await running.check_books()


async def test_held_answers_hold_no_place_and_end_with_status_1_at_a_stop(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),), max_in_flight=1) as running:
        running.break_register(paper_out=True)
        held = [asyncio.create_task(execute(running.client, sale(f"h{n}", Cash=100 + n))) for n in range(5)]
        commands = execute_door(running)._commands

        async def all_held() -> bool:
            return len(commands.holds) == 5

        await running.until(all_held)
        assert (await execute(running.client, {"Command": "List"}))["Status"] == 0
        running.services.app.end_held()
        answers = await asyncio.gather(*held)
        assert {answer["Status"] for answer in answers} == {1}
        assert all(answer["Error"] for answer in answers)


async def test_the_port_of_its_own_serves_commands_only(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        only = httpx2.ASGITransport(app=running.services.app.only_execute())
        async with httpx2.AsyncClient(transport=only, base_url="http://localhost:5893") as client:
            assert (await execute(client, {"Command": "List"}))["Status"] == 0
            assert "/Execute" in (await client.get("/")).text
            for path in ("/v1/health", "/ui/", "/metrics", "/docs"):
                assert (await client.get(path)).status_code == 404


async def _all_started(servers: list[Any]) -> bool:
    return all(server.started for server in servers)


@asynccontextmanager
async def both_ports(running: Product, files: TlsFiles, **changes: Any) -> AsyncIterator[tuple[Any, Any]]:
    """The service's port and KkmServer's, as ``serve`` opens them; each with the server behind it."""
    settings = running.settings.model_copy(update=changes)
    listening = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    servers = web_servers(
        running.services.app, listening, settings=settings, tls=files, counts=ConnectionCounts(),
        on_ready=lambda: None,
    )  # fmt: skip
    serving = [
        asyncio.create_task(server.serve(sockets=[sock]))
        for server, sock in zip(servers, listening, strict=True)
    ]
    try:
        await running.until(lambda: _all_started(servers))
        first, second = (
            (sock.getsockname()[1], server) for sock, server in zip(listening, servers, strict=True)
        )
        yield first, second
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)
        for sock in listening:
            sock.close()


async def listed_by(port: int, certificate: Path | None) -> int:
    """The Status of List over https with this certificate alone trusted, or over http."""
    verify: ssl.SSLContext | bool = True
    if certificate is not None:
        verify = ssl.create_default_context(cafile=certificate)
        verify.check_hostname = False
        verify.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    scheme = "http" if certificate is None else "https"
    async with httpx2.AsyncClient(base_url=f"{scheme}://127.0.0.1:{port}", verify=verify) as client:
        return int((await execute(client, {"Command": "List"}))["Status"])


async def test_kkmserver_tls_is_that_of_the_service_or_off(tmp_path: Path) -> None:
    for ending in ("pem", "key"):
        shutil.copy(TLS / f"one.{ending}", tmp_path / f"live.{ending}")
    files = TlsFiles(cert=tmp_path / "live.pem", key=tmp_path / "live.key")
    async with product(tmp_path, shop=(shop(),)) as running:
        async with both_ports(running, files, kkmserver_tls="auto") as ((port, main), (own, execute_only)):
            assert await listed_by(port, TLS / "one.pem") == await listed_by(own, TLS / "one.pem") == 0
            with pytest.raises(httpx2.TransportError):
                await listed_by(own, None)
            for ending in ("pem", "key"):
                shutil.copy(TLS / f"two.{ending}", tmp_path / f"live.{ending}")
            for server in (main, execute_only):
                await server.on_tick(0)  # as twice a minute
            assert await listed_by(port, TLS / "two.pem") == await listed_by(own, TLS / "two.pem") == 0
            with pytest.raises(httpx2.TransportError):
                await listed_by(own, TLS / "one.pem")
        async with both_ports(running, files, kkmserver_tls="off") as ((port, _), (own, _)):
            assert await listed_by(port, TLS / "two.pem") == await listed_by(own, None) == 0
            with pytest.raises(httpx2.TransportError):
                await listed_by(port, None)
