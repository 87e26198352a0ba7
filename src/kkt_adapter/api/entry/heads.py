"""The headers of a request: which may stand once only, and which tell of a proxy or a foreign page."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from kkt_adapter.api.origins import OriginRule, RequestOrigin
from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.kernel.errors import AdapterError, NotAllowed

Headers = Mapping[bytes, bytes]

HEADERS: Final = "kkt.headers"
"""Key in the ASGI scope: the headers by name, once somebody has asked for them."""

_ONCE = frozenset(
    {b"host", b"authorization", b"content-type", b"content-length", b"idempotency-key", b"origin"}
)
_BY_A_PROXY = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})
_OWN_FETCH = frozenset({b"same-origin", b"none"})  # Fetch Metadata: the page itself; typed by a person
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Header by name. Raises RefusedByStatus (400): twice what two programs could read differently."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in _ONCE and name in headers:
            shown = name.decode("ascii").title()
            raise RefusedByStatus(
                "BAD_REQUEST",
                f"Header {shown} stands twice; send it once.",
                f"Заголовок {shown} указан дважды; передайте его один раз.",
            )
        headers[name] = value
    return headers


def headers_in(scope: Scope) -> Headers:
    """``headers_of`` a request; the edge, its door and its route ask for the same."""
    found: Headers | None = scope.get(HEADERS)
    if found is None:
        found = scope[HEADERS] = headers_of(scope["headers"])
    return found


def is_forwarded(headers: Headers) -> bool:
    return not _BY_A_PROXY.isdisjoint(headers)


def check_page(method: str, headers: Headers, *, origins: OriginRule) -> RequestOrigin:
    """Who sends this, by ``Origin``, else by what a browser says beside it. Raises NotAllowed.

    A form of a foreign page without a body has no ``Origin`` in some browsers, but ``Sec-Fetch-Site`` or
    ``Referer``. Programs send none of the three.
    """
    origin, host = headers.get(b"origin"), headers.get(b"host")
    if origin is None and method not in _SAFE:
        site = headers.get(b"sec-fetch-site")
        if site is not None and site.lower() not in _OWN_FETCH:
            raise _foreign_page("Sec-Fetch-Site")
        referer = headers.get(b"referer")
        if referer is not None and origins.sender(_origin_of(referer), host) is RequestOrigin.FOREIGN:
            raise _foreign_page("Referer")
    sender = origins.sender(origin, host)
    if sender is RequestOrigin.FOREIGN:
        raise _foreign_page("Origin")
    return sender


def _origin_of(referer: bytes) -> bytes:
    try:
        parts = urlsplit(referer.decode("latin-1"))
    except ValueError:
        return b"null"
    return f"{parts.scheme}://{parts.netloc}".encode("latin-1")


def foreign_host() -> AdapterError:
    return NotAllowed(
        "The adapter does not answer to this name (header Host). Call it by a loopback name or by its "
        "address, or add the name to allowed_hosts (KKT_ALLOWED_HOSTS).",
        "Адаптер не отвечает на это имя (заголовок Host). Обращайтесь по имени localhost, по его адресу или "
        "добавьте имя в allowed_hosts (KKT_ALLOWED_HOSTS).",
        reason="HOST",
    )


def _foreign_page(header: str) -> AdapterError:
    return NotAllowed(
        f"A page of another site may not call the adapter (header {header}). If it is yours, add its origin "
        "to allowed_origins (KKT_ALLOWED_ORIGINS).",
        f"Странице другого сайта нельзя обращаться к адаптеру (заголовок {header}). Если сайт ваш, добавьте "
        "его в allowed_origins (KKT_ALLOWED_ORIGINS).",
        reason="ORIGIN",
    )


def forwarded_while_open() -> AdapterError:
    return NotAllowed(
        "This request came through a proxy, and the adapter is open: anybody behind the proxy could print "
        "receipts. Set auth = closed (KKT_AUTH=closed) and trusted_proxies, and give each till a token.",
        "Запрос пришёл через прокси, а адаптер открыт: печатать чеки мог бы любой за этим прокси. Укажите "
        "auth = closed (KKT_AUTH=closed) и trusted_proxies и выдайте каждой кассе токен.",
        reason="FORWARDED",
    )
