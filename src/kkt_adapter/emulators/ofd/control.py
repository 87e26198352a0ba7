"""The control interface: look into the book, set faults, start anew. For tests and demonstrations.

Loopback only, no credentials; requests that a page in a browser sent (they carry ``Origin``) are refused.
"""

import asyncio
import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from kkt_adapter.emulators.control import (
    MAX_DELAY_S,
    MAX_LISTED,
    RETRY_AFTER,
    Body,
    control_application,
    whole,
)
from kkt_adapter.emulators.ofd.book import Kept, OperatorChannel
from kkt_adapter.emulators.ofd.faults import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.ofd.describe import describe

if TYPE_CHECKING:
    from kkt_adapter.emulators.ofd.emulator import OfdEmulator


class OfdFaultBody(Body):
    """One fault as JSON."""

    mode: OfdFaultMode
    code: int = Field(0, ge=0, le=599)
    delay_s: float = Field(0.0, ge=0.0, le=MAX_DELAY_S)
    fn: str | None = None
    document: int | None = Field(None, ge=1)
    receipt_id: str | None = None
    count: int | None = Field(None, ge=1)
    retry_after: str | None = Field(None, pattern=RETRY_AFTER)


def control_app(emulator: "OfdEmulator") -> web.Application:
    """The application behind ``/control``; ``emulator`` must be started."""

    async def documents(request: web.Request) -> web.Response:
        limit = whole(request, "limit") or 100
        found = emulator.book.documents(
            fn_number=request.query.get("fn"), limit=min(limit, MAX_LISTED), after=whole(request, "after")
        )
        return _text(await asyncio.to_thread(lambda: _dump({"documents": [kept_json(k) for k in found]})))

    async def document(request: web.Request) -> web.Response:
        fn_number, number = request.match_info["fn"], int(request.match_info["number"])
        kept = emulator.book.document(fn_number, number)
        if kept is None:
            return _json({"error": f"document {number} of FN {fn_number} is not kept"}, status=404)
        return _json(kept_json(kept, raw=True))

    async def reset(_request: web.Request) -> web.Response:
        await emulator.set_faults()
        emulator.book.reset()
        return _json(emulator.state())

    app = control_application(
        emulator.state, body=OfdFaultBody, fault=OfdFault, set_faults=emulator.set_faults
    )
    app.router.add_get("/control/documents", documents)
    app.router.add_get(r"/control/documents/{fn:\d{1,16}}/{number:\d{1,10}}", document)
    app.router.add_post("/control/reset", reset)
    return app


def faults_json(faults: tuple[OfdFault, ...]) -> list[dict[str, Any]]:
    """Faults as they were posted, without what was left out."""
    return [{k: v for k, v in asdict(fault).items() if v not in (None, 0)} for fault in faults]


def kept_json(kept: Kept, *, raw: bool = False) -> dict[str, Any]:
    """A kept document with its decoded contents; decoding happens here, on request."""
    facts: dict[str, Any] = {
        "sequence": kept.sequence,
        "transport": kept.transport,
        "fn": kept.fn_number,
        "number": kept.fd_number,
        "code": kept.code,
        "received_at": kept.received_at.isoformat(),
        "repeated": kept.repeated,
    }
    if kept.transport is OperatorChannel.HTTP:
        return {**facts, "receipt_id": kept.receipt_id, "body": json.loads(kept.raw, parse_float=Decimal)}
    described = describe(kept.raw)
    facts["document"] = described.json()
    if raw:
        facts |= {"envelope": described.envelope(), "raw": kept.raw.hex()}
    return facts


def _json(content: dict[str, Any], *, status: int = 200) -> web.Response:
    return _text(_dump(content), status=status)


def _text(text: str, *, status: int = 200) -> web.Response:
    return web.json_response(text=text, status=status)


def _dump(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, default=_decimal)


def _decimal(value: Any) -> str:
    """Money of the HTTP profile is shown as text, exactly as it came."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} is not JSON")
