"""Who may call: bearer tokens, basic pairs, signing secrets; several of a kind while they are changed."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

TOLERANCE_S = 300  # of a signature's timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeSignIn:
    """Nothing given: everybody may call."""

    tokens: tuple[str, ...] = ()
    basic: tuple[tuple[str, str], ...] = ()  # user and password
    secrets: tuple[str, ...] = ()

    def admits(self, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
        """``now`` is Unix seconds. Compared in constant time."""
        if not (self.tokens or self.basic or self.secrets):
            return True
        given = headers.get("Authorization", "").encode("latin-1", errors="replace")
        wanted = [f"Bearer {token}".encode() for token in self.tokens]
        for user, password in self.basic:
            wanted.append(b"Basic " + base64.b64encode(f"{user}:{password}".encode()))
        known = [hmac.compare_digest(given, one) for one in wanted]
        return any(known) or self._signed(headers, body, now=now)

    def _signed(self, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
        call_id = headers.get("webhook-id", "")
        stamp = headers.get("webhook-timestamp", "")
        if not call_id or not stamp.isdigit() or abs(int(stamp[:12]) - now) > TOLERANCE_S:
            return False
        given = headers.get("webhook-signature", "").split(" ")
        found = False
        for secret in self.secrets:
            signed = hmac.new(secret.encode(), f"{call_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
            wanted = "v1," + base64.b64encode(signed).decode()
            for one in given:
                found |= hmac.compare_digest(one.encode(), wanted.encode())
        return found
