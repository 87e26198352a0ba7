"""A POST to an address that somebody else has given, so that it reaches only what it may.

The name is resolved once, every address it has is judged, and the connection goes to the one that was judged:
a name that resolves otherwise the second time gains nothing. TLS is verified, redirects are not followed,
proxies of the environment are not used.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address inside
_PORTS: Final = {"http": 80, "https": 443}


class AddressRefused(Exception):
    """The address may not be called."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet: none that is private, loopback, link-local,
    multicast or reserved, and no IPv6 form of an IPv4 address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and _holds_ipv4(found):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _holds_ipv4(found: IPv6Address) -> bool:
    return (
        found.ipv4_mapped is not None
        or found.sixtofour is not None
        or found.teredo is not None
        or found in _NAT64
        or (int(found) >> 32 == 0 and IPv4Address(int(found) & 0xFFFF_FFFF).packed != b"\0\0\0\0")
    )


def is_listed(hosts: Sequence[str], host: str, port: int) -> bool:
    """Whether ``host:port`` is one of ``hosts``: ``host`` (any port) or ``host:port``; [IPv6] in brackets."""
    plain = host.lower().strip("[]").rstrip(".")
    shown = f"[{plain}]" if ":" in plain else plain
    known = {one.lower().rstrip(".") for one in hosts}
    return bool(known & {plain, shown, f"{shown}:{port}"})


async def resolved(host: str, port: int) -> list[str]:
    """Every address of a name, in the system's order. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def permitted_address(
    url: str,
    hosts: Sequence[str],
    *,
    resolve: Callable[[str, int], Any] = resolved,
) -> str:
    """The one address that this URL may be sent to. ``hosts``: the whole list; empty: any public address.

    Raises:
        AddressRefused: none of its addresses may be called.
        OSError: the name has no address now.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    if hosts and not is_listed(hosts, host, port):
        raise AddressRefused("host is not in callback_hosts")
    addresses: list[str] = await resolve(host, port)
    usable = addresses if hosts else [one for one in addresses if is_public(one)]
    if not usable:
        raise AddressRefused("not a public address")
    return usable[0]
