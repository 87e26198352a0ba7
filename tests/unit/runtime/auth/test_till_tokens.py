import pytest
from tests.support.accounts import START, SignInParts

from kkt_adapter.kernel.errors import InvalidInput, NotAuthenticated, NotFound
from kkt_adapter.runtime.auth import tables, till_tokens
from kkt_adapter.runtime.auth.roles import PrincipalKind, Scope


async def test_a_token_is_shown_once_and_only_its_hash_is_stored(parts: SignInParts) -> None:
    made = await parts.till_tokens.add(Scope.POS, pos_ids=["POS-001"], note="till 1", by="olga")
    assert made.text.startswith("kkt_")
    assert till_tokens.looks_like_one(made.text)
    rows = await parts.db.read(lambda conn: conn.execute(tables.till_tokens.select()).all())
    assert made.text not in repr(rows)
    assert [token.id for token in await parts.till_tokens.list_all()] == [made.token.id]
    assert made.text not in repr(await parts.till_tokens.list_all())


async def test_a_token_opens_the_gate_for_its_tills(parts: SignInParts) -> None:
    made = await parts.till_tokens.add(Scope.POS, pos_ids=["POS-002", "Касса 1"], by="olga")
    principal = await parts.gate.admit(f"Bearer {made.text}")
    assert principal.kind is PrincipalKind.TILL
    assert principal.role is None
    assert principal.scopes == {Scope.POS}
    assert principal.pos_ids == {"POS-002", "Касса 1"}
    assert principal.name == f"till:{made.token.id}"
    assert made.text not in repr(principal)


async def test_several_tokens_are_valid_at_a_time_and_are_revoked_one_by_one(parts: SignInParts) -> None:
    old = await parts.till_tokens.add(Scope.POS, pos_ids=["POS-001"], by="olga")
    new = await parts.till_tokens.add(Scope.POS, pos_ids=["POS-001"], by="olga")
    await parts.gate.admit(f"Bearer {old.text}")
    await parts.gate.admit(f"Bearer {new.text}")
    revoked = await parts.till_tokens.revoke(old.token.id)
    parts.gate.forget()
    assert revoked.revoked_at == START
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(f"Bearer {old.text}")
    await parts.gate.admit(f"Bearer {new.text}")


async def test_revoking_twice_keeps_the_first_time(parts: SignInParts) -> None:
    made = await parts.till_tokens.add(Scope.READ, by="olga")
    first = await parts.till_tokens.revoke(made.token.id)
    await parts.clock.advance(60)
    assert await parts.till_tokens.revoke(made.token.id) == first


async def test_revoking_what_does_not_exist_is_not_found(parts: SignInParts) -> None:
    with pytest.raises(NotFound):
        await parts.till_tokens.revoke("0190")


@pytest.mark.parametrize(
    ("scope", "pos_ids"),
    [
        (Scope.POS, []),
        (Scope.READ, ["POS-001"]),
        (Scope.POS, [""]),
        (Scope.POS, ["x" * 65]),
        (Scope.POS, ["POS\n1"]),
        (Scope.POS, [" POS-1"]),
        (Scope.POS, [f"POS-{n}" for n in range(1001)]),
    ],
)
async def test_tills_that_do_not_fit_the_scope_are_refused(
    parts: SignInParts, scope: Scope, pos_ids: list[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await parts.till_tokens.add(scope, pos_ids=pos_ids, by="olga")
    assert refused.value.facts["field"] == "pos_ids"
    assert await parts.till_tokens.list_all() == ()


async def test_the_last_use_is_written_at_most_every_ten_minutes(parts: SignInParts) -> None:
    made = await parts.till_tokens.add(Scope.READ, by="olga")

    async def used_at() -> object:
        return (await parts.till_tokens.list_all())[0].last_used_at

    assert await used_at() is None
    await parts.gate.admit(f"Bearer {made.text}")
    assert await used_at() == START
    for _ in range(59):
        await parts.clock.advance(10)
        await parts.gate.admit(f"Bearer {made.text}")
        assert await used_at() == START
    await parts.clock.advance(10)
    await parts.gate.admit(f"Bearer {made.text}")
    assert await used_at() == parts.clock.now()
