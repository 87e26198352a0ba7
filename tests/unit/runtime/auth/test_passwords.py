import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters
from tests.support.accounts import CHEAP

from kkt_adapter.kernel.errors import InvalidInput, Overloaded
from kkt_adapter.runtime.auth.passwords import HashCost, Passwords, check_password


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


@pytest.mark.parametrize(
    "password",
    ["correct horse", "Сим-сим, откройся", "1029384756!", "ключ от кассы"],
)
def test_long_and_mixed_passwords_are_accepted(password: str) -> None:
    check_password(password, account="olga")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "empty"),
        ("nine char", "nine characters"),
        ("x1y2z3w4v5" * 13, "130 characters"),
        ("aaaaaaaaaaaa", "one letter"),
        ("1212121212", "two digits"),
        ("1234567890", "well known"),
        ("QwertyUiop", "well known, in another letter case"),
        ("Olga.Petrova", "the account's own name"),
    ],
)
def test_weak_passwords_are_refused_without_repeating_them(password: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_password(password, account="olga.petrova")
    assert refused.value.facts["field"] == "password", why
    if password:
        assert password not in refused.value.detail.en
        assert password not in refused.value.detail.ru


async def test_a_hash_is_argon2id_and_salted(passwords: Passwords) -> None:
    first = await passwords.hash("correct horse")
    second = await passwords.hash("correct horse")
    assert first.startswith("$argon2id$v=19$")
    assert first != second


async def test_the_right_password_is_right_and_another_is_not(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert (await passwords.verify(stored, "correct horse")).right
    assert not (await passwords.verify(stored, "Correct horse")).right


async def test_composed_and_decomposed_letters_are_the_same_password(passwords: Passwords) -> None:
    stored = await passwords.hash("й".join("абвгд ежзик"))
    assert (await passwords.verify(stored, "и\u0306".join("абвгд ежзик"))).right


async def test_text_that_is_not_unicode_is_a_wrong_password_and_no_crash(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert not (await passwords.verify(stored, "correct horse\ud800\x00")).right


@pytest.mark.parametrize("stored", [None, "", "plain text", "$argon2id$v=19$m=8,t=1,p=1$broken"])
async def test_no_account_and_a_damaged_hash_are_never_right(
    passwords: Passwords, stored: str | None
) -> None:
    assert not (await passwords.verify(stored, "correct horse")).right


async def test_a_hash_made_at_another_price_asks_to_be_renewed(passwords: Passwords) -> None:
    dearer = Passwords(HashCost(time_cost=2, memory_kib=16, parallelism=1))
    stored = await passwords.hash("correct horse")
    assert not (await passwords.verify(stored, "correct horse")).outdated
    assert (await dearer.verify(stored, "correct horse")).outdated
    assert not (await dearer.verify(stored, "wrong password")).outdated
    dearer.close()


async def test_an_unknown_account_costs_a_whole_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its password is compared with is hashed at the price in force, to a result of the same length."""
    costly = Passwords(HashCost(time_cost=3, memory_kib=8 * 1024, parallelism=1))
    stored = await costly.hash("correct horse")
    prices = []

    def verify(self: PasswordHasher, against: str, password: bytes) -> bool:
        prices.append(extract_parameters(against))
        return really_verify(self, against, password)

    really_verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for account in (stored, None):
        assert not (await costly.verify(account, "wrong password")).right
    costly.close()
    known, unknown = prices
    assert unknown == known


async def test_hashing_happens_beside_the_event_loop() -> None:
    passwords = Passwords(HashCost(time_cost=4, memory_kib=16 * 1024, parallelism=1))
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    passwords.close()
    assert turns > 10


async def test_callers_are_turned_away_when_the_queue_is_full() -> None:
    passwords = Passwords(CHEAP, threads=1, max_waiting=1)
    release = threading.Event()
    passwords._pool.submit(release.wait)  # the one thread is taken
    first = asyncio.create_task(passwords.hash("correct horse"))
    second = asyncio.create_task(passwords.hash("correct horse"))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await passwords.hash("correct horse")
    release.set()
    assert (await first).startswith("$argon2id$")
    assert (await second).startswith("$argon2id$")
    passwords.close()


async def test_a_cancelled_call_leaves_the_queue() -> None:
    passwords = Passwords(CHEAP, threads=1, max_waiting=0)
    release = threading.Event()
    passwords._pool.submit(release.wait)
    waiting = asyncio.create_task(passwords.hash("correct horse"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    release.set()
    assert (await passwords.hash("correct horse")).startswith("$argon2id$")
    passwords.close()
