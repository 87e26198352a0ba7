"""HTTP calls of web API v2. Meaning is read from HTTP codes; bodies of errors may be JSON or web pages.

Source: docs/reference/atol.md, Calls.
"""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kkt_adapter.fiscal.kkt.atol.answers import SubResult, error_in, read_results
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, flag, optional_whole, read_json, text
from kkt_adapter.fiscal.ofd.http import json_bytes
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.runtime.http import HttpAnswer, HttpClient, HttpFault

API = "/api/v2"
MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_CONNECTIONS = 8
NO_RIGHTS = frozenset({401})
_JSON = {"Content-Type": "application/json; charset=utf-8"}


class WebDown(Exception):
    """No usable answer. ``sent`` False: nothing can have arrived."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent


class WebRefused(Exception):
    """The web server refuses the call itself; nothing was queued."""

    def __init__(self, status: int, code: int, description: str) -> None:
        super().__init__(f"HTTP {status}: {description}")
        self.status = status
        self.code = code
        self.description = description


class KnownJob(Exception):
    """409: there is such a job already, or the device is not active; a look at the job tells."""


class NoJob(Exception):
    """404: no such job, as far as this server knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    blocked: bool
    blocked_uuid: str
    reason: str  # connectionError, fnError, paperError


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDevice:
    """One register of the web server."""

    id: str
    name: str
    active: bool
    default: bool
    licence: bool | None  # None: not told
    ofd_channel: str  # empty: not told


class WebServer:
    """One web server; ``device_id`` goes with every call about jobs (None: the server knows one device)."""

    def __init__(
        self,
        base_url: str,
        *,
        login: str = "",
        password: str = "",
        timeout_s: float,
        connect_s: float,
    ) -> None:
        credentials = base64.b64encode(f"{login}:{password}".encode()).decode("ascii")
        self._client = HttpClient(
            base_url,
            timeout_s=timeout_s,
            connect_s=connect_s,
            headers={"Authorization": f"Basic {credentials}"} if login or password else {},
            max_connections=MAX_CONNECTIONS,
            max_answer_bytes=MAX_ANSWER_BYTES,
            send_again=False,
        )
        self.device_id: str | None = None
        self.date = ""  # of the last answer, as HTTP writes it: what the server's PC takes for now

    async def post(self, uuid: str, request: Any) -> None:
        """Queue a job.

        Raises:
            KnownJob: the server has that uuid, or the device is not active.
            WebRefused: refused; not queued. WebDown: nobody knows.
        """
        answer = await self._send(
            "POST", f"{API}/requests{self._device()}", {"uuid": uuid, "request": request}
        )
        if answer.status in (409, 403):
            raise KnownJob
        if answer.status not in (200, 201, 202):
            raise _refusal(answer)

    async def results(self, uuid: str) -> tuple[SubResult, ...]:
        """Raises NoJob, WebRefused, WebDown."""
        answer = await self._send("GET", f"{API}/requests/{quote(uuid)}{self._device()}")
        if answer.status == 404:
            raise NoJob
        try:
            return read_results(_content(answer))
        except BadAtolAnswer as error:
            raise WebDown(str(error), sent=True) from error

    async def cancel(self, uuid: str) -> None:
        """Take a waiting job back; one that runs, or is done, stays as it is. Raises WebDown."""
        await self._send("DELETE", f"{API}/requests/{quote(uuid)}{self._device()}")

    async def queue(self) -> Queue | None:
        """None: this server does not tell. Raises WebDown, WebRefused."""
        answer = await self._send("GET", f"{API}/getRequestsQueueStatus{self._device()}")
        if answer.status in (404, 405, 501):
            return None
        content = _content(answer)
        return Queue(
            blocked=flag(content, "isBlocked"),
            blocked_uuid=text(content, "blockedUUID"),
            reason=text(content, "blockReason"),
        )

    async def server_info(self) -> JsonObject:
        """``serverVersion``, ``driverVersion``. Raises WebDown, WebRefused."""
        content = _content(await self._send("GET", f"{API}/serverInfo"))
        return content if isinstance(content, dict) else {}

    async def speaks_old_api_only(self) -> bool:
        """A server of a driver older than 10.7: version 1 of the API, nothing under ``/api/v2``."""
        try:
            content = _content(await self._send("GET", "/stat/requests"))
        except (WebDown, WebRefused):
            return False
        return isinstance(content, dict) and ("is_blocked" in content or "ready_count" in content)

    async def settings(self) -> JsonObject | None:
        """None: this server has none to show. Raises WebDown, WebRefused."""
        answer = await self._send("GET", f"{API}/settings")
        if answer.status in (403, 404, 405, 501):
            return None
        content = _content(answer)
        return content if isinstance(content, dict) else None

    async def devices(self) -> tuple[WebDevice, ...] | None:
        """None: this server does not list them. Raises WebDown, WebRefused."""
        answer = await self._send("GET", f"{API}/devices")
        if answer.status in (403, 404, 405, 501):
            return None
        content = _content(answer)
        listed = content.get("devices") if isinstance(content, dict) else content
        if not isinstance(listed, list):
            raise WebDown("the list of devices is none", sent=True)
        return tuple(_device(one) for one in listed if isinstance(one, dict))

    async def close(self) -> None:
        await self._client.close()

    def _device(self) -> str:
        return "" if self.device_id is None else f"?deviceID={quote(self.device_id, safe='')}"

    async def _send(self, method: str, path: str, content: Any = None) -> HttpAnswer:
        try:
            match method:
                case "POST":
                    answer = await self._client.post(path, json_bytes(content), headers=_JSON)
                case "DELETE":
                    answer = await self._client.delete(path)
                case _:
                    answer = await self._client.get(path)
        except HttpFault as fault:
            raise WebDown(f"{fault.kind}: {fault.detail}", sent=fault.sent) from fault
        self.date = answer.headers.get("Date", "")
        if answer.status >= 500 and answer.status != 501:
            raise WebDown(f"HTTP {answer.status}", sent=True)
        if answer.status in NO_RIGHTS:
            raise _refusal(answer)
        return answer


def _content(answer: HttpAnswer) -> Any:
    if answer.status not in (200, 201):
        raise _refusal(answer)
    try:
        return read_json(answer.body)
    except BadAtolAnswer as error:
        raise WebDown(str(error), sent=True) from error


def _refusal(answer: HttpAnswer) -> WebRefused:
    try:
        code, description = error_in(read_json(answer.body))
    except BadAtolAnswer:
        code, description = 0, "a web page, not JSON"
    return WebRefused(answer.status, code, description)


def _device(one: dict[str, Any]) -> WebDevice:
    number = optional_whole(one, "id") if not isinstance(one.get("id"), str) else None
    connection = one.get("connectionSettings")
    licence = one.get("hasLicense")
    return WebDevice(
        id=str(number) if number is not None else text(one, "id"),
        name=text(one, "name"),
        active=one.get("isActive") is not False,
        default=flag(one, "isDefault"),
        licence=licence if isinstance(licence, bool) else None,
        ofd_channel=_channel(connection) or _channel(one.get("otherSettings")),
    )


def _channel(content: Any) -> str:
    return text(content, "ofdChannel")
