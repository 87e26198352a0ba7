"""POST of a receipt, from bytes to bytes."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kkt_adapter.api.access import OPEN, Action, check_till
from kkt_adapter.api.body import BODY, read_body
from kkt_adapter.api.entry.core import CoreServices
from kkt_adapter.api.entry.keys import key_in
from kkt_adapter.api.entry.rights import admitted
from kkt_adapter.api.negotiation import ranks_english_first
from kkt_adapter.api.schemas.receipt import ParsedReceipt, read_receipt
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.runtime.log import about, get_logger

PATH: Final = "/v1/kkt/receipt"
PARSED_ON_THE_LOOP_BYTES = 64 * 1024  # a larger body is parsed in a thread: it may take tens of milliseconds

log = get_logger("api")


class AcceptReceipt:
    """POST of a receipt, as plain ASGI: body bytes in, answer bytes out, nothing in between walks over them.

    A client that goes away while its receipt is being stored changes nothing: the server does not cancel the
    request, and the intake does not cancel what it has begun.
    """

    def __init__(self, core: CoreServices, settings: ApiSettings) -> None:
        self._intake = core.intake
        self._open = settings.auth_open
        self._refuse_unknown = settings.refuse_unknown_fields
        self._links = core.links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = OPEN if self._open else await admitted(Request(scope), Action.RECEIPT_ACCEPT)
        key = key_in(scope["headers"])
        raw = scope.get(BODY)
        if raw is None:
            raw = await read_body(receive)
        parsed = await _parse(raw, refuse_unknown=self._refuse_unknown)
        about(pos_id=parsed.request.pos_id)
        if parsed.ignored:
            log.info("unknown_fields_ignored", fields=parsed.ignored)
        check_till(principal, parsed.request.pos_id)
        sent = parsed.sent
        if _wants_english(scope["headers"]):
            sent = replace(sent, english=True)
        if sent.broken:
            acceptance = await self._intake.replay_first(key=key, sent=sent)
            if acceptance is None:
                raise await self._intake.refusal(parsed.request, key=key, sent=sent)
        else:
            acceptance = await self._intake.accept(parsed.request, key=key, sent=sent)
        body = self._links.added_to(acceptance.body)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"content-language", b"en" if sent.english else b"ru"),
        ]
        if acceptance.replayed:
            headers.append((b"idempotency-replayed", b"true"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _wants_english(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == b"accept-language":
            return ranks_english_first(value.decode("latin-1"))
    return False


async def _parse(raw: bytes, *, refuse_unknown: bool) -> ParsedReceipt:
    if len(raw) > PARSED_ON_THE_LOOP_BYTES:
        return await asyncio.to_thread(read_receipt, raw, refuse_unknown=refuse_unknown)
    return read_receipt(raw, refuse_unknown=refuse_unknown)
