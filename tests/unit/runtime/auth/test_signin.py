import asyncio

import pytest
from structlog.testing import capture_logs
from tests.support.accounts import PASSWORD, SignInParts

from kkt_adapter.kernel.errors import InvalidInput, NotAuthenticated, Overloaded, RateLimited
from kkt_adapter.runtime.auth import accounts as store
from kkt_adapter.runtime.auth.passwords import HashCost, Passwords
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.signin import SignIn

HERE = "192.0.2.7"
NEW = "another long one"


async def test_name_and_password_give_a_token_that_opens_the_gate(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.MANAGER, password=PASSWORD)
    signed_in = await parts.sign_in.login(" Olga ", PASSWORD, address=HERE)
    principal = await parts.gate.admit(f"Bearer {signed_in.token.text}")
    assert (principal.name, principal.role) == ("olga", Role.MANAGER)
    assert (await parts.accounts.get("olga")).last_login_at == parts.clock.now()


async def test_unknown_name_wrong_password_and_disabled_account_get_one_answer(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    await parts.accounts.add("gone", Role.VIEWER, password=PASSWORD)
    await parts.accounts.change("gone", disabled=True)
    answers = set()
    for name, password in [("olga", NEW), ("nobody", PASSWORD), ("gone", PASSWORD), ("no such\x00 name", "")]:
        with pytest.raises(NotAuthenticated) as refused:
            await parts.sign_in.login(name, password, address=HERE)
        answers.add((refused.value.detail, tuple(refused.value.facts)))
    assert len(answers) == 1


async def test_after_five_failures_even_the_right_password_waits_a_minute(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    for name in ("olga", "Olga", "OLGA", " olga", "olga"):
        with pytest.raises(NotAuthenticated):
            await parts.sign_in.login(name, NEW, address=HERE)
    with pytest.raises(RateLimited) as refused:
        await parts.sign_in.login("olga", PASSWORD, address=HERE)
    assert refused.value.facts["retry_after"] == 60
    await parts.sign_in.login("olga", PASSWORD, address="192.0.2.8")
    await parts.clock.advance(60)
    await parts.sign_in.login("olga", PASSWORD, address=HERE)


async def test_guesses_in_parallel_get_five_tries_and_no_more(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    outcomes = await asyncio.gather(
        *(parts.sign_in.login("olga", f"guess number {n}", address=HERE) for n in range(20)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(NotAuthenticated) == 5
    assert [type(outcome) for outcome in outcomes].count(RateLimited) == 15


async def test_right_passwords_in_parallel_all_sign_in(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    signed_in = await asyncio.gather(
        *(parts.sign_in.login("olga", PASSWORD, address=HERE) for _ in range(12))
    )
    assert len({one.token.text for one in signed_in}) == 12


async def test_sign_ins_beyond_the_queue_are_turned_away(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    narrow = SignIn(parts.db, parts.passwords, parts.tokens, parts.clock, max_waiting=2)
    outcomes = await asyncio.gather(
        *(narrow.login("olga", PASSWORD, address=HERE) for _ in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(Overloaded) == 3


async def test_a_hash_made_at_an_older_price_is_renewed_at_sign_in(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    dearer = Passwords(HashCost(time_cost=2, memory_kib=16, parallelism=1))
    sign_in = SignIn(parts.db, dearer, parts.tokens, parts.clock)
    await sign_in.login("olga", PASSWORD, address=HERE)
    found = await parts.db.read(lambda conn: store.find_with_hash(conn, "olga"))
    dearer.close()
    assert found is not None
    assert "m=16,t=2,p=1" in found[1]
    await parts.sign_in.login("olga", PASSWORD, address=HERE)


async def test_changing_the_own_password_ends_the_old_tokens_and_gives_a_new_one(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    before = await parts.sign_in.login("olga", PASSWORD, address=HERE)
    after = await parts.sign_in.change_password("olga", current=PASSWORD, new=NEW, address=HERE)
    parts.gate.forget()
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(f"Bearer {before.token.text}")
    assert (await parts.gate.admit(f"Bearer {after.token.text}")).name == "olga"
    with pytest.raises(NotAuthenticated):
        await parts.sign_in.login("olga", PASSWORD, address=HERE)
    await parts.sign_in.login("olga", NEW, address=HERE)


async def test_changing_the_password_needs_the_current_one_and_counts_guesses(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    for _ in range(5):
        with pytest.raises(InvalidInput) as refused:
            await parts.sign_in.change_password("olga", current="a wrong guess", new=NEW, address=HERE)
        assert refused.value.facts["field"] == "current_password"
    with pytest.raises(RateLimited):
        await parts.sign_in.change_password("olga", current=PASSWORD, new=NEW, address=HERE)


async def test_no_password_name_guess_or_token_is_logged(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    with capture_logs() as logs:
        signed_in = await parts.sign_in.login("olga", PASSWORD, address=HERE)
        with pytest.raises(NotAuthenticated):
            await parts.sign_in.login("my password typed as a name", NEW, address=HERE)
        changed = await parts.sign_in.change_password("olga", current=PASSWORD, new=NEW, address=HERE)
    text = repr(logs)
    assert [entry["event"] for entry in logs] == ["signed_in", "sign_in_refused", "password_changed"]
    for secret in (PASSWORD, NEW, "typed as a name", signed_in.token.text, changed.token.text, "argon2"):
        assert secret not in text
