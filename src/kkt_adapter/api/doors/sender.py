"""Whether a web page may use an account: only one whose origin the account names.

Programs send neither ``Origin`` nor ``Sec-Fetch-Site``. The global ``allowed_origins`` open no door.
"""

from collections.abc import Mapping

from kkt_adapter.kernel.errors import NotAllowed
from kkt_adapter.runtime.auth.shop_values import Shop


def check_origin(shop: Shop, headers: Mapping[bytes, bytes]) -> bytes | None:
    """The listed origin of the page that sends this; None: no page does.

    Raises:
        NotAllowed: a page that the account does not name.
    """
    origin = headers.get(b"origin")
    if origin is not None:
        if origin.decode("latin-1") in shop.origins:
            return origin
        raise _foreign()
    if headers.get(b"sec-fetch-site", b"").lower() in (b"cross-site", b"same-site"):
        raise _foreign()
    return None


def _foreign() -> NotAllowed:
    return NotAllowed(
        "This web page may not use the account. If it is yours, add its origin to origins of the [[shop]].",
        "Этой странице нельзя пользоваться учётной записью. Если страница ваша, добавьте её источник в "
        "origins магазина ([[shop]]).",
        reason="ORIGIN",
    )
