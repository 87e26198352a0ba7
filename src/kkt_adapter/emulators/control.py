"""What every emulator's control interface has: its place, its guard, its way to read a request.

Loopback only, no credentials; requests that a page in a browser sent (by ``Origin`` or ``Sec-Fetch-Site``) or
that name another host are refused.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import ValidationError

from kkt_adapter.kernel.addresses import is_loopback

HOST = "127.0.0.1"
MAX_LISTED = 1000
MAX_FAULTS = 100
MAX_DELAY_S = 3600.0
RETRY_AFTER = r"^[\x20-\x7e]{1,64}$"  # what may stand in that header

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def no_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    if not is_loopback(host):  # a page whose name was made to point here
        return web.json_response({"error": "call it by a loopback name"}, status=403)
    if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
        return web.json_response({"error": "not for web pages"}, status=403)
    return await handler(request)


def whole(request: web.Request, name: str) -> int | None:
    """A whole number of the query string; None when it is not given.

    Raises:
        HTTPUnprocessableEntity: something else stands there.
    """
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise web.HTTPUnprocessableEntity(text=f"{name} is not a whole number")
    return int(text)


def refused(error: ValidationError, *, why: str) -> web.Response:
    """422 with every problem of a body."""
    problems: Any = json.loads(error.json(include_url=False, include_input=False, include_context=False))
    return web.json_response({"error": why, "problems": problems}, status=422)
