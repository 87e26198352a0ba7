"""Emulators' control interfaces answer programs on this machine only."""

import httpx2
import pytest

from kkt_adapter.emulators.ofd import OfdEmulator


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "[::1]:1234"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8080"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_page_cannot_give_orders_to_an_emulator(headers: dict[str, str], status: int) -> None:
    emulator = OfdEmulator()
    await emulator.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{emulator.control_port}") as client:
            assert (await client.get("/control/state", headers=headers)).status_code == status
    finally:
        await emulator.stop()
