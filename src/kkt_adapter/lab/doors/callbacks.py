"""The web shop's own server: some of the calls that it gets are lost, refused, or answered too late."""

import asyncio
from random import Random
from typing import Any

from aiohttp import web

from kkt_adapter.lab.doors.web_shop import WebShop
from kkt_adapter.lab.ledger import Ledger
from kkt_adapter.lab.post_listener import PostListener

PATH = "/called"
LATE_S = 1.5  # real: later than a node waits


class CallbackServer:
    """``shop`` is told what arrives; set it before the first call."""

    def __init__(self, ledger: Ledger, rng: Random) -> None:
        self.shop: WebShop | None = None
        self._ledger = ledger
        self._rng = rng
        self.listener = PostListener(PATH, self._called)

    async def _called(self, request: web.Request) -> web.StreamResponse:
        packet: dict[str, Any] = await request.json()
        dice = self._rng.random()
        if dice < 0.15:
            assert request.transport is not None
            request.transport.abort()  # lost on its way
            raise asyncio.CancelledError
        if dice < 0.3:
            raise web.HTTPInternalServerError
        shop = self.shop
        asked = next((one for one in self._ledger.asked if one.receipt_id == packet["uuid"]), None)
        if shop is not None and asked is not None:
            shop.calls += 1
            shop.hear(asked, packet, node="callback")
        if dice < 0.4:
            await asyncio.sleep(LATE_S)
        return web.Response()
