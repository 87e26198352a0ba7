"""Where a walk through a list stands, as text that only we can make.

Signed with a key of the database (so every node knows it) together with the query it belongs to: a cursor
that was changed, or is used with other filters, is refused instead of giving a wrong page.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from kkt_adapter.kernel.errors import InvalidInput

SIGNATURE_BYTES = 12
LONGEST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPlace:
    """The last product shown: its sort key and id; ``revision`` is that of the walk's first page."""

    revision: int
    key: str | int | None
    id: str


def seal(place: CursorPlace, *, query: str, secret: bytes) -> str:
    payload = json.dumps([place.revision, place.key, place.id], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(payload, query, secret) + payload).decode().rstrip("=")


def unseal(cursor: str, *, query: str, secret: bytes) -> CursorPlace:
    """Raises InvalidInput for anything that `seal` did not make for this query."""
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        signature, payload = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(payload, query, secret)):
            raise ValueError("not ours")
        revision, key, product_id = json.loads(payload)
    except (ValueError, binascii.Error):
        raise InvalidInput(
            "The cursor is not one of ours, or belongs to another query.",
            "Неверный cursor или cursor другого запроса.",
            field="cursor",
        ) from None
    return CursorPlace(revision=revision, key=key, id=product_id)


def _signature(payload: bytes, query: str, secret: bytes) -> bytes:
    return hmac.digest(secret, query.encode() + b"\x00" + payload, hashlib.sha256)[:SIGNATURE_BYTES]
