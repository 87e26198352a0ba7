"""The web server's HTTP: web API v2, the older paths beside it, and the cuts of the line.

Source: docs/reference/atol.md, Calls.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from kkt_adapter.emulators.atol.faults import AtolFault, AtolFaultMode, AtolFaultPlan
from kkt_adapter.emulators.atol.machine import DriverError
from kkt_adapter.emulators.atol.making import is_fiscal
from kkt_adapter.emulators.atol.server import EmulatedAtolDevice, Job, JobServer, results_json
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, read_json
from kkt_adapter.fiscal.ofd.http import json_bytes

API = "/api/v2"
WEB_FAILED = 505
MAX_BODY_BYTES = 8 * 1024 * 1024
SERVER_VERSION = "1.0.4.0"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebRefusal(Exception):
    """An HTTP status with an error text."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


class Web:
    """``login`` empty: everybody may come in."""

    def __init__(
        self, server: JobServer, plan: AtolFaultPlan, *, login: str = "", password: str = ""
    ) -> None:
        self._server = server
        self._plan = plan
        credentials = base64.b64encode(f"{login}:{password}".encode()).decode("ascii")
        self._wanted = f"Basic {credentials}" if login or password else ""
        self.seen: list[str] = []  # steps of requests, oldest first
        self._late: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._guard])
        router = app.router
        for root, flat in ((f"{API}/requests", False), ("/requests", True)):
            router.add_post(root, self._post)
            router.add_get(root + "/{uuid}", self._results(flat=flat))
            router.add_delete(root + "/{uuid}", self._delete)
        router.add_get(f"{API}/getRequestsQueueStatus", self._queue)
        router.add_get("/stat/requests", self._old_queue)
        router.add_get(f"{API}/serverInfo", self._server_info)
        router.add_get(f"{API}/devices", self._devices)
        router.add_get(f"{API}/devices/{{id}}", self._device_by_id)
        router.add_post(f"{API}/setDefaultDevice", self._set_default)
        router.add_post(f"{API}/activateDevice", self._activate(active=True))
        router.add_post(f"{API}/deactivateDevice", self._activate(active=False))
        router.add_get(f"{API}/settings", self._settings)
        router.add_put(f"{API}/settings", self._put_settings)
        router.add_post(f"{API}/operations/{{query}}", self._operation)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            given = request.headers.get("Authorization")
            if self._wanted and request.path != f"{API}/serverInfo" and given != self._wanted:
                raise WebRefusal(401, "Неверные имя пользователя или пароль")
            return await self._with_faults(request, handler)
        except WebRefusal as error:
            return self._error(error.status, error.description)
        except web.HTTPNotFound:
            return self._error(404, "Ресурс не найден")
        except web.HTTPMethodNotAllowed:
            return self._error(405, "Метод не поддерживается")

    async def _with_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        step = _step(request)
        self.seen.append(step)
        fault = self._plan.on_request(step, await _first_task(request) if step == "post" else None)
        match None if fault is None else fault.mode:
            case None:
                return await self._unless_hidden(request, handler)
            case AtolFaultMode.CUT_REQUEST:
                return _cut(request)
            case AtolFaultMode.LATE:
                self._do_late(request, handler, fault)
                return _cut(request)
            case AtolFaultMode.HTTP_ERROR:
                assert fault is not None
                page = f"<html><body><h1>HTTP {fault.code}</h1></body></html>"
                return web.Response(status=fault.code, text=page, content_type="text/html")
            case AtolFaultMode.SLOW_ANSWER:
                assert fault is not None
                answer = await handler(request)
                await asyncio.sleep(fault.delay_s)
                return answer
        assert fault is not None
        return _cut(request, await handler(request), at=fault.at)

    async def _unless_hidden(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        uuid = request.match_info.get("uuid", "") or await _uuid_of(request)
        for device in self._server.devices.values():
            job = device.jobs.get(uuid)
            if job is not None:
                await asyncio.sleep(0)  # its worker has had its turn
                if job.hidden:
                    return _cut(request)
        return answer

    def _do_late(self, request: web.Request, handler: Handler, fault: AtolFault | None) -> None:
        async def later() -> None:
            await asyncio.sleep(0 if fault is None else fault.delay_s)
            try:
                await handler(request)
            except (WebRefusal, web.HTTPException):
                return

        task = asyncio.get_running_loop().create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _error(self, status: int, description: str) -> web.Response:
        if self._server.flavour.html_errors:
            page = f"<html><head><title>Error {status}</title></head><body>{description}</body></html>"
            return web.Response(status=status, text=page, content_type="text/html")
        return _json({"error": {"code": WEB_FAILED, "description": description}}, status)

    async def _post(self, request: web.Request) -> web.Response:
        device = self._device(request)
        body = await _body(request)
        uuid, tasks = body.get("uuid"), body.get("request")
        if not isinstance(uuid, str) or not uuid:
            raise WebRefusal(400, "Отсутствует uuid")
        tasks = [tasks] if isinstance(tasks, dict) else tasks
        if not isinstance(tasks, list) or not tasks or not all(isinstance(one, dict) for one in tasks):
            raise WebRefusal(400, "Отсутствует request")
        if self._server.flavour.one_fiscal and sum(is_fiscal(str(t.get("type"))) for t in tasks) > 1:
            raise WebRefusal(400, "Задание содержит более одной фискальной подзадачи")
        if not device.active:
            raise WebRefusal(409, "Устройство не активно")
        if uuid in device.jobs:
            raise WebRefusal(409, "Задание с таким UUID уже есть")
        job = self._server.add(device, uuid, tasks)
        told = {"number": job.number, "uuid": uuid, **_blocking(device)}
        return _json(told, 201)

    def _results(self, *, flat: bool) -> Handler:
        async def results(request: web.Request) -> web.Response:
            return web.Response(
                body=results_json(self._job(request), flat=flat), content_type="application/json"
            )

        return results

    async def _delete(self, request: web.Request) -> web.Response:
        device, job = self._device(request), self._job(request)
        if not self._server.cancel(device, job):
            raise WebRefusal(self._server.flavour.too_late, "Задание уже выполняется или выполнено")
        return _json({}, 200)

    async def _queue(self, request: web.Request) -> web.Response:
        device = self._device(request)
        told = {
            "number": len(device.queue),
            "ready": sum(job.is_final for job in device.jobs.values()),
            "canceled": sum(job.results[0]["status"] == "canceled" for job in device.jobs.values()),
            **_blocking(device),
        }
        return _json(told, 200)

    async def _old_queue(self, request: web.Request) -> web.Response:
        device = self._device(request)
        ready = sum(job.is_final for job in device.jobs.values())
        return _json({"is_blocked": device.blocked is not None, "ready_count": ready}, 200)

    async def _operation(self, request: web.Request) -> web.Response:
        """Questions beside the queue: ``queryShiftStatus`` asks what task ``getShiftStatus`` asks."""
        device = self._device(request)
        query = request.match_info["query"].removeprefix("query")
        names = [
            name for name in (f"get{query}", query[:1].lower() + query[1:]) if device.queries.knows(name)
        ]
        if not names:
            raise WebRefusal(501, "Операция не поддерживается")
        if device.blocked is not None:
            raise WebRefusal(400, "Очередь заблокирована")
        try:
            body = await _body(request) if request.can_read_body else {}
            return _json(device.queries.run(body | {"type": names[0]}) or {}, 200)
        except DriverError as error:
            return _json({"error": {"code": error.code, "description": error.description}}, 400)

    async def _server_info(self, _request: web.Request) -> web.Response:
        first = next(iter(self._server.devices.values()))
        told = {
            "serverVersion": SERVER_VERSION,
            "driverVersion": first.machine.driver_version,
            "os": "emulator",
            "currentDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return _json(told, 200)

    async def _devices(self, _request: web.Request) -> web.Response:
        return _json({"devices": [self._shown(device) for device in self._server.devices.values()]}, 200)

    async def _device_by_id(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        return _json(self._shown(self._by_id(self._server.default if wanted == "default" else wanted)), 200)

    async def _set_default(self, request: web.Request) -> web.Response:
        self._server.default = self._by_id(str((await _body(request)).get("id"))).id
        return _json({}, 200)

    def _activate(self, *, active: bool) -> Handler:
        async def activate(request: web.Request) -> web.Response:
            device = self._by_id(str((await _body(request)).get("id")))
            if active and not device.machine.linked:
                raise WebRefusal(409, "Не удалось установить соединение")
            device.active = active
            return _json({}, 200)

        return activate

    async def _settings(self, _request: web.Request) -> web.Response:
        return _json(self._server.settings, 200)

    async def _put_settings(self, request: web.Request) -> web.Response:
        wanted = await _body(request)
        self._server.settings |= {name: wanted[name] for name in self._server.settings if name in wanted}
        return _json(self._server.settings, 200)

    def _shown(self, device: EmulatedAtolDevice) -> dict[str, Any]:
        return {
            "id": device.id,
            "name": f"ККТ {device.id} (эмулятор)",
            "connectionSettings": {"model": 500, "port": "usb", "ofdChannel": device.ofd_channel},
            "otherSettings": {},
            "isActive": device.active,
            "isDefault": device.id == self._server.default,
            "isLock": device.blocked is not None,
            "hasLicense": device.licence,
        }

    def _device(self, request: web.Request) -> EmulatedAtolDevice:
        return self._by_id(request.query.get("deviceID", self._server.default))

    def _by_id(self, wanted: str) -> EmulatedAtolDevice:
        device = self._server.devices.get(self._server.default if wanted == "default" else wanted)
        if device is None:
            raise WebRefusal(404, "Устройство не найдено")
        return device

    def _job(self, request: web.Request) -> Job:
        job = self._device(request).jobs.get(request.match_info["uuid"])
        if job is None:
            raise WebRefusal(404, "Задание не найдено")
        return job


def _blocking(device: EmulatedAtolDevice) -> dict[str, Any]:
    uuid = "" if device.blocked is None else device.blocked.uuid
    return {"isBlocked": device.blocked is not None, "blockedUUID": uuid, "blockReason": device.reason}


def _json(content: Any, status: int) -> web.Response:
    return web.Response(status=status, body=json_bytes(content), content_type="application/json")


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        found = read_json(await request.read())
    except BadAtolAnswer as error:
        raise WebRefusal(400, "Тело запроса не JSON") from error
    if not isinstance(found, dict):
        raise WebRefusal(400, "Тело запроса не объект")
    return found


def _step(request: web.Request) -> str:
    """``post``, ``get`` and ``delete`` of a job; ``look`` is anything else."""
    if "/requests" not in request.path or request.path.endswith("/stat/requests"):
        return "look"
    return request.method.lower()


async def _first_task(request: web.Request) -> str | None:
    try:
        tasks = (await _body(request)).get("request")
    except WebRefusal:
        return None
    first = tasks[0] if isinstance(tasks, list) and tasks else tasks
    return str(first.get("type")) if isinstance(first, dict) else None


async def _uuid_of(request: web.Request) -> str:
    if request.method != "POST" or _step(request) != "post":
        return ""
    try:
        return str((await _body(request)).get("uuid", ""))
    except WebRefusal:
        return ""


def _cut(request: web.Request, answer: web.StreamResponse | None = None, *, at: int = 0) -> web.Response:
    """End the connection, after ``at`` bytes of the answer."""
    transport = request.transport
    if transport is not None:
        if isinstance(answer, web.Response) and at:
            body = answer.body if isinstance(answer.body, bytes) else b""
            head = f"HTTP/1.1 {answer.status} {answer.reason}\r\nContent-Type: {answer.content_type}\r\n"
            whole = head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
            transport.write(whole[:at])
            transport.close()
        else:
            transport.abort()
    return web.Response()
