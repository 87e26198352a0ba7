"""The public address of a receipt. Whoever has the address may read the receipt; nobody can guess it.

The token is the receipt's id and 128 bits of an HMAC over it. Nothing is stored for a link, so that a
database that was restored, in which the receipt still is, keeps its old links.
"""

import base64
import hmac
import json
import re
from dataclasses import dataclass
from uuid import UUID

PATH = "/r"
SECRET_BYTES = 32
_MAC_BYTES = 16
_TOKEN_CHARACTERS = 43  # base64 of 32 bytes, without the padding
_LABEL = b"kkt-adapter receipt page 1\n"
_PRINTED = re.compile(rb'\{"status": ?"printed", ?"receipt_id": ?"([0-9a-f-]{36})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLinks:
    """``public_url``: where buyers reach this service, without a slash at its end; empty: no link is handed
    out. ``enabled``: whether the pages are served at all."""

    secret: bytes
    public_url: str = ""
    enabled: bool = True

    def of(self, receipt_id: str) -> str | None:
        """The address of a receipt's page; None where there is none."""
        if not self.handed_out:
            return None
        return f"{self.public_url.rstrip('/')}{PATH}/{self.token(receipt_id)}"

    @property
    def handed_out(self) -> bool:
        return self.enabled and bool(self.public_url)

    def added_to(self, answer: bytes) -> bytes:
        """The answer of an accepted receipt with ``receipt_url`` as its last member, where it was printed and
        has a page; the same receipt always gets the same bytes."""
        found = _PRINTED.match(answer) if self.handed_out else None
        url = None if found is None else self.of(found[1].decode("ascii"))
        return answer if url is None else b'%b,"receipt_url":%b}' % (answer[:-1], json.dumps(url).encode())

    def token(self, receipt_id: str) -> str:
        raw = UUID(receipt_id).bytes
        return base64.urlsafe_b64encode(raw + self._mac(raw)).decode("ascii").rstrip("=")

    def receipt_id(self, token: str) -> str | None:
        """Whose token this is; None: nobody's."""
        if len(token) != _TOKEN_CHARACTERS or not token.isascii():
            return None
        try:
            given = base64.b64decode(token + "=", altchars=b"-_", validate=True)
        except ValueError:
            return None
        raw, mac = given[:-_MAC_BYTES], given[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(raw)):
            return None
        receipt_id = str(UUID(bytes=raw))
        # One address for one receipt: the last character of a token has two bits that say nothing.
        return receipt_id if hmac.compare_digest(token, self.token(receipt_id)) else None

    def _mac(self, raw: bytes) -> bytes:
        return hmac.digest(self.secret, _LABEL + raw, "sha256")[:_MAC_BYTES]
