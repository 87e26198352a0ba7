"""The parts list of sign-in, for the composition root and for tests."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.auth.accounts import Accounts
from kkt_adapter.runtime.auth.door_tokens import DoorTokens
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.auth.passwords import HashCost, Passwords
from kkt_adapter.runtime.auth.secret import signing_secret
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.runtime.auth.shop_values import Shop
from kkt_adapter.runtime.auth.shops import Shops
from kkt_adapter.runtime.auth.signin import SignIn
from kkt_adapter.runtime.auth.till_tokens import TillTokens
from kkt_adapter.runtime.auth.tokens import AccessTokens
from kkt_adapter.runtime.auth.web_sessions import WebSessions
from kkt_adapter.runtime.db.protocol import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthParts:
    """One set for each process; ``gate`` is the one that every route asks."""

    passwords: Passwords
    tokens: AccessTokens
    accounts: Accounts
    till_tokens: TillTokens
    sign_in: SignIn
    gate: Gate
    shops: Shops
    door_tokens: DoorTokens
    web_sessions: WebSessions

    def close(self) -> None:
        """End the hashing thread."""
        self.passwords.close()


def build_auth(
    db: Database,
    settings: AuthSettings,
    *,
    clock: Clock,
    data_dir: Path,
    cost: HashCost | None = None,
    shops: Iterable[Shop] = (),
) -> AuthParts:
    """Put sign-in together; reads or makes the signing secret (blocking, milliseconds).

    Raises:
        SettingsInvalid: the secret is missing, weak or cannot be kept.
    """
    secret = signing_secret(settings.secret.get_secret_value(), data_dir=data_dir, dialect=db.dialect)
    passwords = Passwords(cost)
    tokens = AccessTokens(secret, clock, lifetime=settings.token_lifetime)
    return AuthParts(
        passwords=passwords,
        tokens=tokens,
        accounts=Accounts(db, passwords, clock),
        till_tokens=TillTokens(db, clock),
        sign_in=SignIn(db, passwords, tokens, clock),
        gate=Gate(db, tokens, clock),
        shops=Shops(db, clock, of_file=shops),
        door_tokens=DoorTokens(secret, clock),
        web_sessions=WebSessions(secret, clock, idle=settings.token_lifetime),
    )
