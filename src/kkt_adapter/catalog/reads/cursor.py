"""Where a walk through a list stands, as text that only we can make.

Signed with a key of the database (so every node knows it) together with the query it belongs to: a cursor
that was changed, or is used with other filters, is refused instead of giving a wrong page. It names the last
product and not what that product is sorted by, so that the longest name makes no longer cursor.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from kkt_adapter.catalog.model import LONGEST_ID
from kkt_adapter.kernel.errors import InvalidInput

SIGNATURE_BYTES = 12
LONGEST_REVISION = 20  # digits of a number of 64 bits, and a sign
ESCAPED = 6  # bytes of the longest form of a character in JSON: \u0001
LONGEST_PAYLOAD = LONGEST_REVISION + ESCAPED * LONGEST_ID + len('[,""]')
LONGEST = -(-4 * (SIGNATURE_BYTES + LONGEST_PAYLOAD) // 3)  # characters of the longest cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPlace:
    """The last entry shown; ``revision`` is that of the walk's first page."""

    revision: int
    id: str


def seal(mark: CursorPlace, *, query: str, secret: bytes) -> str:
    payload = json.dumps([mark.revision, mark.id], ensure_ascii=False, separators=(",", ":")).encode()
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
        revision, last = json.loads(payload)
    except (ValueError, binascii.Error):
        raise InvalidInput(
            "The cursor is not one of ours, or belongs to another query.",
            "Неверный cursor или cursor другого запроса.",
            field="cursor",
        ) from None
    return CursorPlace(revision=revision, id=last)


def _signature(payload: bytes, query: str, secret: bytes) -> bytes:
    return hmac.digest(secret, query.encode() + b"\x00" + payload, hashlib.sha256)[:SIGNATURE_BYTES]
