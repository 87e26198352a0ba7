"""A POST to the one address that was judged (``pinned_http``), whatever the name resolves to now."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from kkt_adapter import __version__

MAX_ANSWER_BYTES: Final = 64 * 1024


class _Pinned(AbstractResolver):
    """Gives the judged address, whatever name is asked."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        is_six = ":" in self._address
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=port,
                family=socket.AF_INET6 if is_six else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        return None


async def post_pinned(
    url: str, body: bytes, *, address: str, timeout_s: float, headers: Mapping[str, str]
) -> int:
    """The status of the answer; its body is read up to a limit and thrown away.

    Raises:
        TimeoutError, OSError, aiohttp.ClientError: no whole answer.
    """
    own = {"User-Agent": f"kkt-adapter/{__version__}", **headers}
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(address), limit=1, use_dns_cache=False, force_close=True
    )
    async with (
        asyncio.timeout(timeout_s),
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=own,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        ) as session,
        session.post(url, data=body, allow_redirects=False) as response,
    ):
        left = MAX_ANSWER_BYTES
        async for chunk in response.content.iter_chunked(8192):
            left -= len(chunk)
            if left < 0:
                response.close()
                break
        return response.status
