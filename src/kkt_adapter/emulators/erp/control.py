"""The control interface: look into the book, set faults, start anew. For tests and demonstrations.

Loopback only, no credentials; requests that a page in a browser sent (they carry ``Origin``) are refused.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from kkt_adapter.emulators.control import (
    MAX_DELAY_S,
    MAX_LISTED,
    RETRY_AFTER,
    Body,
    as_json,
    control_application,
    read,
    whole,
)
from kkt_adapter.emulators.erp.faults import ErpFault, ErpFaultMode

if TYPE_CHECKING:
    from kkt_adapter.emulators.erp.emulator import ErpEmulator


class ErpFaultBody(Body):
    """One fault as JSON."""

    mode: ErpFaultMode
    code: int = Field(500, ge=200, le=599)
    delay_s: float = Field(0.0, ge=0.0, le=MAX_DELAY_S)
    retry_after: str | None = Field(None, pattern=RETRY_AFTER)
    count: int | None = Field(None, ge=1)


class MannersBody(Body):
    """What may be changed of the usual answers; what is left out stays."""

    interval_s: float | None = Field(None, ge=0.0, le=86_400.0)
    max_body_bytes: int | None = Field(None, ge=1)


def control_app(emulator: "ErpEmulator") -> web.Application:
    """The application behind ``/control``; ``emulator`` must be started."""

    async def events(request: web.Request) -> web.Response:
        found = emulator.book.events(
            receipt_id=request.query.get("receipt_id"),
            after=whole(request, "after") or 0,
            limit=min(whole(request, "limit") or 100, MAX_LISTED),
        )
        return as_json({"events": [event.model_dump(mode="json") for event in found]})

    async def points(_request: web.Request) -> web.Response:
        last = emulator.book.last.items()
        return as_json(
            {name: beat.model_dump(mode="json", by_alias=True, exclude={"events"}) for name, beat in last}
        )

    async def set_manners(request: web.Request) -> web.Response:
        wanted = await read(request, MannersBody, why="not understood")
        if "interval_s" in wanted.model_fields_set:
            emulator.manners.interval_s = wanted.interval_s
        if wanted.max_body_bytes is not None:
            emulator.manners.max_body_bytes = wanted.max_body_bytes
        return as_json(emulator.state())

    async def reset(_request: web.Request) -> web.Response:
        await emulator.set_faults()
        emulator.book.reset()
        return as_json(emulator.state())

    app = control_application(
        emulator.state, body=ErpFaultBody, fault=ErpFault, set_faults=emulator.set_faults
    )
    app.router.add_get("/control/events", events)
    app.router.add_get("/control/points", points)
    app.router.add_post("/control/manners", set_manners)
    app.router.add_post("/control/reset", reset)
    return app


def faults_json(faults: tuple[ErpFault, ...]) -> list[dict[str, Any]]:
    """Faults as they were posted, without what was left out."""
    shown = []
    for fault in faults:
        facts = {name: value for name, value in asdict(fault).items() if value not in (None, 0)}
        if fault.mode is not ErpFaultMode.CODE:
            del facts["code"]
        shown.append(facts)
    return shown
