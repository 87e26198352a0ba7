"""Sign-in of people: name and password in, access token out.

An unknown name, a wrong password and a disabled account give the same answer after the same work, so that
nobody can find out which names exist. Tries are judged one at a time, which is no slower (there is one
hashing thread) and makes "five failures, then wait" exact even when guesses come in parallel.
"""

import asyncio
from dataclasses import dataclass

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import InvalidInput, NotAuthenticated, Overloaded, Unavailable
from kkt_adapter.runtime.auth import accounts
from kkt_adapter.runtime.auth.accounts import Account, Accounts
from kkt_adapter.runtime.auth.attempts import LoginAttempts
from kkt_adapter.runtime.auth.passwords import PasswordMatch, Passwords, check_password
from kkt_adapter.runtime.auth.tokens import AccessToken, AccessTokens
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.log import get_logger

MAX_WAITING = 32  # tries that wait for their turn; more are turned away at once

log = get_logger("auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A successful sign-in; ``token.text`` is a secret."""

    account: Account
    token: AccessToken


class SignIn:
    """Checks passwords under the limit of tries, and issues access tokens."""

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        tokens: AccessTokens,
        clock: Clock,
        *,
        attempts: LoginAttempts | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._tokens = tokens
        self._clock = clock
        self._attempts = attempts or LoginAttempts(clock)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._max_waiting = max_waiting

    async def login(self, name: str, password: str, *, address: str) -> SignedIn:
        """Exchange a name and a password for an access token. ``address`` is where the try comes from.

        Raises:
            NotAuthenticated: they do not belong together, or the account is disabled.
            RateLimited: five failures in the last minute for this name and address.
            Overloaded: too many tries wait.
        """
        account = await self._check(name, password, address=address)
        if account is None:
            raise NotAuthenticated("The name or the password is wrong.", "Неверное имя или пароль.")
        log.info("signed_in", account=account.name, address=address)
        return SignedIn(account=account, token=self._tokens.issue(account))

    async def change_password(self, name: str, *, current: str, new: str, address: str) -> SignedIn:
        """Replace one's own password, which ends all access tokens of the account; the answer has a new one.

        Raises:
            InvalidInput: the current password is wrong, or the new one breaks a rule.
            RateLimited, Overloaded: as for ``login``.
        """
        check_password(new, account=name, field="new_password")
        if await self._check(name, current, address=address) is None:
            raise InvalidInput(
                "The current password is wrong.", "Текущий пароль неверен.", field="current_password"
            )
        changed = await Accounts(self._db, self._passwords, self._clock).set_password(name, password=new)
        log.info("password_changed", account=changed.name, address=address)
        return SignedIn(account=changed, token=self._tokens.issue(changed))

    async def _check(self, name: str, password: str, *, address: str) -> Account | None:
        """The account, if the password is its own and it may sign in. Counts the failure if not."""
        key = accounts.folded_name(name)
        self._attempts.check(key, address)
        if self._waiting >= self._max_waiting:
            raise Overloaded(
                "Too many sign-ins at once. Try again in a second.",
                "Слишком много одновременных входов. Повторите через секунду.",
                retry_after=1,
            )
        self._waiting += 1
        try:
            async with self._turn:
                self._attempts.check(key, address)
                account = await self._judged(key, password)
                if account is None:
                    self._attempts.failed(key, address)
                    log.warning("sign_in_refused", address=address)  # the name may be a password, mistyped
                else:
                    self._attempts.succeeded(key, address)
                return account
        finally:
            self._waiting -= 1

    async def _judged(self, name: str, password: str) -> Account | None:
        found = await self._db.read(lambda conn: accounts.find_with_hash(conn, name))
        match = await self._passwords.verify(found[1] if found else None, password)
        if found is None or not match.right or found[0].disabled:
            return None
        await self._note(found[0], stored=found[1], match=match, password=password)
        return found[0]

    async def _note(self, account: Account, *, stored: str, match: PasswordMatch, password: str) -> None:
        """Write the sign-in down; a database that cannot write keeps nobody out."""
        try:
            renewed = await self._passwords.hash(password) if match.outdated else None
            now = self._clock.now()
            await self._db.write(
                lambda conn: accounts.note_login(
                    conn, name=account.name, at=now, old_hash=stored, new_hash=renewed
                )
            )
        except Unavailable:
            log.warning("sign_in_not_recorded", account=account.name)
