"""The control interface of an emulated register: look, set faults, move paper and power. Loopback only."""

from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import Field

from kkt_adapter.emulators.control import (
    MAX_DELAY_S,
    MAX_LISTED,
    Body,
    as_json,
    control_application,
    fn_document,
    read,
    whole,
)
from kkt_adapter.emulators.shtrih.faults import ShtrihFault, ShtrihFaultMode
from kkt_adapter.emulators.shtrih.machine import ShtrihMachine
from kkt_adapter.fiscal.kkt.virtual.state import Blocked

if TYPE_CHECKING:
    from kkt_adapter.emulators.shtrih.emulator import ShtrihEmulator


class ShtrihFaultBody(Body):
    """One fault as JSON."""

    mode: ShtrihFaultMode
    command: str | None = Field(None, pattern=r"^([0-9a-fA-F]{2}){1,2}$")
    at: int = Field(0, ge=0, le=10_000)
    code: int = Field(0x33, ge=1, le=255)
    delay_s: float = Field(0.0, ge=0.0, le=MAX_DELAY_S)
    count: int | None = Field(1, ge=1)
    skip: int = Field(0, ge=0)


class ShtrihConditionBody(Body):
    """Lasting conditions; what is left out stays as it is."""

    paper: bool | None = None
    cover_open: bool | None = None
    down: bool | None = None
    fn: Blocked | None = None
    fn_works: bool | None = None
    mark_answer: str | None = Field(None, pattern=r"^(good|bad|offline|silent|refused)$")


class FieldBody(Body):
    """One field of a table, as a person would set it at the device."""

    table: int = Field(ge=1, le=255)
    row: int = Field(1, ge=1, le=65535)
    field: int = Field(ge=1, le=255)
    value: int | str


def control_app(emulator: "ShtrihEmulator") -> web.Application:
    def state() -> web.Response:
        return as_json(emulator.state())

    async def documents(request: web.Request) -> web.Response:
        last = emulator.machine.status().fd_number
        first = (whole(request, "after") or 0) + 1
        limit = min(whole(request, "limit") or 100, MAX_LISTED)
        numbers = range(first, min(last, first + limit - 1) + 1)
        return as_json({"documents": [fn_document(emulator.machine.fn, number) for number in numbers]})

    async def conditions(request: web.Request) -> web.Response:
        wanted = await read(request, ShtrihConditionBody, why="no condition")
        _set(emulator.machine, wanted)
        if wanted.down is not None:
            await emulator.set_down(wanted.down)
        return state()

    async def power(_request: web.Request) -> web.Response:
        await emulator.power_cycle()
        return state()

    async def drop(_request: web.Request) -> web.Response:
        emulator.drop_connection()
        return state()

    async def set_field(request: web.Request) -> web.Response:
        wanted = await read(request, FieldBody, why="no field of a table")
        found = emulator.machine.tables.fields.get((wanted.table, wanted.row, wanted.field))
        if found is None or type(found.value) is not type(wanted.value):
            return as_json({"error": "there is no such field, or it holds something else"}, status=404)
        found.value = wanted.value
        return state()

    app = control_application(
        emulator.state, body=ShtrihFaultBody, fault=ShtrihFault, set_faults=emulator.set_faults
    )
    app.router.add_get("/control/documents", documents)
    app.router.add_post("/control/conditions", conditions)
    app.router.add_post("/control/power", power)
    app.router.add_post("/control/drop", drop)
    app.router.add_post("/control/tables", set_field)
    return app


def _set(machine: ShtrihMachine, wanted: ShtrihConditionBody) -> None:
    if wanted.paper is not None:
        machine.set_paper(present=wanted.paper)
    if wanted.cover_open is not None:
        machine.cover_open = wanted.cover_open
    if wanted.fn is not None or wanted.fn_works:
        machine.forced = wanted.fn
    if wanted.mark_answer is not None:
        machine.mark_answer = wanted.mark_answer
