"""Tokens of the ATOL Online door: made at every getToken, checked by one HMAC, kept nowhere.

A token names its shop and the secret it was given for, so it ends with either. Its form and its signing key
are its own: it is never an access token of ``/api/v1``, and no access token is one of these.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.auth.shop_values import Shop
from kkt_adapter.runtime.auth.shops import fingerprint

PREFIX: Final = "kktd_"
LIFETIME: Final = timedelta(hours=24)  # ATOL Online v4 5.23, section 4
MAX_CHARACTERS: Final = 1000  # likewise
_CLOCKS_APART: Final = timedelta(seconds=60)  # between nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorClaims:
    """What a token with a good signature says."""

    shop_id: str
    secret: str  # fingerprint of the secret it was given for
    issued_at: datetime

    def holds_for(self, shop: Shop) -> bool:
        """Was it given for a secret that is still valid?"""
        return any(hmac.compare_digest(self.secret, fingerprint(one)) for one in shop.secret_hashes)


class DoorTokens:
    """Issues and reads; all nodes of a database share the signing secret."""

    def __init__(self, signing_secret: bytes, clock: Clock) -> None:
        self._key = hmac.new(signing_secret, b"kkt-adapter door token", hashlib.sha256).digest()
        self._clock = clock

    def issue(self, shop: Shop, *, secret_hash: bytes) -> str:
        issued_at = int(self._clock.now().timestamp())
        claims = json.dumps([shop.id, fingerprint(secret_hash), issued_at], separators=(",", ":"))
        payload = _encoded(claims.encode())
        return f"{PREFIX}{payload}.{self._signature(payload)}"

    def read(self, text: str) -> DoorClaims | None:
        """None: not a token of ours. Whether it is too old is asked with ``is_over``."""
        if len(text) > MAX_CHARACTERS or not text.startswith(PREFIX) or not text.isascii():
            return None
        payload, _, signature = text[len(PREFIX) :].partition(".")
        if not hmac.compare_digest(self._signature(payload), signature):
            return None
        shop_id, secret, issued_at = json.loads(_decoded(payload))
        return DoorClaims(shop_id=shop_id, secret=secret, issued_at=datetime.fromtimestamp(issued_at, tz=UTC))

    def is_over(self, claims: DoorClaims) -> bool:
        age = self._clock.now() - claims.issued_at
        return not -_CLOCKS_APART <= age < LIFETIME

    def _signature(self, payload: str) -> str:
        return _encoded(hmac.new(self._key, payload.encode(), hashlib.sha256).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
