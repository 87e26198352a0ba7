"""What a manager, or a till beside its receipts, asks a node: status and JSON, or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp

from kkt_adapter.lab.nodes import LabNode
from kkt_adapter.lab.world import World

ANSWER_S = 5.0  # real
TRIES, PAUSE_S = 60, 0.5  # real

Json = dict[str, Any]


async def ask(
    world: World, node: LabNode, method: str, path: str, body: Json | None = None
) -> tuple[int, Json] | None:
    """None: no whole answer came."""
    assert world.session is not None
    with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
        async with (
            asyncio.timeout(ANSWER_S),
            world.session.request(method, node.base_url + path, json=body) as answer,
        ):
            found = await answer.json(content_type=None)
            return (answer.status, found) if isinstance(found, dict) else None
    return None


async def ask_any(world: World, method: str, path: str, body: Json | None = None) -> tuple[int, Json] | None:
    """The first node that answers."""
    for node in world.nodes:
        told = await ask(world, node, method, path, body)
        if told is not None:
            return told
    return None


async def insist(is_done: Callable[[], Awaitable[bool]], *, otherwise: str) -> None:
    """Try for about half a minute: a node may be away. Raises RuntimeError, which says ``otherwise``."""
    for _ in range(TRIES):
        if await is_done():
            return
        await asyncio.sleep(PAUSE_S)
    raise RuntimeError(otherwise)
