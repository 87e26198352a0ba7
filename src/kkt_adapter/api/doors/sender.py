"""Whether a web page may use an account: only one whose origin the account names.

Programs send neither ``Origin`` nor ``Sec-Fetch-Site``. The global ``allowed_origins`` open no door.
"""

from collections.abc import Iterable, Mapping

from starlette.types import Send

from kkt_adapter.kernel.errors import NotAllowed
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop

Headers = Mapping[bytes, bytes]
Answered = tuple[tuple[bytes, bytes], ...]  # headers

_ORIGIN = "ORIGIN"
_PREFLIGHT: Answered = ((b"access-control-max-age", b"600"), (b"content-length", b"0"))


def check_origin(shop: Shop, headers: Headers) -> bytes | None:
    """The listed origin of the page that sends this; None: no page does.

    Raises:
        NotAllowed: a page that the account does not name.
    """
    origin = headers.get(b"origin")
    if origin is not None:
        if origin.decode("latin-1") in shop.origins:
            return origin
        raise _foreign()
    site = headers.get(b"sec-fetch-site")
    if site is not None and site.lower() in (b"cross-site", b"same-site"):
        raise _foreign()
    return None


def is_foreign_page(error: Exception) -> bool:
    """Whether this is what ``check_origin`` or a preflight was refused with."""
    return isinstance(error, NotAllowed) and error.facts.get("reason") == _ORIGIN


def readable(shops: Iterable[Shop], headers: Headers, *, door: DoorName) -> Answered:
    """What lets a page read an answer, also before anybody signed in: nothing, unless one of these accounts
    of this door lists the page. Without it a page learns of a wrong secret only that it "failed to fetch"."""
    origin = headers.get(b"origin", b"")
    named = origin.decode("latin-1")
    if not any(named in shop.origins for shop in shops if shop.may_use(door)):
        return ()
    return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))


async def send_preflight(
    send: Send, shops: Iterable[Shop], headers: Headers, *, door: DoorName, asks: Answered
) -> None:
    """Answer a browser that asks first, if any account of this door lists its page. Without sign-in, because
    browsers ask without credentials.

    Args:
        asks: methods and headers that the door takes.

    Raises:
        NotAllowed: no account lists it.

    ``access-control-allow-private-network``: a public page that calls this machine (expressjs/cors#308).
    """
    allowed = readable(shops, headers, door=door)
    if not allowed:
        raise NotAllowed(
            "No shop lists this page (header Origin). Add its address to origins of the [[shop]].",
            "Этой страницы нет в списке ни одного магазина (заголовок Origin). Добавьте её адрес в "
            "origins раздела [[shop]].",
            reason=_ORIGIN,
        )
    found = [*allowed, *asks, *_PREFLIGHT]
    if headers.get(b"access-control-request-private-network") == b"true":
        found.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 204, "headers": found})
    await send({"type": "http.response.body", "body": b""})


def _foreign() -> NotAllowed:
    return NotAllowed(
        "This web page may not use the account. If it is yours, add its origin to origins of the [[shop]].",
        "Этой странице нельзя пользоваться учётной записью. Если страница ваша, добавьте её источник в "
        "origins магазина ([[shop]]).",
        reason=_ORIGIN,
    )
