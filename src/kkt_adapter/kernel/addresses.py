"""Where an address leads, as far as its text tells."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network


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
