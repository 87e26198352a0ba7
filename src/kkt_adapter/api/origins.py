"""Which names the adapter answers to, and which pages may call it from a browser.

Two attacks through the cashier's own browser are kept out. DNS rebinding: a foreign page makes its own name
point to 127.0.0.1; its requests still carry that name in ``Host``. A foreign page that simply posts to
127.0.0.1: its requests carry its ``Origin``. Programs send no ``Origin`` and are not affected.
"""

from collections.abc import Iterable
from enum import Enum

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

_PREFLIGHT_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Idempotency-Key, Authorization, Content-Type"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)
_EXPOSED = b"X-Request-Id, Idempotency-Replayed, Retry-After"


class RequestOrigin(Enum):
    """Where a request comes from, judged by its Origin."""

    PROGRAM = "program"  # no Origin: no browser, or the browser's own navigation
    OWN_PAGE = "own page"  # the dashboard
    LISTED = "listed page"
    FOREIGN = "foreign page"


class HostRule:
    """The allow-list of ``Host``: loopback names, the configured ones, and the address that was called.

    Only names can be rebound. A ``Host`` that is the address to which the connection came is therefore
    allowed, with any port.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(_bare(name) for name in (*LOOPBACK_NAMES, *allowed))

    def allows(self, host: bytes | None, *, reached: str | None = None) -> bool:
        """``host`` is the header as it came; without one the answer is no (HTTP/1.1 demands it).

        ``reached``: the address of ours that the connection came to.
        """
        if host is None:
            return False
        name = _without_port(host.decode("latin-1"))
        return name in self._allowed or (bool(name) and reached is not None and name == _bare(reached))


class OriginRule:
    """The allow-list of ``Origin``; nothing on it means that no page but the adapter's own may call."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(origin.lower().encode("ascii") for origin in allowed)

    def sender(self, origin: bytes | None, host: bytes | None) -> RequestOrigin:
        if origin is None:
            return RequestOrigin.PROGRAM
        plain = origin.lower()
        if plain in self._allowed:
            return RequestOrigin.LISTED
        scheme, separator, place = plain.partition(b"://")
        if separator and scheme in (b"http", b"https") and host is not None and place == host.lower():
            return RequestOrigin.OWN_PAGE
        return RequestOrigin.FOREIGN


def cors_headers(origin: bytes) -> list[tuple[bytes, bytes]]:
    """For any answer to a listed page. Never with credentials: the till key travels in Authorization."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"Origin"),
    ]


def preflight_headers(origin: bytes, *, private_network: bool) -> list[tuple[bytes, bytes]]:
    """The whole answer (204) to a listed page that asks first.

    ``private_network``: the browser also asked whether a public page may call this local address.
    """
    headers = [(b"access-control-allow-origin", origin), (b"vary", b"Origin"), *_PREFLIGHT_HEADERS]
    if private_network:
        headers.append((b"access-control-allow-private-network", b"true"))
    return headers


def _without_port(host: str) -> str:
    """The name alone; empty for what is no host at all."""
    if host.startswith("["):
        name, bracket, port = host.partition("]")
        return _bare(name) if bracket and (not port or port[1:].isdecimal()) else ""
    name, _, port = host.rpartition(":")
    return _bare(name if name and port.isdecimal() else host)


def _bare(name: str) -> str:
    return name.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
