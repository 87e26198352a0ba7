"""The line between lab and nodes ends with the lab, whatever was under way on it."""

import asyncio
import socket
from pathlib import Path

import pytest

from kkt_adapter.lab.control_channel import ControlChannel


@pytest.mark.parametrize("turns", range(4))
async def test_a_connection_that_is_just_being_made_ends_with_the_channel(tmp_path: Path, turns: int) -> None:
    channel = ControlChannel(tmp_path / "control")
    await channel.open()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as node:
        node.settimeout(5.0)
        node.connect(str(channel.path))
        for _ in range(turns):  # of the loop: accepted, made, served
            await asyncio.sleep(0)

        await channel.close()

        try:
            assert await asyncio.to_thread(node.recv, 1) == b""
        except ConnectionResetError:
            pass  # nobody had accepted it
