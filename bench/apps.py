"""The baselines that answer HTTP. ``python -m bench.apps NAME FOLDER --tills N`` serves one of them:

echo         the product's app, edge, validation and fiscal rules; answers a ready text and stores nothing
per-request  a minimal app with the same validation, the same tables and the same device; every receipt
             takes two commits of its own under one lock
"""

import argparse
import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from bench import steps
from bench.processes import till_name
from bench.steps import Till
from kkt_adapter.api.app import create_api
from kkt_adapter.api.body import read_body
from kkt_adapter.api.schemas.receipt import parse_receipt
from kkt_adapter.api.services import ApiServices, BuyerServices, WatchServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.api.wire.server import http_server
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.intake.stored_answers import Acceptance
from kkt_adapter.fiscal.kkt.virtual import FnPool, VirtualRegister
from kkt_adapter.fiscal.model import ReceiptRequest
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.slip.links import SECRET_BYTES, ReceiptLinks
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.runtime import memory

CONNECTIONS = 2048
_HEADERS = [(b"content-type", b"application/json")]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("name", choices=("echo", "per-request"))
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--tills", type=int, required=True)
    given = arguments.parse_args()
    make: Callable[[Path, list[Till]], ASGIApp] = echo if given.name == "echo" else per_request
    app = make(given.folder, [steps.till(number) for number in range(given.tills)])
    memory.tune()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(_serve(app))


async def _serve(app: ASGIApp) -> None:
    """The product's server and its limits, for connections enough."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    gc.freeze()
    await http_server(app, limits=WireLimits(connections=CONNECTIONS)).serve(sockets=[listening])


class EchoIntake:
    """Everything the product does before the first statement, then a text of the usual size."""

    def __init__(self, tills: list[Till]) -> None:
        self._tills = {till_name(number): till for number, till in enumerate(tills)}
        self._answer = b""

    async def accept(self, request: ReceiptRequest, *, key: str, sent: AsSent) -> Acceptance:
        till = self._tills[request.pos_id]
        found = steps.checked(request, key, till)
        if not self._answer:
            document = steps.document(found, till, fd_number=1)
            doc = reply.fiscal_doc(document, found.receipt, till.registration)
            place = Place(stamp=HybridTimestamp(1, 0), queue_position=1)
            self._answer = reply.printed(document, found.receipt, place, doc=doc, warnings=()).encode()
        return Acceptance(body=self._answer, replayed=False)


def echo(folder: Path, tills: list[Till]) -> ASGIApp:
    nobody = cast(Any, None)
    services = dict.fromkeys(ApiServices.__dataclass_fields__, nobody)
    links = ReceiptLinks(secret=bytes(SECRET_BYTES))
    services |= {
        "intake": EchoIntake(tills),
        "doors": (),
        "buyer": BuyerServices(links=links, receipts=nobody),
        "watch": WatchServices(overview=nobody, sales=nobody, metrics=nobody, cards=nobody),
    }
    return create_api(ApiServices(**services), ApiSettings())


class PerRequest:
    """What one would write first: correct, durable, and one receipt at a time."""

    def __init__(self, folder: Path, tills: list[Till]) -> None:
        self._tills = {till_name(number): till for number, till in enumerate(tills)}
        pool = FnPool(threads=0)
        self._devices = {name: _device(folder, till, pool) for name, till in self._tills.items()}
        self._ready: set[str] = set()
        self._conn = steps.new_database(folder / "per-request.db", tills)
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/health":
            await _answer(send, b"{}")
            return
        key = dict(scope["headers"])[b"idempotency-key"].decode()
        request = parse_receipt(await read_body(receive)).request
        till, device = self._tills[request.pos_id], self._devices[request.pos_id]
        found = steps.checked(request, key, till)
        item = steps.accept_item(request, found, key, till, fd_number=2)
        async with self._lock:
            accepted = await asyncio.to_thread(self._accept, item)
        if request.pos_id not in self._ready:
            self._ready.add(request.pos_id)
            await device.open()
            await device.open_shift(steps.CASHIER, term=1)
        document = await device.fiscalize(found.receipt, term=1)
        written = steps.written_item(found, accepted, document, till)
        async with self._lock:
            await asyncio.to_thread(steps.write_down, self._conn, [written])
        await _answer(send, written.answer.encode())

    def _accept(self, item: AcceptItem) -> Accepted:
        return steps.accept(self._conn, [item])[0]


def per_request(folder: Path, tills: list[Till]) -> ASGIApp:
    return PerRequest(folder, tills)


def _device(folder: Path, till: Till, pool: FnPool) -> VirtualRegister:
    return VirtualRegister.in_folder(
        folder,
        till.profile.register_id,
        registration=till.registration,
        pool=pool,
        clock=SystemClock(),
        zone=ZoneInfo("UTC"),
        fsync=False,
    )


async def _answer(send: Send, body: bytes) -> None:
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    main()
