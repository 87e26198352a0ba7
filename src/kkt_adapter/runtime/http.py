"""The one place that builds HTTP clients: deadlines, pool, proxy, size limits.

``HttpClient`` speaks to one base address. It answers with whatever status the server gave; only when there
is no whole answer does it raise, and then always ``HttpFault``. What a status means is the caller's
business. Redirects are not followed (a POST must not wander), cookies are not kept.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

import aiohttp

from kkt_adapter import __version__

MAX_ANSWER_BYTES = 1024 * 1024  # of one answer, after decompression
_CHUNK_BYTES = 64 * 1024


class HttpFaultKind(StrEnum):
    TIMEOUT = "timeout"  # no whole answer within the deadline
    CONNECTION = "connection"  # refused, unreachable, reset, no such host
    TLS = "tls"  # certificate or handshake
    CLOSED = "closed"  # the answer broke off, or its packing is broken
    TOO_LARGE = "too_large"  # the answer is longer than the limit
    BAD_HTTP = "bad_http"  # what came back is not HTTP


class HttpFault(Exception):
    """No whole answer. The request may have reached the server all the same, unless ``sent`` is False."""

    def __init__(self, kind: HttpFaultKind, detail: str, *, sent: bool = True) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]  # names in any letter case
    body: bytes


def asked_wait_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or a date (RFC 9110, 10.2.3); at least 0.

    None: not said, or not understood. A date without a zone is taken for UTC.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


class HttpClient:
    """Requests to one server over kept connections; may be used by many tasks at once.

    ``timeout_s`` covers the whole exchange: a free connection, connecting, sending, the last byte of the
    answer; ``connect_s``, when given, only connecting. Nothing is opened before the first request; ``close``
    may be called at any time, also twice.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        connect_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        max_connections: int = 100,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        proxy: str | None = None,
        send_again: bool = True,
    ) -> None:
        """``send_again``: a GET on a kept connection that the server closed meanwhile is sent once more by
        itself. Without it every request is sent once, for callers that count them."""
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._connect_s = connect_s
        self._headers = {"User-Agent": f"kkt-adapter/{__version__}", **(headers or {})}
        self._max_connections = max_connections
        self._max_answer_bytes = max_answer_bytes
        self._proxy = proxy
        self._middlewares = () if send_again else (_send_once,)
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Raises HttpFault. Cancel gives the connection up."""
        return await self._request("GET", path, None, headers)

    async def post(self, path: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Raises HttpFault; then the server may or may not have acted. Cancel gives the connection up."""
        return await self._request("POST", path, body, headers)

    async def delete(self, path: str) -> HttpAnswer:
        """As ``post``."""
        return await self._request("DELETE", path, None, None)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> HttpAnswer:
        session = self._open_session()
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                session.request(
                    method,
                    self.base_url + path,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                ) as response,
            ):
                content = await self._read(response)
                return HttpAnswer(status=response.status, headers=response.headers, body=content)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _fault(error) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._max_answer_bytes:
                response.close()
                raise HttpFault(HttpFaultKind.TOO_LARGE, f"answer over {self._max_answer_bytes} bytes")
        return bytes(content)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._max_connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                middlewares=self._middlewares,
                timeout=aiohttp.ClientTimeout(
                    total=None,  # the deadline above is exact, aiohttp's is rounded up
                    sock_connect=self._connect_s,
                ),
            )
        return self._session


class _Lost(aiohttp.ClientError):
    """A lost connection under a name for which aiohttp sends no GET again; its cause is the real error."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(str(error)) from error


def _fault(error: BaseException) -> HttpFault:
    if isinstance(error, _Lost) and error.__cause__ is not None:
        return _fault(error.__cause__)
    detail = str(error) or type(error).__name__
    match error:
        case aiohttp.ConnectionTimeoutError():
            return HttpFault(HttpFaultKind.TIMEOUT, "no connection in time", sent=False)
        case TimeoutError():
            return HttpFault(HttpFaultKind.TIMEOUT, "no answer in time")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            at_connecting = isinstance(error, aiohttp.ClientConnectorError)
            return HttpFault(HttpFaultKind.TLS, detail, sent=not at_connecting)
        case aiohttp.ClientConnectorError():
            return HttpFault(HttpFaultKind.CONNECTION, detail, sent=False)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return HttpFault(HttpFaultKind.CLOSED, detail)
        case aiohttp.ClientResponseError() | ValueError():
            return HttpFault(HttpFaultKind.BAD_HTTP, detail)
        case _:
            return HttpFault(HttpFaultKind.CONNECTION, detail)
