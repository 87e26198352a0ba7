"""Sign-ins of the pages: a signed text in a cookie, renewed while somebody works, over when nobody does.

Nothing of it is stored, so it outlives a restart and holds on every node that shares the secret. It ends when
it was not used for ``idle``, ``LIFETIME`` after the sign-in, at sign-out (in this process at once; elsewhere
the browser has lost the cookie), and, as the gate finds within seconds, with the account: disabled, another
role, another password. Everybody who opens a page has one; before the sign-in it names no account and only
carries the token that proves that a form came from our own page.
"""

import base64
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import jwt

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.roles import Role

ALGORITHM = "HS256"
AUDIENCE = "ui"  # no access token of the API passes as a session, nor the other way round
LIFETIME = timedelta(hours=12)  # of a sign-in, however much it is used
RENEWED_EVERY = timedelta(minutes=1)  # a cookie younger than this is good enough
ENDED_KEPT = 10_000  # of sign-outs that are remembered; the oldest is forgotten first
MAX_CHARACTERS = 2048  # ours have about 350
_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """What a cookie with a good signature says. ``account`` and ``role`` are None before the sign-in."""

    id: str
    account: str | None
    role: Role | None
    began_at: datetime  # the sign-in
    renewed_at: datetime


class WebSessions:
    """Issues, renews, reads and ends sessions, and knows the form token of each."""

    def __init__(
        self, secret: bytes, clock: Clock, *, idle: timedelta, lifetime: timedelta = LIFETIME
    ) -> None:
        self._secret = hmac.digest(secret, b"kkt-adapter pages", sha256)
        self._clock = clock
        self._idle = idle
        self._lifetime = lifetime
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, account: Account | None = None) -> WebSession:
        """A session with an id that nobody knew before; of a visitor while there is no account."""
        now = self._clock.now().replace(microsecond=0)
        return WebSession(
            id=secrets.token_urlsafe(_TOKEN_BYTES),
            account=None if account is None else account.name,
            role=None if account is None else account.role,
            began_at=now if account is None else max(now, account.tokens_valid_from),
            renewed_at=now,
        )

    def renewed(self, session: WebSession) -> WebSession | None:
        """The same, used just now; None while its cookie is young enough."""
        now = self._clock.now().replace(microsecond=0)
        if now - session.renewed_at < min(RENEWED_EVERY, self._idle / 4):
            return None
        return WebSession(
            id=session.id,
            account=session.account,
            role=session.role,
            began_at=session.began_at,
            renewed_at=now,
        )

    def text(self, session: WebSession) -> str:
        """For the cookie; a secret."""
        claims = {
            "aud": AUDIENCE,
            "sid": session.id,
            "sub": session.account or "",
            "role": "" if session.role is None else session.role.value,
            "began": int(session.began_at.timestamp()),
            "iat": int(session.renewed_at.timestamp()),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, text: str) -> WebSession | None:
        """None: not ours, changed, ended, or over."""
        session = self._verified(text)
        if session is None or session.id in self._ended:
            return None
        now = self._clock.now()
        if now - session.renewed_at >= self._idle or now - session.began_at >= self._lifetime:
            return None
        return session

    def end(self, session: WebSession) -> None:
        """From now on nobody gets in with a copy of this cookie."""
        self._ended[session.id] = None
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)

    def form_token(self, session: WebSession) -> str:
        """Goes into every form. Another text each time, so that compressed pages tell nothing of it."""
        mask = secrets.token_bytes(_TOKEN_BYTES)
        return base64.urlsafe_b64encode(mask + _xor(mask, self._proof(session))).decode().rstrip("=")

    def is_form_token(self, session: WebSession, text: str) -> bool:
        """Was this made by ``form_token`` for this very session."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return False
        if len(raw) != 2 * _TOKEN_BYTES:
            return False
        return hmac.compare_digest(_xor(raw[:_TOKEN_BYTES], raw[_TOKEN_BYTES:]), self._proof(session))

    def _proof(self, session: WebSession) -> bytes:
        return hmac.digest(self._secret, f"form {session.id}".encode(), sha256)[:_TOKEN_BYTES]

    def _verified(self, text: str) -> WebSession | None:
        if len(text) > MAX_CHARACTERS:
            return None
        try:
            claims = jwt.decode(
                text,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["aud", "sid", "sub", "iat"], "verify_exp": False, "verify_iat": False},
            )
            return WebSession(
                id=str(claims["sid"]),
                account=claims["sub"] or None,
                role=Role(claims["role"]) if claims["role"] else None,
                began_at=datetime.fromtimestamp(int(claims["began"]), UTC),
                renewed_at=datetime.fromtimestamp(int(claims["iat"]), UTC),
            )
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, OverflowError, OSError):
            return None


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
