"""From an Authorization header to a principal.

The signature of an access token proves who signed in; whether that account still exists, is enabled, still
has its role and its password was asked from the database at most ``STATE_AGE_S`` ago, so that a change takes
effect on every node within that time. Till tokens are looked up the same way.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Unavailable
from kkt_adapter.runtime.auth import accounts, till_tokens
from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.roles import Principal, PrincipalKind
from kkt_adapter.runtime.auth.till_tokens import TillToken
from kkt_adapter.runtime.auth.tokens import AccessTokens, not_valid
from kkt_adapter.runtime.auth.web_sessions import WebSession
from kkt_adapter.runtime.db.protocol import Database

STATE_AGE_S = 10.0  # a disabled account or a revoked token is refused everywhere after at most this
STATES_KEPT = 2048  # of accounts and of tokens each; the least recently used is dropped first

K = TypeVar("K")
V = TypeVar("V")


class Gate:
    """Admits people by access token and tills by till token. Safe to call at any rate."""

    def __init__(
        self, db: Database, tokens: AccessTokens, clock: Clock, *, state_age_s: float = STATE_AGE_S
    ) -> None:
        self._db = db
        self._tokens = tokens
        self._clock = clock
        self._accounts = _Recent[str, Account](clock, age_s=state_age_s, kept=STATES_KEPT)
        self._till_tokens = _Recent[bytes, TillToken](clock, age_s=state_age_s, kept=STATES_KEPT)

    async def admit(self, authorization: str | None) -> Principal:
        """Who sends this header (``Bearer <token>``; the word in any letter case).

        Raises:
            NotAuthenticated: no header, another scheme, or a token that does not hold (any more).
            StorageError, Overloaded: the database cannot say.
        """
        scheme, _, text = (authorization or "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise not_valid()
        if till_tokens.looks_like_one(text):
            return await self._admit_till(text)
        return await self._admit_account(text)

    async def admit_session(self, session: WebSession) -> Principal:
        """Who works in the pages under this sign-in. It ends with a change of role, too.

        Raises:
            NotAuthenticated: nobody has signed in, or the account is not what it was then.
            StorageError, Overloaded: the database cannot say.
        """
        if session.account is None:
            raise not_valid()
        account = await self._account(session.account)
        if account is None or not _holds(account, session.began_at) or account.role is not session.role:
            raise not_valid()
        return Principal(kind=PrincipalKind.ACCOUNT, name=account.name, role=account.role)

    def forget(self) -> None:
        """Ask the database again at the next call: for a change made by this very process."""
        self._accounts.clear()
        self._till_tokens.clear()

    async def _admit_account(self, text: str) -> Principal:
        claims = self._tokens.read(text)
        account = await self._account(claims.account)
        if account is None or not _holds(account, claims.issued_at):
            raise not_valid()
        return Principal(kind=PrincipalKind.ACCOUNT, name=account.name, role=account.role)

    async def _account(self, name: str) -> Account | None:
        return await self._accounts.get(name, lambda: self._db.read(lambda conn: accounts.find(conn, name)))

    async def _admit_till(self, text: str) -> Principal:
        token_hash = till_tokens.hash_of(text)
        token = await self._till_tokens.get(
            token_hash, lambda: self._db.read(lambda conn: till_tokens.find_valid(conn, token_hash))
        )
        if token is None:
            raise not_valid()
        await self._note_use(token_hash, token)
        return Principal(
            kind=PrincipalKind.TILL,
            name=f"till:{token.id}",
            scopes=frozenset((token.scope,)),
            pos_ids=token.pos_ids,
        )

    async def _note_use(self, token_hash: bytes, token: TillToken) -> None:
        """Keep ``last_used_at`` roughly right; a busy or full disk does not keep a till out for it."""
        now = self._clock.now()
        if token.last_used_at is not None and now - token.last_used_at < till_tokens.USE_NOTED_EVERY:
            return
        self._till_tokens.amend(token_hash, replace(token, last_used_at=now))
        with suppress(Unavailable):
            await self._db.write(lambda conn: till_tokens.note_use(conn, token.id, at=now))


def _holds(account: Account, issued_at: datetime) -> bool:
    return not account.disabled and issued_at >= account.tokens_valid_from


class _Recent(Generic[K, V]):
    """What the database said, for ``age_s`` seconds; only what exists is kept, so guesses fill nothing."""

    def __init__(self, clock: Clock, *, age_s: float, kept: int) -> None:
        self._clock = clock
        self._age_s = age_s
        self._kept = kept
        self._said: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._round = 0  # an answer asked for before clear() is not kept after it

    async def get(self, key: K, ask: Callable[[], Awaitable[V | None]]) -> V | None:
        now = self._clock.monotonic()
        known = self._said.get(key)
        if known is not None and now - known[0] < self._age_s:
            self._said.move_to_end(key)
            return known[1]
        asked_in = self._round
        value = await ask()
        if value is None:
            self._said.pop(key, None)
        elif asked_in == self._round:
            self._said[key] = (now, value)
            self._said.move_to_end(key)
            if len(self._said) > self._kept:
                self._said.popitem(last=False)
        return value

    def amend(self, key: K, value: V) -> None:
        """Change what is remembered, without making it younger."""
        known = self._said.get(key)
        if known is not None:
            self._said[key] = (known[0], value)

    def clear(self) -> None:
        self._said.clear()
        self._round += 1
