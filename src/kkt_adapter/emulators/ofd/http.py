"""The HTTP side: the profile for cloud fiscalisation, accepted once per receipt id."""

import asyncio
from contextlib import suppress
from enum import StrEnum
from hashlib import blake2b

from aiohttp import web

from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.emulators.ofd.book import Kept, OfdBook, OperatorChannel
from kkt_adapter.emulators.ofd.faults import FaultDecision, OfdFaultMode, OfdFaultPlan
from kkt_adapter.emulators.ofd.ledger import Arrival
from kkt_adapter.emulators.ofd.receipt import ReceiptProblem, ReceivedReceipt, read_receipt
from kkt_adapter.emulators.ofd.tcp import HANG_LIMIT_S
from kkt_adapter.fiscal.ofd.http import HEALTH_PATH, RECEIPT_PATH
from kkt_adapter.kernel.clock import Clock

MAX_BODY_BYTES = 1024 * 1024
_PAGE = "<!doctype html><title>Welcome</title><p>Please log in to the network.</p>"


class Duplicates(StrEnum):
    """What a document that was accepted before is answered, whatever receipt id it comes with."""

    ACCEPT = "accept"  # 200 with the first answer
    CONFLICT = "conflict"  # 409 that names the receipt it was accepted for, and the document


class OfdHttpServer:
    """``port`` is known after the first ``listen``."""

    def __init__(
        self, *, host: str, port: int, book: OfdBook, plan: OfdFaultPlan, duplicates: Duplicates, clock: Clock
    ) -> None:
        self.host = host
        self.book = book
        self.plan = plan
        self.duplicates = duplicates
        self.clock = clock
        self._listener = HttpListener(host=host, port=port)

    @property
    def port(self) -> int:
        return self._listener.port

    async def listen(self) -> None:
        """Accept connections; on the same port as before if it has listened already."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(RECEIPT_PATH, self._receipt)
        app.router.add_get(HEALTH_PATH, self._health)
        await self._listener.listen(app)

    async def cut(self) -> None:
        """Stop listening and cut what is open; connecting is refused from now on."""
        await self._listener.cut()

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _receipt(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            receipt = read_receipt(request.headers.get("Idempotency-Key"), raw)
        except ReceiptProblem as problem:
            return self._refusal(422, problem.reason, str(problem))
        decision = self.plan.judge(
            OperatorChannel.HTTP,
            fn=receipt.fn_number,
            document=receipt.fd_number,
            receipt_id=receipt.receipt_id,
        )
        match decision.mode:
            case OfdFaultMode.HANG:
                self.book.answers["hang"] += 1
                await asyncio.sleep(HANG_LIMIT_S)
                return self._refusal(503, "fault", "held back on request")
            case OfdFaultMode.REFUSE:
                await asyncio.sleep(decision.delay_s)
                return self._refusal(422, "fault", "refused on request")
            case OfdFaultMode.CODE:
                await asyncio.sleep(decision.delay_s)
                response = self._refusal(decision.code, "fault", "answered so on request")
                if decision.retry_after is not None:
                    response.headers["Retry-After"] = decision.retry_after
                return response
        arrival = self._enter(receipt, raw)
        if arrival not in (Arrival.NEW, Arrival.REPEATED):
            return self._refusal(422, arrival.value, "another receipt has this document, or the book is full")
        await asyncio.sleep(decision.delay_s)
        return await self._answer(request, receipt, arrival, decision)

    def _enter(self, receipt: ReceivedReceipt, raw: bytes) -> Arrival:
        kept = Kept(
            sequence=0,
            transport=OperatorChannel.HTTP,
            fn_number=receipt.fn_number,
            fd_number=receipt.fd_number,
            code=receipt.code,
            raw=raw,
            received_at=self.clock.now(),
            receipt_id=receipt.receipt_id,
        )
        return self.book.receive_receipt(receipt.receipt_id, kept, content=receipt.content)

    async def _answer(
        self, request: web.Request, receipt: ReceivedReceipt, arrival: Arrival, decision: FaultDecision
    ) -> web.StreamResponse:
        match decision.mode:
            case OfdFaultMode.BAD_CRC:
                self.book.answers["bad_crc"] += 1
                return web.Response(text=_PAGE, content_type="text/html")
            case OfdFaultMode.CLOSE:
                self.book.answers["close"] += 1
                return _cut_off(request)
            case OfdFaultMode.HALF_ANSWER:
                self.book.answers["half_answer"] += 1
                return await _half(request, self._decision(receipt, arrival))
        self.book.confirm(receipt.fn_number, receipt.fd_number)
        response = self._decision(receipt, arrival)
        self.book.answers["accepted" if response.status == 200 else "http_409"] += 1
        return response

    def _decision(self, receipt: ReceivedReceipt, arrival: Arrival) -> web.Response:
        facts = {
            "ofd_id": blake2b(receipt.receipt_id.encode(), digest_size=8).hexdigest(),
            "timestamp": self.book.receipts[receipt.receipt_id].accepted_at,
        }
        if arrival is Arrival.REPEATED and self.duplicates is Duplicates.CONFLICT:
            document = {
                "fn_number": receipt.fn_number,
                "fiscal_doc_number": receipt.fd_number,
                "fiscal_sign": receipt.fiscal_sign,
            }
            first = self.book.first_receipt(receipt.fn_number, receipt.fd_number) or receipt.receipt_id
            error = f"receipt {first} was accepted before"
            answer = {"error": error, "receipt_id": first, **document, **facts}
            return web.json_response(answer, status=409)
        return web.json_response({"status": "accepted", **facts})

    def _refusal(self, status: int, reason: str, text: str) -> web.Response:
        self.book.refusals[reason] += 1
        return web.json_response({"error": text, "reason": reason}, status=status)


def _cut_off(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # goes nowhere


async def _half(request: web.Request, whole: web.Response) -> web.StreamResponse:
    content = whole.body
    assert isinstance(content, bytes)
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    response.content_length = len(content)
    with suppress(ConnectionError):  # the client may have left already
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
