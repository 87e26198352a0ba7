"""Access tokens of people: JSON Web Tokens (RFC 7519), HS256 and nothing else.

The algorithm is pinned here and never taken from the token. A valid token proves who signed in and when; what
the account may do *now* is looked up by the gate, so the ``role`` claim is information for the client only.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import NotAuthenticated
from kkt_adapter.runtime.auth.accounts import Account

ALGORITHM = "HS256"
DEFAULT_LIFETIME = timedelta(minutes=30)  # AUTH_TOKEN_MINUTES, 1-1440
MAX_TOKEN_CHARACTERS = 2048  # ours have about 250
CLOCK_DIFFERENCE_ALLOWED = timedelta(seconds=60)  # between nodes, for `iat`


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token ready to be handed out; ``text`` is a secret."""

    text: str
    expires_in_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token with a good signature says."""

    account: str
    issued_at: datetime
    expires_at: datetime


class AccessTokens:
    """Issues and reads tokens signed with one secret; all nodes of a database share it."""

    def __init__(self, secret: bytes, clock: Clock, *, lifetime: timedelta = DEFAULT_LIFETIME) -> None:
        self._secret = secret
        self._clock = clock
        self._lifetime = lifetime

    def issue(self, account: Account) -> AccessToken:
        """A token of that account, good from now for the configured time."""
        now = self._clock.now().replace(microsecond=0)
        claims = {
            "sub": account.name,
            "role": account.role.value,
            "iat": max(now, account.tokens_valid_from),
            "exp": now + self._lifetime,
            "jti": uuid.uuid4().hex,
        }
        text = jwt.encode(claims, self._secret, algorithm=ALGORITHM)
        return AccessToken(text=text, expires_in_s=int(self._lifetime.total_seconds()))

    def read(self, text: str) -> Claims:
        """Check signature, shape and time.

        Raises:
            NotAuthenticated: no such token, another algorithm, a changed signature, a claim missing, expired,
                or from the future. The error does not say which, except for "expired".
        """
        claims = self._verified(text)
        now = self._clock.now()
        if claims.expires_at <= now:
            raise NotAuthenticated(
                "The sign-in has expired. Sign in again.", "Время входа истекло. Войдите снова."
            )
        if claims.issued_at > now + CLOCK_DIFFERENCE_ALLOWED:
            raise not_valid()
        return claims

    def _verified(self, text: str) -> Claims:
        if len(text) > MAX_TOKEN_CHARACTERS:
            raise not_valid()
        try:
            claims = jwt.decode(
                text,
                self._secret,
                algorithms=[ALGORITHM],
                options={
                    "require": ["sub", "iat", "exp", "jti"],
                    "verify_exp": False,  # our own clock decides, in read()
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
            return Claims(
                account=claims["sub"],
                issued_at=datetime.fromtimestamp(int(claims["iat"]), UTC),
                expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            )
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError) as error:
            raise not_valid() from error


def not_valid() -> NotAuthenticated:
    """The one answer to every credential that does not hold."""
    return NotAuthenticated(
        "Sign in, or give a valid token in the Authorization header.",
        "Войдите в систему или передайте действующий токен в заголовке Authorization.",
    )
