"""django-atol, unchanged, against the running service: it sells, polls, refunds, and loses an answer."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.api import server_of
from tests.support.doors.shops import SECRET, shop_settings
from tests.support.product import product

SCRIPT = Path(__file__).parents[3] / "clients" / "django_shop.py"

pytestmark = pytest.mark.skipif(
    find_spec("atol") is None and not os.environ.get("CI"),
    reason="django-atol is not installed: pip install -e '.[shops]'",
)


@asynccontextmanager
async def losing_the_first_sale(upstream: int) -> AsyncIterator[int]:
    """A proxy on a port of its own that passes one request a connection on, and does not bring back the
    answer to the first registration."""
    lost = asyncio.Event()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            length = next(
                (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0
            )
            body = await reader.readexactly(length)
            there, back = await asyncio.open_connection("127.0.0.1", upstream)
            back.write(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]) + body)
            answer = await there.read()
            back.close()
            if head.startswith(b"POST") and b"/sell " in lines[0] and not lost.is_set():
                lost.set()
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_django_atol_sells_polls_and_refunds_unchanged(tmp_path: Path) -> None:
    shop = shop_settings(convert=True)
    async with (
        product(tmp_path, shop=(shop,)) as running,
        server_of(running.services.app) as server,
        losing_the_first_sale(server.servers[0].sockets[0].getsockname()[1]) as port,
    ):
        inn = (await running.unit().profile()).registration.user_inn.strip()
        base = f"http://127.0.0.1:{port}/possystem/v4"
        process = await asyncio.create_subprocess_exec(
            sys.executable, SCRIPT, base, shop.login, SECRET, "POS-001", inn, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), timeout=100)
        assert process.returncode == 0
        got = json.loads(out)
        assert got["lost"] >= 1, "the answer to the first registration did not come back"
        assert got["repeated"] == got["sold"][0]
        sold, refunded = got["sold"][1], got["refunded"][1]
        assert (sold["total"], refunded["total"]) == (199.99, 199.99)
        assert refunded["fiscal_document_number"] == sold["fiscal_document_number"] + 1
        rows = (await running.get("/v1/kkt/receipts"))["items"]
        assert [(row["type"], row["client_key"]) for row in rows] == [
            ("refund", "refund-1"),
            ("sale", "order-1"),
        ]
