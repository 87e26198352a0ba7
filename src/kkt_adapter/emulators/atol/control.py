"""The control interface of the emulated machines: look, set faults, move cables and paper. Loopback only."""

from typing import Literal

from aiohttp import web
from pydantic import Field

from kkt_adapter.emulators.atol.emulator import AtolEmulator
from kkt_adapter.emulators.atol.faults import AtolFault, AtolFaultMode
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
from kkt_adapter.fiscal.kkt.virtual.state import Blocked


class AtolFaultBody(Body):
    """One fault as JSON."""

    mode: AtolFaultMode
    step: Literal["post", "get", "delete", "look"] | None = None
    task: str | None = None
    at: int = Field(0, ge=0, le=100_000)
    code: int = Field(2, ge=1, le=999)
    delay_s: float = Field(0.0, ge=0.0, le=MAX_DELAY_S)
    foreign: bool = False
    count: int | None = Field(1, ge=1)
    skip: int = Field(0, ge=0)


class AtolConditionBody(Body):
    """Lasting conditions; what is left out stays as it is."""

    down: bool | None = None  # the web server
    linked: bool | None = None  # web server and register
    paper: bool | None = None
    cover_open: bool | None = None
    active: bool | None = None
    licence: bool | None = None
    ofd_channel: Literal["auto", "none"] | None = None
    default_device: str | None = None
    archived_up_to: int | None = Field(None, ge=0)
    fn: Blocked | None = None
    fn_works: bool | None = None
    mark_answer: Literal["good", "bad", "offline", "silent", "refused"] | None = None


class RestartBody(Body):
    forget: bool = False


def control_app(emulator: AtolEmulator) -> web.Application:
    def state() -> web.Response:
        return as_json(emulator.state())

    async def documents(request: web.Request) -> web.Response:
        first, count = whole(request, "from") or 1, min(whole(request, "count") or 100, MAX_LISTED)
        machine = emulator.machine
        last = min(machine.status().fd_number, first + count - 1)
        return as_json({"documents": [fn_document(machine.fn, n) for n in range(max(first, 1), last + 1)]})

    async def conditions(request: web.Request) -> web.Response:
        wanted = await read(request, AtolConditionBody, why="no condition")
        if wanted.default_device not in (None, *emulator.server.devices):
            return as_json({"error": "there is no such device"}, status=404)
        _set(emulator, wanted)
        if wanted.down is not None:
            await emulator.set_down(wanted.down)
        return state()

    async def restart(request: web.Request) -> web.Response:
        wanted = await read(request, RestartBody, why="no restart")
        await emulator.restart_web(forget=wanted.forget)
        return state()

    async def swap_fn(_request: web.Request) -> web.Response:
        emulator.swap_fn()
        return state()

    app = control_application(
        emulator.state, body=AtolFaultBody, fault=AtolFault, set_faults=emulator.set_faults
    )
    app.router.add_get("/control/documents", documents)
    app.router.add_post("/control/conditions", conditions)
    app.router.add_post("/control/restart", restart)
    app.router.add_post("/control/fn", swap_fn)
    return app


def _set(emulator: AtolEmulator, wanted: AtolConditionBody) -> None:
    device, machine = emulator.device, emulator.machine
    for owner, name, value in (
        (machine, "linked", wanted.linked),
        (machine, "paper", wanted.paper),
        (machine, "cover_open", wanted.cover_open),
        (machine, "mark_answer", wanted.mark_answer),
        (device, "active", wanted.active),
        (device, "licence", wanted.licence),
        (device, "ofd_channel", wanted.ofd_channel),
        (device.queries, "archived_up_to", wanted.archived_up_to),
        (emulator.server, "default", wanted.default_device),
    ):
        if value is not None:
            setattr(owner, name, value)
    if wanted.fn is not None or wanted.fn_works:
        machine.forced = wanted.fn
