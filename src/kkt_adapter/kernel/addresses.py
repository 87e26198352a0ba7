"""Where an address leads, as far as its text tells."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Does it stay on this machine? A name other than ``localhost`` is never trusted to."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
