"""Accounts of shops: programs that speak a foreign protocol through one of the doors.

A shop is configured in the file or kept in the database; its id and its login stand in one place only. Its
secret is long and random (of the file: at least 16 characters), so its plain SHA-256 is kept, as of a till's
token, and tries are limited before anything is hashed. While a secret is changed, the one before it is valid
too.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import NotAuthenticated, SettingsInvalid
from kkt_adapter.runtime.auth.attempts import LoginAttempts
from kkt_adapter.runtime.auth.shop_rows import read_shops
from kkt_adapter.runtime.auth.shop_values import Shop
from kkt_adapter.runtime.db.protocol import Database

STATE_AGE_S = 10.0  # a changed account is known everywhere after at most this
SECRET_BYTES = 32


class ShopPlace(StrEnum):
    FILE = "file"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Every account, as of one moment."""

    by_id: Mapping[str, Shop]
    by_login: Mapping[str, Shop]
    read_at: float


class Shops:
    """Finds shops and lets them in. Safe to call at any rate: the database is asked every ten seconds."""

    def __init__(self, db: Database, clock: Clock, *, of_file: Iterable[Shop] = ()) -> None:
        self._db = db
        self._clock = clock
        self._of_file = tuple(of_file)
        self._attempts = LoginAttempts(clock)
        self._known: _Known | None = None
        self.hashed = 0  # secrets compared since the start; for tests and metrics

    async def sign_in(self, login: str, secret: str, *, address: str) -> Shop:
        """The shop with this login and secret.

        Raises:
            RateLimited: too many wrong secrets; nothing was compared.
            NotAuthenticated: no such login, or another secret.
            StorageError, Overloaded: the database cannot say.
        """
        self._attempts.check(login, address)
        shop = (await self._read()).by_login.get(login)
        self.hashed += 1
        if shop is None or not shop.has_secret(secret):
            self._attempts.failed(login, address)
            raise NotAuthenticated("Wrong login or secret.", "Неверный логин или секрет.")
        self._attempts.succeeded(login, address)
        return shop

    async def find(self, shop_id: str) -> Shop | None:
        """The shop with this id, as it is configured now."""
        return (await self._read()).by_id.get(shop_id)

    async def all(self) -> tuple[Shop, ...]:
        """All shops, those of the file first."""
        return tuple((await self._read()).by_id.values())

    async def check(self) -> None:
        """At the start: no id and no login twice. Raises SettingsInvalid."""
        stored = await self._db.read(read_shops)
        refuse_twice(self._of_file, [one.shop for one in stored])

    def forget(self) -> None:
        """Ask the database again at the next call."""
        self._known = None

    async def _read(self) -> _Known:
        now = self._clock.monotonic()
        known = self._known
        if known is not None and now - known.read_at < STATE_AGE_S:
            return known
        stored = [one.shop for one in await self._db.read(read_shops)]
        rows = [*self._of_file, *stored]  # the file wins where both have the same
        self._known = _Known(
            by_id=MappingProxyType({shop.id: shop for shop in reversed(rows)}),
            by_login=MappingProxyType({shop.login: shop for shop in reversed(rows)}),
            read_at=now,
        )
        return self._known


def new_secret() -> str:
    """A random secret to hand out once."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def fingerprint(shop_hash: bytes) -> str:
    """What a door token carries of the secret it was given for."""
    return hmac.new(shop_hash, b"door token", hashlib.sha256).hexdigest()[:16]


def refuse_twice(of_file: Iterable[Shop], stored: Iterable[Shop]) -> None:
    """Raises SettingsInvalid: an id or a login stands twice; it says where."""
    seen: dict[tuple[str, str], ShopPlace] = {}
    for place, rows in ((ShopPlace.FILE, of_file), (ShopPlace.DATABASE, stored)):
        for shop in rows:
            for kind, value in (("id", shop.id), ("login", shop.login)):
                earlier = seen.get((kind, value))
                if earlier is not None:
                    raise _twice(kind, value, earlier, place)
                seen[(kind, value)] = place


def _twice(kind: str, value: str, earlier: ShopPlace, place: ShopPlace) -> SettingsInvalid:
    places_en = {"file": "[[shop]] of the file", "database": "shops of the database (kkt-adapter shops list)"}
    places_ru = {"file": "[[shop]] файла", "database": "магазины базы (kkt-adapter shops list)"}
    return SettingsInvalid(
        f"shop {kind} {value} stands twice: {places_en[earlier]} and {places_en[place]}",
        f"магазин с {kind} {value} указан дважды: {places_ru[earlier]} и {places_ru[place]}",
    )
