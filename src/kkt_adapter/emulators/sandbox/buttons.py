"""The buttons: operator down, register slow, paper out, answer lost, and the clock.

JSON in, the whole state out. With accounts (a service that listens beyond loopback) they need an admin's.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kkt_adapter.bootstrap import Services
from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.emulators.sandbox.clock import SandboxClock
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualRegister
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.kernel.errors import AdapterError, InvalidInput, NotAllowed
from kkt_adapter.kernel.timefmt import iso_of
from kkt_adapter.runtime.auth.roles import Role

MOUNT = "/sandbox"
MAX_BODY_BYTES = 4096
MAX_STEP_S = 400 * 86_400
MAX_AHEAD_S = 20 * 366 * 86_400  # an FN lasts three years
MAX_SLOW_S = 600.0
CONFIRMED = "the sandbox's own clock"

Json = dict[str, Any]
Press = Callable[[Request, Json], Awaitable[None]]


def buttons(services: Services, *, clock: SandboxClock, operator: OfdEmulator | None) -> Starlette:
    """The application to be mounted at ``MOUNT``. ``operator``: the emulator, where there is one."""
    panel = _Panel(services, clock=clock, operator=operator)
    return Starlette(
        routes=[
            Route("/", panel.state),
            Route("/clock", panel.press(panel.move_clock), methods=["POST"]),
            Route("/operator", panel.press(panel.set_operator), methods=["POST"]),
            Route("/registers/{register_id}", panel.press(panel.set_register), methods=["POST"]),
            Route("/reset", panel.press(panel.reset), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _of_no_button},
    )


class _Panel:
    def __init__(self, services: Services, *, clock: SandboxClock, operator: OfdEmulator | None) -> None:
        self._services = services
        self._clock = clock
        self._operator = operator

    async def state(self, request: Request) -> Response:
        try:
            await self._admit(request)
        except AdapterError as error:
            return _refused(error)
        return self._shown()

    def press(self, act: Press) -> Callable[[Request], Awaitable[Response]]:
        async def pressed(request: Request) -> Response:
            try:
                await self._admit(request)
                await act(request, await _body(request))
            except AdapterError as error:
                return _refused(error)
            return self._shown()

        return pressed

    async def move_clock(self, request: Request, body: Json) -> None:
        """``advance_s``: seconds forward. The clock counts as confirmed."""
        step_s = _number(body, "advance_s", most=MAX_STEP_S)
        if any(unit.kind != "virtual" for unit in self._services.registers.all()):
            raise InvalidInput(
                "The clock can be moved while all registers are virtual.",
                "Часы можно двигать, пока все ККТ виртуальные.",
            )
        if (self._clock.ahead + timedelta(seconds=step_s)).total_seconds() > MAX_AHEAD_S:
            raise InvalidInput(
                "The clock is too far ahead; begin anew with another data directory.",
                "Часы ушли слишком далеко вперёд; начните заново с другим каталогом данных.",
            )
        self._clock.advance(timedelta(seconds=step_s))
        await self._services.clock_watch.confirm(by="sandbox", reason=CONFIRMED)

    async def set_operator(self, request: Request, body: Json) -> None:
        """``down``: true or false; or ``slow_s``."""
        if self._operator is None:
            raise InvalidInput("There is no emulated operator here.", "Здесь нет эмулятора ОФД.")
        _only(body, "down", "slow_s")
        faults = []
        if body.get("down", False) is True:
            faults.append(OfdFault(mode=OfdFaultMode.DOWN))
        slow_s = _number(body, "slow_s", most=MAX_SLOW_S)
        if slow_s:
            faults.append(OfdFault(mode=OfdFaultMode.SLOW, delay_s=slow_s))
        await self._operator.set_faults(*faults)

    async def set_register(self, request: Request, body: Json) -> None:
        """``slow_s``, ``paper_out``, ``answer_lost`` (how many), ``unreachable``; what is left out ends."""
        _only(body, *_NAMES)
        unit = self._services.registers.unit(request.path_params["register_id"][:64])
        plan = FaultPlan.from_json({_NAMES[name]: value for name, value in body.items()})
        _virtual(unit).faults.set(plan)
        unit.lane.look_now()

    async def reset(self, request: Request, body: Json) -> None:
        """Everything works again; the clock stays where it is."""
        for unit in self._services.registers.all():
            driver = unit.lane.session.driver
            if isinstance(driver, VirtualRegister):
                driver.faults.clear()
                unit.lane.look_now()
        if self._operator is not None:
            await self._operator.set_faults()

    async def _admit(self, request: Request) -> None:
        """Raises NotAuthenticated, NotAllowed."""
        if self._services.settings.auth_open:
            return
        principal = await self._services.auth.gate.admit(request.headers.get("authorization"))
        if not principal.covers(Role.ADMIN):
            raise NotAllowed("This needs role admin.", "Нужна роль admin.")

    def _shown(self) -> Response:
        registers = {}
        for unit in self._services.registers.all():
            driver = unit.lane.session.driver
            if isinstance(driver, VirtualRegister):
                plan = driver.faults.plan.as_json()
                registers[unit.register_id] = {name: plan[field] for name, field in _NAMES.items()}
        return JSONResponse(
            {
                "clock": {
                    "now": iso_of(self._clock.now()),
                    "ahead_s": self._clock.ahead.total_seconds(),
                },
                "operator": None if self._operator is None else self._operator.state(),
                "registers": registers,
            }
        )


_NAMES: Mapping[str, str] = {
    "slow_s": "latency_s",
    "paper_out": "paper_out",
    "answer_lost": "timeout_after",
    "unreachable": "unreachable",
}


def _virtual(unit: Unit) -> VirtualRegister:
    driver = unit.lane.session.driver
    if not isinstance(driver, VirtualRegister):
        raise InvalidInput(
            "This register is emulated: use the control address that the start has shown.",
            "Это эмулятор ККТ: используйте адрес управления, показанный при запуске.",
        )
    return driver


async def _body(request: Request) -> Json:
    length = request.headers.get("content-length", "0")
    raw = await request.body() if length.isdigit() and int(length) <= MAX_BODY_BYTES else b"[]"
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidInput("A JSON object is expected.", "Ожидается объект JSON.")
    return body


def _only(body: Json, *names: str) -> None:
    unknown = sorted(set(body) - set(names))
    if unknown:
        allowed = ", ".join(names)
        raise InvalidInput(
            f"{unknown[0][:40]}: unknown; allowed: {allowed}",
            f"{unknown[0][:40]}: неизвестно; допустимо: {allowed}",
        )


def _number(body: Json, name: str, *, most: float) -> float:
    value = body.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise InvalidInput(f"{name}: a number, 0 to {most:.0f}", f"{name}: число от 0 до {most:.0f}")
    return float(value)


async def _of_no_button(request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(status, "INTERNAL")
    detail, detail_ru = "There is no such button. See docs/how-to/sandbox.md.", "Такой кнопки нет."
    return JSONResponse(
        {"code": code, "detail": detail, "detail_ru": detail_ru}, status_code=status, headers=headers
    )


_STATUS = {"UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404}


def _refused(error: AdapterError) -> Response:
    status = _STATUS.get(error.code, 422)
    return JSONResponse(
        {"code": error.code, "detail": error.detail.en, "detail_ru": error.detail.ru}, status_code=status
    )
