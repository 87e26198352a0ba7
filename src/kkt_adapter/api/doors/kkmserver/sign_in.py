"""Who sends a command: Basic credentials of a shop, or nobody."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Final

from kkt_adapter.api.entry.heads import is_forwarded
from kkt_adapter.kernel.addresses import is_loopback
from kkt_adapter.kernel.errors import NotAuthenticated
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop

Headers = Mapping[bytes, bytes]

CHALLENGE: Final = (b"www-authenticate", b'Basic realm="kkt-adapter", charset="UTF-8"')
"""Clients of .NET send credentials only after it (freezerxp/devicesConnector)."""


def credentials(authorization: bytes | None) -> tuple[str, str] | None:
    """Login and secret; None where there are none.

    A login without a secret is none either: clients write the original's empty password into their source
    (alchemist314/phpkkm_kassa, a Node kiosk server), and no account has an empty secret.

    Raises:
        NotAuthenticated: the header is not Basic.
    """
    if authorization is None:
        return None
    scheme, _, encoded = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        raise _not_basic()
    try:
        login, colon, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        raise _not_basic() from None
    if not colon or not secret:
        return None
    return login.decode("utf-8", "surrogateescape"), secret.decode("utf-8", "surrogateescape")


def anonymous_shop(shops: Iterable[Shop], *, address: str | None, headers: Headers) -> Shop:
    """The account of clients that send no credentials: of this machine only, and never through a proxy.

    Raises:
        NotAuthenticated: there is none, or it comes from elsewhere.
    """
    if address is not None and is_loopback(address) and not is_forwarded(headers):
        for shop in shops:
            if shop.anonymous and shop.may_use(DoorName.KKMSERVER):
                return shop
    raise NotAuthenticated("Sign in with login and secret of the shop.", "Нужны логин и секрет магазина.")


def _not_basic() -> NotAuthenticated:
    return NotAuthenticated("Send Authorization: Basic.", "Передайте заголовок Authorization: Basic.")
