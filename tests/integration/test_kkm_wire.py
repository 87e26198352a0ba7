"""``/Execute`` over real connections: clients that leave, a service that stops, a port of its own."""

import asyncio
import json
from pathlib import Path

import httpx2
from tests.support.api import served
from tests.support.kkm import basic, execute, receipts_in, sale, shop
from tests.support.product import Product, product

from kkt_adapter.api.app import end_held, only_execute


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


async def test_a_client_that_leaves_and_presses_again_has_one_receipt(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running, served(running.services.app) as port:
        running.break_register(paper_out=True)
        held = running.services.app.state.services.doors[0]._commands.holds
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
        commands = running.services.app.state.services.doors[0]._commands

        async def all_held() -> bool:
            return len(commands.holds) == 5

        await running.until(all_held)
        assert (await execute(running.client, {"Command": "List"}))["Status"] == 0
        end_held(running.services.app)
        answers = await asyncio.gather(*held)
        assert {answer["Status"] for answer in answers} == {1}
        assert all(answer["Error"] for answer in answers)


async def test_the_port_of_its_own_serves_commands_only(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(),)) as running:
        only = httpx2.ASGITransport(app=only_execute(running.services.app))
        async with httpx2.AsyncClient(transport=only, base_url="http://localhost:5893") as client:
            assert (await execute(client, {"Command": "List"}))["Status"] == 0
            assert "/Execute" in (await client.get("/")).text
            for path in ("/v1/health", "/ui/", "/metrics", "/docs"):
                assert (await client.get(path)).status_code == 404
