"""The HTTP side: one POST a heartbeat, on the paths of every profile."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from kkt_adapter.emulators.erp.book import BookFull, ErpBook
from kkt_adapter.emulators.erp.faults import ErpFault, ErpFaultMode, ErpFaultPlan
from kkt_adapter.emulators.erp.payload import HeartbeatPayload, read_heartbeat
from kkt_adapter.emulators.erp.sign_in import OfficeSignIn
from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.kernel.clock import Clock

PATHS = ("/api/v1/kkt/heartbeat", "/hs/kkt/heartbeat", "/webhook")
HANG_LIMIT_S = 120.0  # nobody waits longer for an answer that does not come
MAX_READ_BYTES = 4 * 1024 * 1024
FAR_AHEAD = 10**15
_PAGE = "<!doctype html><title>Odoo</title><form action='/web/login'>Log in</form>"


@dataclass(slots=True, kw_only=True)
class Manners:
    """How the back office answers while nothing is wrong; may be changed at any time."""

    interval_s: float | None = None  # asked for in every answer
    max_body_bytes: int = MAX_READ_BYTES  # a longer one gets 413
    sign_in: OfficeSignIn


class ErpServer:
    """``port`` is known after the first ``listen``."""

    def __init__(
        self, *, host: str, port: int, book: ErpBook, plan: ErpFaultPlan, manners: Manners, clock: Clock
    ) -> None:
        self.host = host
        self.book = book
        self.plan = plan
        self.manners = manners
        self.clock = clock
        self.refused: str | None = None  # why the last body was refused
        self._listener = HttpListener(host=host, port=port)

    @property
    def port(self) -> int:
        return self._listener.port

    async def listen(self) -> None:
        """Accept connections; on the same port as before if it has listened already."""
        app = web.Application(client_max_size=MAX_READ_BYTES)
        for path in PATHS:
            app.router.add_post(path, self._heartbeat)
        await self._listener.listen(app)

    async def cut(self) -> None:
        """Stop listening and cut what is open; connecting is refused from now on."""
        await self._listener.cut()

    async def _heartbeat(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        fault = self.plan.next()
        if fault.mode not in (ErpFaultMode.NONE, ErpFaultMode.SLOW):
            self.book.answers[fault.mode.value] += 1
        early = await self._instead(request, fault)
        if early is not None:
            return early
        if not self.manners.sign_in.admits(request.headers, raw, now=self.clock.now().timestamp()):
            return self._say(401, {"error": "unknown adapter or wrong token"})
        if len(raw) > self.manners.max_body_bytes:
            return self._say(413, {"error": f"over {self.manners.max_body_bytes} bytes"})
        try:
            heartbeat = await asyncio.to_thread(read_heartbeat, raw)
        except ValidationError as error:
            self.refused = error.json(include_url=False, include_input=False, include_context=False)
            return self._say(400, {"error": "not a heartbeat", "problems": json.loads(self.refused)})
        except ValueError as error:
            self.refused = str(error)
            return self._say(400, {"error": str(error)})
        try:
            acked = self.book.take(heartbeat)
        except BookFull:
            return self._say(507, {"error": "the book is full"})
        return await self._answer(request, heartbeat, acked, fault)

    async def _instead(self, request: web.Request, fault: ErpFault) -> web.StreamResponse | None:
        """What is answered without looking at the body."""
        match fault.mode:
            case ErpFaultMode.HANG:
                await asyncio.sleep(HANG_LIMIT_S)
                return web.Response(status=503)
            case ErpFaultMode.DROP:
                return _cut_off(request)
            case ErpFaultMode.LOGIN_PAGE:
                return web.Response(text=_PAGE, content_type="text/html")
            case ErpFaultMode.NOT_JSON:
                return web.Response(text="OK")
            case ErpFaultMode.CODE:
                headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
                return web.json_response({"error": "on request"}, status=fault.code, headers=headers)
        return None

    async def _answer(
        self, request: web.Request, heartbeat: HeartbeatPayload, acked: int, fault: ErpFault
    ) -> web.StreamResponse:
        content: dict[str, Any] = {"ack_event_id": acked, "server_time": self.clock.now().isoformat()}
        if self.manners.interval_s is not None:
            content["interval_s"] = self.manners.interval_s
        match fault.mode:
            case ErpFaultMode.CLOSE:
                return _cut_off(request)
            case ErpFaultMode.HALF_ANSWER:
                return await _half(request, content)
            case ErpFaultMode.SLOW_BODY:
                return await _trickle(request, content, fault.delay_s)
            case ErpFaultMode.SLOW:
                await asyncio.sleep(fault.delay_s)
            case ErpFaultMode.NO_ACK:
                return web.json_response({"status": "ok"})
            case ErpFaultMode.WRONG_ACK:
                return web.json_response(content | {"ack_event_id": acked + FAR_AHEAD})
        return self._say(200, content)

    def _say(self, status: int, content: dict[str, Any]) -> web.Response:
        self.book.answers[str(status)] += 1
        return web.json_response(content, status=status)


def _cut_off(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # goes nowhere


async def _half(request: web.Request, content: dict[str, Any]) -> web.StreamResponse:
    whole = json.dumps(content).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(whole)
    with suppress(ConnectionError):  # the client may have left already
        await response.prepare(request)
        await response.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _trickle(request: web.Request, content: dict[str, Any], seconds: float) -> web.StreamResponse:
    whole = json.dumps(content).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(whole)
    with suppress(ConnectionError):
        await response.prepare(request)
        for letter in whole:
            await asyncio.sleep(seconds / len(whole))
            await response.write(bytes([letter]))
    return response
