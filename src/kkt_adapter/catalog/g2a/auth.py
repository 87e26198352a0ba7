"""Signing in, two ways: the constant header pair, and OAuth2 client credentials (docs/reference/g2a.md)."""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlencode

from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import CatalogError, SourceAuthFailed, SourceThrottled, SourceUnavailable
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.runtime.http import HttpAnswer, HttpClient, HttpFault, asked_wait_s

EARLY_S = 45.0  # a token is renewed so long before its end ...
EARLY_SHARE = 0.2  # ... but at most this share of its life early
FINAL = frozenset({200, 400, 401, 403, 404})  # of a refusal in JSON: asking again would not help
UNSAID_LIFE_S = 300.0  # when the answer names no lifetime: the shorter of the two that clients assume


_DIGITS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?\Z")  # float() would also take "1_0" and "nan"


class VendorSignIn(Protocol):
    async def header(self) -> str:
        """The value of ``Authorization``."""
        ...

    async def renew(self, refused: str) -> bool:
        """That header was refused; true when there is a new one, worth one more try."""
        ...

    async def close(self) -> None:
        """Give connections back; may be called twice."""
        ...


class PairSignIn:
    """``<client id>, <SHA-256 of client id + e-mail + secret>``; constant, so a password in logs."""

    def __init__(self, *, client_id: str, client_secret: str, email: str, redactor: Redactor) -> None:
        key = hashlib.sha256((client_id + email + client_secret).encode()).hexdigest()
        self._header = f"{client_id}, {key}"
        redactor.learn(client_secret)
        redactor.learn(key)

    async def header(self) -> str:
        return self._header

    async def renew(self, refused: str) -> bool:
        return False

    async def close(self) -> None:
        return


class BearerSignIn:
    """Client credentials for a token; all who wait share one renewal.

    A token is renewed early, by its own ``expires_in``. Raises what `ProductSource` raises.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        path: str,
        client_id: str,
        client_secret: str,
        redactor: Redactor,
        clock: Clock,
        another: Callable[[], Awaitable[None]],
    ) -> None:
        """``another`` is awaited before each token, which is a request on top of the page it is for."""
        self._http = http
        self._path = path
        self._another = another
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._redactor = redactor
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0  # monotonic
        self._renewing = asyncio.Lock()
        redactor.learn(client_secret)

    async def header(self) -> str:
        if not self._token or self._clock.monotonic() >= self._renew_at:
            async with self._renewing:
                if not self._token or self._clock.monotonic() >= self._renew_at:
                    await self._fetch()
        return f"Bearer {self._token}"

    async def renew(self, refused: str) -> bool:
        async with self._renewing:
            if refused == f"Bearer {self._token}":  # nobody was faster
                await self._fetch()
        return True

    async def close(self) -> None:
        await self._http.close()

    async def _fetch(self) -> None:
        await self._another()
        started = self._clock.monotonic()
        try:
            answer = await self._http.post(
                self._path,
                urlencode(self._form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
        except HttpFault as fault:
            raise SourceUnavailable(
                f"The source's sign-in gives no answer ({fault.kind}).",
                f"Сервер входа источника не отвечает ({fault.kind}).",
                error_code=fault.kind.value,
            ) from None
        value = _object(answer.body)
        token = None if value is None else value.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise self._refusal(answer, value)
        assert value is not None
        life_s = _seconds(value.get("expires_in"))
        self._redactor.learn(token)
        self._token = token
        self._renew_at = started + life_s - min(EARLY_S, life_s * EARLY_SHARE)

    def _refusal(self, answer: HttpAnswer, value: JsonObject | None) -> CatalogError:
        """Why there is no token. Only a refusal in JSON is final: anything else comes from on the way."""
        status = answer.status
        wait_s = asked_wait_s(answer.headers, now=self._clock.now())
        if status == 429 or (status == 503 and wait_s is not None):
            return SourceThrottled(
                "The source's sign-in is busy.", "Сервер входа источника занят.", retry_after_s=wait_s
            )
        if value is not None and status in FINAL:
            return SourceAuthFailed(
                f"The source gives no token (status {status}): check G2A_CLIENT_ID and "
                "G2A_CLIENT_SECRET, and G2A_TOKEN_URL.",
                f"Источник не выдаёт токен (код {status}): проверьте G2A_CLIENT_ID, "
                "G2A_CLIENT_SECRET и G2A_TOKEN_URL.",
            )
        return SourceUnavailable(
            f"The source's sign-in answers {status} without a token. If it stays: check G2A_TOKEN_URL.",
            f"Сервер входа источника отвечает {status} без токена. Если не пройдёт: проверьте G2A_TOKEN_URL.",
            error_code=f"http_{status}",
        )


def _object(body: bytes) -> JsonObject | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _seconds(value: Any) -> float:
    if isinstance(value, str) and _DIGITS.match(value):
        value = float(value)
    if type(value) not in (int, float):
        return UNSAID_LIFE_S
    return float(value) if 0 < value < 10**9 else UNSAID_LIFE_S
