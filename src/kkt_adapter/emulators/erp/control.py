"""The control interface: look into the book, set faults, start anew. For tests and demonstrations.

Loopback only, no credentials; requests that a page in a browser sent (they carry ``Origin``) are refused.
"""

import json
from dataclasses import asdict
from typing import Annotated, Any, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kkt_adapter.emulators.control import (
    MAX_DELAY_S,
    MAX_FAULTS,
    MAX_LISTED,
    RETRY_AFTER,
    no_browsers,
    refused,
    whole,
)
from kkt_adapter.emulators.erp.book import ErpBook
from kkt_adapter.emulators.erp.faults import Fault, FaultMode
from kkt_adapter.emulators.erp.server import Manners


class Controlled(Protocol):
    """What the interface drives."""

    book: ErpBook
    manners: Manners

    def state(self) -> dict[str, Any]: ...

    async def set_faults(self, *faults: Fault) -> None: ...


class FaultBody(BaseModel):
    """One fault as JSON; a field that does not exist is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")

    mode: FaultMode
    code: int = Field(500, ge=200, le=599)
    delay_s: float = Field(0.0, ge=0.0, le=MAX_DELAY_S)
    retry_after: str | None = Field(None, pattern=RETRY_AFTER)
    count: int | None = Field(None, ge=1)

    def fault(self) -> Fault:
        return Fault(**self.model_dump())


class MannersBody(BaseModel):
    """What may be changed of the usual answers; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    interval_s: float | None = Field(None, ge=0.0, le=86_400.0)
    max_body_bytes: int | None = Field(None, ge=1)


def control_app(emulator: Controlled) -> web.Application:
    """The application behind ``/control``; ``emulator`` must be started."""
    faults = TypeAdapter(FaultBody | Annotated[list[FaultBody], Field(max_length=MAX_FAULTS)])

    async def state(_request: web.Request) -> web.Response:
        return _json(emulator.state())

    async def events(request: web.Request) -> web.Response:
        found = emulator.book.events(
            receipt_id=request.query.get("receipt_id"),
            after=whole(request, "after") or 0,
            limit=min(whole(request, "limit") or 100, MAX_LISTED),
        )
        return _json({"events": [event.model_dump(mode="json") for event in found]})

    async def points(_request: web.Request) -> web.Response:
        last = emulator.book.last.items()
        return _json(
            {name: beat.model_dump(mode="json", by_alias=True, exclude={"events"}) for name, beat in last}
        )

    async def set_faults(request: web.Request) -> web.Response:
        try:
            wanted = faults.validate_json(await request.read())
        except ValidationError as error:
            return refused(error, why="not understood")
        bodies = wanted if isinstance(wanted, list) else [wanted]
        await emulator.set_faults(*[body.fault() for body in bodies])
        return _json(emulator.state())

    async def lift_faults(_request: web.Request) -> web.Response:
        await emulator.set_faults()
        return _json(emulator.state())

    async def set_manners(request: web.Request) -> web.Response:
        try:
            wanted = MannersBody.model_validate_json(await request.read())
        except ValidationError as error:
            return refused(error, why="not understood")
        if "interval_s" in wanted.model_fields_set:
            emulator.manners.interval_s = wanted.interval_s
        if wanted.max_body_bytes is not None:
            emulator.manners.max_body_bytes = wanted.max_body_bytes
        return _json(emulator.state())

    async def reset(_request: web.Request) -> web.Response:
        await emulator.set_faults()
        emulator.book.reset()
        return _json(emulator.state())

    app = web.Application(middlewares=[no_browsers])
    app.router.add_get("/control/state", state)
    app.router.add_get("/control/events", events)
    app.router.add_get("/control/points", points)
    app.router.add_post("/control/faults", set_faults)
    app.router.add_delete("/control/faults", lift_faults)
    app.router.add_post("/control/manners", set_manners)
    app.router.add_post("/control/reset", reset)
    return app


def faults_json(faults: tuple[Fault, ...]) -> list[dict[str, Any]]:
    """Faults as they were posted, without what was left out."""
    shown = []
    for fault in faults:
        facts = {name: value for name, value in asdict(fault).items() if value not in (None, 0)}
        if fault.mode is not FaultMode.CODE:
            del facts["code"]
        shown.append(facts)
    return shown


def _json(content: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.json_response(text=json.dumps(content, ensure_ascii=False), status=status)
