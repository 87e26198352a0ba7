"""Where an address leads, as far as its text tells."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qsl, urlsplit

from kkt_adapter.kernel.errors import Text

_CREDENTIAL_WORDS = ("token", "secret", "password", "key", "auth")


def is_loopback(host: str) -> bool:
    """Does it stay on this machine? A name other than ``localhost`` is never trusted to."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def within(places: Iterable[str]) -> Callable[[str], bool]:
    """Whether an address is one of ``places``: addresses and networks (``10.0.0.0/8``).

    Raises ValueError for a place that is neither.
    """
    networks = tuple(ip_network(place, strict=False) for place in places)

    def is_within(address: str) -> bool:
        if not networks:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in networks)

    return is_within


def address_fault(
    address: str, *, allow_insecure: bool = False, query_may_sign: bool = False, name: str = "url"
) -> Text | None:
    """What is wrong with a configured web address: the one rule for operators, back offices and webhooks.

    ``query_may_sign``: some webhooks have their key in the query and offer no other way. The address itself
    is not repeated, as it may hold a credential.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:  # a port that is no number, a bracket that is not closed
        return Text(f"{name} is not an http or https address", f"{name} — не адрес http или https")
    if parts.scheme not in ("http", "https") or not host or parts.fragment:
        return Text(f"{name} is not an http or https address", f"{name} — не адрес http или https")
    query = [part.lower() for part, _ in parse_qsl(parts.query, keep_blank_values=True)]
    signs = not query_may_sign and any(word in part for part in query for word in _CREDENTIAL_WORDS)
    if "@" in parts.netloc or signs:
        return Text(
            f"{name} carries credentials: put them into the settings made for them",
            f"{name} содержит учётные данные: укажите их в предназначенных для них настройках",
        )
    if parts.scheme == "http" and not allow_insecure and not is_loopback(host):
        return Text(
            f"{name} must be https://, except on this machine; allow_insecure permits http",
            f"{name} должен быть https://, кроме этой же машины; allow_insecure разрешает http",
        )
    return None
