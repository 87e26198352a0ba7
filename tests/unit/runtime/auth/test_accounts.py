from datetime import timedelta

import pytest
from tests.support.accounts import PASSWORD, START, SignInParts

from kkt_adapter.kernel.errors import Conflict, InvalidInput, NotFound
from kkt_adapter.runtime.auth import accounts as store
from kkt_adapter.runtime.auth.accounts import normalized_name
from kkt_adapter.runtime.auth.demo import ensure_demo_admin
from kkt_adapter.runtime.auth.roles import Role


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("olga", "olga"),
        ("  Olga.Petrova@Shop-12 ", "olga.petrova@shop-12"),
        ("Иванов", "иванов"),
        ("ﬁona", "fiona"),
        ("a" * 64, "a" * 64),
    ],
)
def test_names_have_one_stored_form(given: str, stored: str) -> None:
    assert normalized_name(given) == stored
    assert normalized_name(stored) == stored


@pytest.mark.parametrize(
    "given", ["", " ", ".olga", "_x", "ol ga", "olga\n x", "a" * 65, "a\x00b", "a/b", "\ud800"]
)
def test_text_that_is_no_name_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalized_name(given)
    assert refused.value.facts["field"] == "username"


async def test_an_account_is_added_and_found_in_any_letter_case(parts: SignInParts) -> None:
    made = await parts.accounts.add("Olga", Role.MANAGER, password=PASSWORD)
    assert (made.name, made.role, made.disabled) == ("olga", Role.MANAGER, False)
    assert made.created_at == START
    assert await parts.accounts.get("OLGA") == made
    assert await parts.accounts.list_all() == (made,)


async def test_a_name_is_taken_once_whatever_its_letter_case(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    with pytest.raises(Conflict):
        await parts.accounts.add("OLGA", Role.ADMIN, password=PASSWORD)
    assert [account.role for account in await parts.accounts.list_all()] == [Role.VIEWER]


async def test_a_weak_password_stores_no_account(parts: SignInParts) -> None:
    with pytest.raises(InvalidInput):
        await parts.accounts.add("olga", Role.VIEWER, password="short")
    assert await parts.accounts.list_all() == ()


async def test_the_password_is_stored_as_an_argon2id_hash_only(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    found = await parts.db.read(lambda conn: store.find_with_hash(conn, "olga"))
    assert found is not None
    assert found[1].startswith("$argon2id$")
    assert PASSWORD not in found[1]


async def test_unknown_accounts_are_not_found(parts: SignInParts) -> None:
    for name in ("nobody", "not a name"):
        with pytest.raises(NotFound):
            await parts.accounts.get(name)
        with pytest.raises(NotFound):
            await parts.accounts.change(name, disabled=True)
        with pytest.raises(NotFound):
            await parts.accounts.set_password(name, password=PASSWORD)


async def test_a_change_sets_only_what_is_given(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    assert (await parts.accounts.change("olga", disabled=True)).role is Role.VIEWER
    assert (await parts.accounts.change("olga", role=Role.MANAGER)).disabled
    changed = await parts.accounts.change("olga")
    assert (changed.role, changed.disabled) == (Role.MANAGER, True)


@pytest.mark.parametrize("change", [{"role": Role.MANAGER}, {"disabled": True}])
async def test_the_last_enabled_admin_stays(parts: SignInParts, change: dict[str, object]) -> None:
    await parts.accounts.add("first", Role.ADMIN, password=PASSWORD)
    await parts.accounts.add("second", Role.ADMIN, password=PASSWORD)
    await parts.accounts.change("second", disabled=True)
    with pytest.raises(Conflict):
        await parts.accounts.change("first", **change)  # type: ignore[arg-type]
    first = await parts.accounts.get("first")
    assert (first.role, first.disabled) == (Role.ADMIN, False)
    await parts.accounts.change("second", disabled=False)
    await parts.accounts.change("first", **change)  # type: ignore[arg-type]


async def test_a_disabled_admin_may_be_lowered_while_no_other_is_left(parts: SignInParts) -> None:
    await parts.accounts.add("first", Role.ADMIN, password=PASSWORD)
    await parts.accounts.add("second", Role.ADMIN, password=PASSWORD)
    await parts.accounts.change("second", disabled=True)
    assert (await parts.accounts.change("second", role=Role.VIEWER)).role is Role.VIEWER


async def test_a_new_password_and_disabling_end_the_tokens_in_use(parts: SignInParts) -> None:
    made = await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    second = timedelta(seconds=1)
    changed = await parts.accounts.set_password("olga", password="another long one")
    assert changed.tokens_valid_from == made.tokens_valid_from + second
    again = await parts.accounts.change("olga", disabled=True)
    assert again.tokens_valid_from == changed.tokens_valid_from + second
    enabled = await parts.accounts.change("olga", disabled=False)
    assert enabled.tokens_valid_from == again.tokens_valid_from


async def test_a_demonstration_gets_one_admin_with_a_random_password(parts: SignInParts) -> None:
    made = await ensure_demo_admin(parts.db, passwords=parts.passwords, clock=parts.clock)
    assert made is not None
    name, password = made
    signed_in = await parts.sign_in.login(name, password, address="127.0.0.1")
    assert signed_in.account.role is Role.ADMIN
    assert await ensure_demo_admin(parts.db) is None


async def test_a_demonstration_leaves_existing_accounts_alone(parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    assert await ensure_demo_admin(parts.db) is None
    assert [account.name for account in await parts.accounts.list_all()] == ["olga"]
