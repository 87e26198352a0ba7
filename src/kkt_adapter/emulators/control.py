"""What every emulator's control interface has: its place, its guard, its way to read a request.

Loopback only, no credentials; requests that a page in a browser sent (by ``Origin`` or ``Sec-Fetch-Site``) or
that name another host are refused.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kkt_adapter.fiscal.kkt.virtual import VirtualFn
from kkt_adapter.fiscal.ofd.describe import describe
from kkt_adapter.kernel.addresses import is_loopback

HOST = "127.0.0.1"
MAX_LISTED = 1000
MAX_FAULTS = 100
MAX_DELAY_S = 3600.0
RETRY_AFTER = r"^[\x20-\x7e]{1,64}$"  # what may stand in that header

Json = dict[str, Any]
T = TypeVar("T")
FaultT = TypeVar("FaultT")
BodyT = TypeVar("BodyT", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Body(BaseModel):
    """What is posted; a field that does not exist is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


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


async def read(request: web.Request, model: type[BodyT], *, why: str) -> BodyT:
    """The body of a request.

    Raises:
        HTTPUnprocessableEntity: it is none, with every problem of it; ``why`` says what it is not.
    """
    return _valid(TypeAdapter(model), await request.read() or b"{}", why=why)


def as_json(content: Json, *, status: int = 200) -> web.Response:
    return web.json_response(text=json.dumps(content, ensure_ascii=False, default=str), status=status)


def fn_document(fn: VirtualFn, number: int) -> Json:
    """A document that the FN of an emulated register keeps, decoded."""
    message, document = fn.message(number), fn.document(number)
    assert message is not None and document is not None
    return {
        "number": number,
        "code": int(document.code),
        "confirmed": document.confirmed,
        "document": describe(message).json(),
    }


def control_application(
    state: Callable[[], Json],
    *,
    body: type[BaseModel],
    fault: Callable[..., FaultT],
    set_faults: Callable[..., Awaitable[None] | None],
) -> web.Application:
    """The interface with what every emulator has: its state, and faults that are set and lifted. ``body`` is
    one fault as it is posted, and has the fields of ``fault``."""
    one_or_many: TypeAdapter[Any] = TypeAdapter(body | Annotated[list[body], Field(max_length=MAX_FAULTS)])  # type: ignore[arg-type, valid-type]

    async def show(_request: web.Request) -> web.Response:
        return as_json(state())

    async def put(faults: Sequence[FaultT]) -> web.Response:
        done = set_faults(*faults)
        if done is not None:
            await done
        return as_json(state())

    async def post(request: web.Request) -> web.Response:
        wanted = _valid(one_or_many, await request.read(), why="not a fault")
        bodies = wanted if isinstance(wanted, list) else [wanted]
        return await put([fault(**one.model_dump()) for one in bodies])

    async def lift(_request: web.Request) -> web.Response:
        return await put(())

    app = web.Application(middlewares=[no_browsers])
    app.router.add_get("/control/state", show)
    app.router.add_post("/control/faults", post)
    app.router.add_delete("/control/faults", lift)
    return app


def _valid(adapter: TypeAdapter[T], body: bytes, *, why: str) -> T:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        problems: Any = json.loads(error.json(include_url=False, include_input=False, include_context=False))
        raise web.HTTPUnprocessableEntity(
            text=json.dumps({"error": why, "problems": problems}), content_type="application/json"
        ) from error
