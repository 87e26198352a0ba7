"""Builders for tests of sign-in: a cheap hash, a clock that stands, and the parts wired together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from argon2 import PasswordHasher
from pydantic import SecretStr
from tests.support.api import bare_services
from tests.support.clock import ManualClock

from kkt_adapter.api.app import Api, create_api
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.kernel.errors import NotFound
from kkt_adapter.runtime.auth import tables
from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.parts import AuthParts, build_auth
from kkt_adapter.runtime.auth.passwords import HashCost
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

CHEAP = HashCost(time_cost=1, memory_kib=8, parallelism=1)  # the least argon2 allows: under a millisecond
SECRET = b"4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c"
PASSWORD = "correct horse battery"
START = datetime(2026, 3, 1, 9, 0, 0, 250_000, tzinfo=UTC)  # within a second: tokens carry whole ones


def cheap_hasher() -> PasswordHasher:
    """For a whole product, whose own takes its time by design."""
    return PasswordHasher(
        time_cost=CHEAP.time_cost, memory_cost=CHEAP.memory_kib, parallelism=CHEAP.parallelism
    )


def a_clock() -> ManualClock:
    return ManualClock(START)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInParts(AuthParts):
    """The parts, with the database and the clock under them."""

    db: Database
    clock: ManualClock

    async def bearer(self, role: Role, *, name: str | None = None) -> str:
        """The Authorization header of an account of that role, made if it is not there."""
        account = await self._account(name or f"a.{role.value}", role)
        return f"Bearer {self.tokens.issue(account).text}"

    async def _account(self, name: str, role: Role) -> Account:
        try:
            return await self.accounts.get(name)
        except NotFound:
            return await self.accounts.add(name, role, password=PASSWORD)

    async def callers(self) -> dict[str, dict[str, str]]:
        """Request headers of everybody who might come: for tables of route by caller."""
        account = await self._account("somebody", Role.ADMIN)
        claims = {
            "sub": "somebody",
            "role": "admin",
            "iat": START,
            "exp": START + timedelta(days=1),
            "jti": "1",
        }
        expired = claims | {"iat": START - timedelta(hours=2), "exp": START - timedelta(hours=1)}
        till = await self.till_tokens.add(Scope.POS, pos_ids=["POS-001"], by=account.name)
        reader = await self.till_tokens.add(Scope.READ, by=account.name)
        headers = {
            "garbage": "Bearer garbage",
            "expired": f"Bearer {jwt.encode(expired, SECRET, algorithm='HS256')}",
            "alg none": f"Bearer {jwt.encode(claims, None, algorithm='none')}",
            "till": f"Bearer {till.text}",
            "reader": f"Bearer {reader.text}",
        }
        for role in Role:
            headers[role.value] = await self.bearer(role)
        return {"nobody": {}} | {caller: {"Authorization": value} for caller, value in headers.items()}


def people_app(parts: SignInParts) -> Api:
    """The product's HTTP application with the routes of sign-in and accounts."""
    services = bare_services(gate=parts.gate, people=parts)
    return create_api(services, ApiSettings(), clock=parts.clock)


def wire(db: Database, *, clock: ManualClock | None = None) -> SignInParts:
    """Parts over an open database; a second call over the same database is a second node."""
    manual = clock or a_clock()
    settings = AuthSettings(secret=SecretStr(SECRET.decode()))
    auth = build_auth(db, settings, clock=manual, data_dir=Path("unused"), cost=CHEAP)
    values = {field.name: getattr(auth, field.name) for field in fields(auth)}
    return SignInParts(db=db, clock=manual, **values)


@asynccontextmanager
async def open_sign_in(folder: Path) -> AsyncIterator[SignInParts]:
    """Parts over a new SQLite file in ``folder``, with the tables made."""
    db = SqliteDatabase(folder / "accounts.db")
    await db.write(tables.metadata.create_all)
    parts = wire(db)
    try:
        yield parts
    finally:
        parts.close()
        await db.close()
