"""The one place that builds HTTP clients: deadlines, pool, proxy, size limits.

``HttpClient`` speaks to one base address. It answers with whatever status the server gave; only when there is
no whole answer does it raise, and then always ``HttpFault``. What a status means is the caller's business.
Redirects are not followed (a POST must not go elsewhere), cookies are not kept. The library behind it
(``http_session``) is loaded with the first client, so a shop that calls nobody over HTTP has none of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from kkt_adapter.kernel.jsontext import JsonObject

MAX_ANSWER_BYTES = 1024 * 1024  # of one answer, after decompression


class HttpFaultKind(StrEnum):
    TIMEOUT = "timeout"  # no whole answer within the deadline
    CONNECTION = "connection"  # refused, unreachable, reset, no such host
    TLS = "tls"  # certificate or handshake
    CLOSED = "closed"  # the answer broke off, or its packing is broken
    TOO_LARGE = "too_large"  # the answer is longer than the limit
    BAD_HTTP = "bad_http"  # what came back is not HTTP


class HttpFault(Exception):
    """No whole answer. The request may have reached the server all the same, unless ``sent`` is False."""

    def __init__(self, kind: HttpFaultKind, detail: str, *, sent: bool = True) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]  # names in any letter case
    body: bytes

    def is_page(self) -> bool:
        """HTML, for people: a sign-in page, a proxy's message."""
        declared = self.headers.get("Content-Type", "").split(";", 1)[0].strip().lower()
        return declared in ("text/html", "application/xhtml+xml") or self.body.lstrip()[:1] == b"<"

    def json_object(self) -> JsonObject | None:
        """The body; None when it is anything else."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


def asked_wait_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or a date (RFC 9110, 10.2.3); at least 0.

    None: not said, or not understood. A date without a zone is taken for UTC.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


class HttpClient:
    """Requests to one server over kept connections; may be used by many tasks at once.

    ``timeout_s`` covers the whole exchange: a free connection, connecting, sending, the last byte of the
    answer; ``connect_s``, when given, only connecting. Nothing is opened before the first request; ``close``
    may be called at any time, also twice.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        connect_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        max_connections: int = 100,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        proxy: str | None = None,
        send_again: bool = True,
    ) -> None:
        """``send_again``: a GET on a kept connection that the server closed meanwhile is sent once more by
        itself. Without it every request is sent once, for callers that count them."""
        from kkt_adapter.runtime.http_session import HttpSession

        self.base_url = base_url.rstrip("/")
        self._session = HttpSession(
            self.base_url,
            timeout_s=timeout_s,
            connect_s=connect_s,
            headers=headers or {},
            max_connections=max_connections,
            max_answer_bytes=max_answer_bytes,
            proxy=proxy,
            send_again=send_again,
        )

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Raises HttpFault. Cancel gives the connection up."""
        return await self._session.request("GET", path, None, headers)

    async def post(self, path: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Raises HttpFault; then the server may or may not have acted. Cancel gives the connection up."""
        return await self._session.request("POST", path, body, headers)

    async def delete(self, path: str) -> HttpAnswer:
        """As ``post``."""
        return await self._session.request("DELETE", path, None, None)

    async def close(self) -> None:
        await self._session.close()
