"""Accounts of shops: secrets, rotation, tokens of their own, one id in one place."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.kernel.errors import Conflict, NotAuthenticated, RateLimited, SettingsInvalid
from kkt_adapter.runtime.auth.door_tokens import LIFETIME, DoorTokens
from kkt_adapter.runtime.auth.shop_rows import change_secret, insert_shop, read_shops
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop
from kkt_adapter.runtime.auth.shops import Shops, new_secret, refuse_twice, secret_hash
from kkt_adapter.runtime.auth.tables import metadata
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database

SECRET = "a secret of sixteen"


def shop(shop_id: str = "web", *secrets: str, **options: object) -> Shop:
    hashes = tuple(secret_hash(one) for one in secrets or (SECRET,))
    return Shop(id=shop_id, login=f"{shop_id}-login", groups=("main",), secret_hashes=hashes, **options)  # type: ignore[arg-type]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'shops.db'}")
    await opened.write(lambda conn: metadata.create_all(conn))
    yield opened
    await opened.close()


async def test_a_stored_shop_reads_back_as_it_was(db: Database, clock: ManualClock) -> None:
    made = shop(doors=frozenset({DoorName.KKMSERVER}), duplicate_http=200, convert=True, was=("old",))
    await db.write(lambda conn: insert_shop(conn, made, at=clock.now(), by="test"))
    (stored,) = await db.read(read_shops)
    assert stored.shop == made


async def test_two_secrets_are_valid_while_one_is_changed(db: Database, clock: ManualClock) -> None:
    await db.write(lambda conn: insert_shop(conn, shop(), at=clock.now(), by="test"))
    new = new_secret()
    await db.write(lambda conn: change_secret(conn, "web", secret_hash(new), at=clock.now()))
    shops = Shops(db, clock)
    for secret in (SECRET, new):
        assert (await shops.sign_in("web-login", secret, address="10.0.0.1")).id == "web"
    await db.write(lambda conn: change_secret(conn, "web", None, at=clock.now()))
    await clock.advance(11)
    with pytest.raises(NotAuthenticated):
        await shops.sign_in("web-login", SECRET, address="10.0.0.1")
    assert (await shops.sign_in("web-login", new, address="10.0.0.1")).id == "web"


async def test_the_same_id_cannot_be_stored_twice(db: Database, clock: ManualClock) -> None:
    await db.write(lambda conn: insert_shop(conn, shop(), at=clock.now(), by="test"))
    with pytest.raises(Conflict):
        await db.write(lambda conn: insert_shop(conn, shop(), at=clock.now(), by="test"))


async def test_a_shop_of_file_and_database_stops_the_start(db: Database, clock: ManualClock) -> None:
    await db.write(lambda conn: insert_shop(conn, shop(), at=clock.now(), by="test"))
    with pytest.raises(SettingsInvalid, match="stands twice"):
        await Shops(db, clock, of_file=[shop()]).check()


def test_an_id_twice_in_the_file_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="shop id web stands twice"):
        refuse_twice([shop(), shop()], ())


async def test_wrong_secrets_are_limited_before_anything_is_hashed(db: Database, clock: ManualClock) -> None:
    shops = Shops(db, clock, of_file=[shop()])
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            await shops.sign_in("web-login", "wrong", address="10.0.0.1")
    hashed = shops.hashed
    with pytest.raises(RateLimited):
        await shops.sign_in("web-login", SECRET, address="10.0.0.1")
    assert shops.hashed == hashed
    assert (await shops.sign_in("web-login", SECRET, address="10.0.0.2")).id == "web"


async def test_a_token_ends_with_its_secret_and_its_day(clock: ManualClock) -> None:
    tokens = DoorTokens(b"s" * 32, clock)
    now = shop("web", "the first secret", "the one before it")
    text = tokens.issue(now, secret_hash=now.secret_hashes[1])
    claims = tokens.read(text)
    assert claims is not None
    assert claims.shop_id == "web"
    assert claims.holds_for(now)
    assert not claims.holds_for(shop("web", "the first secret"))
    assert not tokens.is_over(claims)
    await clock.advance((LIFETIME - timedelta(seconds=1)).total_seconds())
    assert not tokens.is_over(claims)
    await clock.advance(1)
    assert tokens.is_over(claims)


@pytest.mark.parametrize(
    "text", ["", "kktd_", "kktd_x.y", "eyJhbGciOiJIUzI1NiJ9.e30.x", "kktd_" + "a" * 2000, "kktd_я.я"]
)
def test_what_is_no_token_of_ours_is_none(clock: ManualClock, text: str) -> None:
    assert DoorTokens(b"s" * 32, clock).read(text) is None


def test_a_token_of_another_secret_or_changed_by_a_letter_is_none(clock: ManualClock) -> None:
    one = shop()
    text = DoorTokens(b"s" * 32, clock).issue(one, secret_hash=one.secret_hashes[0])
    assert DoorTokens(b"t" * 32, clock).read(text) is None
    payload, _, signature = text.partition(".")
    assert DoorTokens(b"s" * 32, clock).read(f"{payload}A.{signature}") is None
