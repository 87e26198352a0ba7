"""Sign-in on both databases: what SQL could get wrong on one of them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.accounts import PASSWORD, SignInParts, wire

from kkt_adapter.kernel.errors import Conflict, NotAuthenticated
from kkt_adapter.runtime.auth import tables
from kkt_adapter.runtime.auth.demo import ensure_demo_admin
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.db.protocol import Database


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SignInParts]:
    await database.write(tables.metadata.create_all)
    opened = wire(database)
    yield opened
    opened.close()


async def test_an_account_lives_through_its_changes(parts: SignInParts) -> None:
    made = await parts.accounts.add("Ольга", Role.ADMIN, password=PASSWORD)
    with pytest.raises(Conflict):
        await parts.accounts.add("ольга", Role.VIEWER, password=PASSWORD)
    signed_in = await parts.sign_in.login("ОЛЬГА", PASSWORD, address="192.0.2.7")
    assert signed_in.account == made
    await parts.accounts.add("ivan", Role.ADMIN, password=PASSWORD)
    assert (await parts.accounts.change("ольга", disabled=True)).disabled
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(f"Bearer {signed_in.token.text}")


async def test_a_name_with_a_null_character_is_an_unknown_one(parts: SignInParts) -> None:
    with pytest.raises(NotAuthenticated):
        await parts.sign_in.login("olga\x00", PASSWORD, address="192.0.2.7")


async def test_two_admins_who_lower_each_other_do_not_both_succeed(parts: SignInParts) -> None:
    names = [f"admin{n}" for n in range(6)]
    for name in names:
        await parts.accounts.add(name, Role.ADMIN, password=PASSWORD)
    outcomes = await asyncio.gather(
        *(parts.accounts.change(name, role=Role.VIEWER) for name in names), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 1
    assert [account.role for account in await parts.accounts.list_all()].count(Role.ADMIN) == 1


async def test_one_name_made_many_times_at_once_is_made_once(parts: SignInParts) -> None:
    outcomes = await asyncio.gather(
        *(parts.accounts.add("olga", Role.VIEWER, password=PASSWORD) for _ in range(6)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 5
    assert len(await parts.accounts.list_all()) == 1


async def test_a_till_token_is_found_used_and_revoked(parts: SignInParts) -> None:
    made = await parts.till_tokens.add(Scope.POS, pos_ids=["Касса 1"], note="у входа", by="olga")
    await parts.till_tokens.add(Scope.READ, by="olga")
    assert (await parts.gate.admit(f"Bearer {made.text}")).pos_ids == {"Касса 1"}
    by_scope = {token.scope: token for token in await parts.till_tokens.list_all()}
    used, unused = by_scope[Scope.POS], by_scope[Scope.READ]
    assert (used.note, used.last_used_at) == ("у входа", parts.clock.now())
    assert unused.last_used_at is None
    await parts.till_tokens.revoke(made.token.id)
    parts.gate.forget()
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(f"Bearer {made.text}")


async def test_two_nodes_of_a_demonstration_make_one_admin(parts: SignInParts) -> None:
    made = await asyncio.gather(
        *(ensure_demo_admin(parts.db, passwords=parts.passwords, clock=parts.clock) for _ in range(4))
    )
    assert len([one for one in made if one is not None]) == 1
    assert len(await parts.accounts.list_all()) == 1
