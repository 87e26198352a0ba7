"""What ``doctor`` says of ATOL's web server, whose answers are written down here."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from kkt_adapter.cli.checks.atol_checkup import clock_findings, look
from kkt_adapter.settings import RegisterSettings

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


@pytest.fixture
async def old_server() -> AsyncIterator[str]:
    """Version 1 only: ``/stat/requests`` answers, everything else is a page that says 404."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        knows = head.startswith(b"GET /stat/requests ")
        body = b'{"is_blocked": false, "ready_count": 3}' if knows else b"<h1>404 Not Found</h1>"
        status = b"200 OK" if knows else b"404 Not Found"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)))
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_server_of_the_old_api_is_named(old_server: str) -> None:
    register = RegisterSettings(id="KKT-1", driver="atol", address=old_server, pos_ids=("POS-001",))
    first, *_ = await look(register, NOW)
    assert "version 1" in first.found.en
    assert first.remedy is not None and "10.10.8" in first.remedy.en


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Sat, 14 Mar 2026 09:00:40 GMT", False),
        ("Sat, 14 Mar 2026 08:54:00 GMT", True),
        ("Sat, 14 Mar 2026 12:00:00 GMT", True),
        ("", False),
        ("yesterday", False),
        ("Sat, 14 Mar 2026 12:00:00", False),  # no zone: nothing is known
    ],
)
def test_the_clock_of_the_pc_is_compared(date: str, said: bool) -> None:
    assert len(list(clock_findings("register KKT-1", date, NOW))) == said
