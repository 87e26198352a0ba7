"""What is behind ``HttpClient``: one session of aiohttp, and its errors in our words."""

import asyncio
import ssl
from collections.abc import Mapping

import aiohttp

from kkt_adapter import __version__
from kkt_adapter.runtime.http import HttpAnswer, HttpFault, HttpFaultKind

_CHUNK_BYTES = 64 * 1024


class HttpSession:
    """Nothing is opened before the first request. For the parameters see ``HttpClient``."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        connect_s: float | None,
        headers: Mapping[str, str],
        max_connections: int,
        max_answer_bytes: int,
        proxy: str | None,
        send_again: bool,
    ) -> None:
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._connect_s = connect_s
        self._headers = {"User-Agent": f"kkt-adapter/{__version__}", **headers}
        self._max_connections = max_connections
        self._max_answer_bytes = max_answer_bytes
        self._proxy = proxy
        self._middlewares = () if send_again else (_send_once,)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """May be called twice."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> HttpAnswer:
        """Raises HttpFault."""
        session = self._open_session()
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                session.request(
                    method,
                    self._base_url + path,
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
