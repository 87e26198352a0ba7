"""The web shop's own server: some of the calls that it gets are lost, refused, or answered too late."""

import asyncio
from random import Random
from typing import Any

from aiohttp import web

from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.lab.doors.web_shop import WebShop
from kkt_adapter.lab.ledger import Ledger

PATH = "/called"
LATE_S = 1.5  # real: later than a node waits


class CallbackServer:
    """``shop`` is told what arrives; set it before the first call."""

    def __init__(self, ledger: Ledger, rng: Random) -> None:
        self.shop: WebShop | None = None
        self._ledger = ledger
        self._rng = rng
        app = web.Application()
        app.router.add_post(PATH, self._called)
        self._app = app
        self._listener = HttpListener(host="127.0.0.1", port=0)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        await self._listener.listen(self._app)

    async def stop(self) -> None:
        await self._listener.cut()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

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
