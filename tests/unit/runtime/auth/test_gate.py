from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from tests.support.accounts import SignInParts, wire

from kkt_adapter.kernel.errors import NotAuthenticated, StorageError
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

T = TypeVar("T")


class CountingDatabase(SqliteDatabase):
    """The real database, counting reads and able to be "unplugged" for writing."""

    reads = 0
    writable = True

    async def read(self, fn: Callable[[Connection], T]) -> T:
        self.reads += 1
        return await super().read(fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        if not self.writable:
            raise StorageError("disk full")
        return await super().write(fn)


NOT_HOLDING = (
    *(None, "", "Bearer", "Bearer ", "Basic b2xnYTpwYXNz", "garbage", "Bearer garbage", "Bearer kkt_short"),
    *(
        "Bearer kkt_" + "A" * 43,
        "Bearer kkt_" + "я" * 43,
        "Bearer a.b.c",
        "bearer \x00",
        "Bearer " + "x" * 99_999,
    ),
)


@pytest.mark.parametrize("header", NOT_HOLDING)
async def test_without_a_token_that_holds_nobody_is_admitted(parts: SignInParts, header: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(header)


async def test_the_word_bearer_may_be_written_in_any_letter_case(parts: SignInParts) -> None:
    header = await parts.bearer(Role.VIEWER)
    assert (await parts.gate.admit(header.replace("Bearer ", "bEARER   "))).role is Role.VIEWER


async def test_the_role_of_today_counts_and_not_the_one_in_the_token(parts: SignInParts) -> None:
    header = await parts.bearer(Role.MANAGER, name="olga")
    await parts.accounts.change("olga", role=Role.VIEWER)
    assert (await parts.gate.admit(header)).role is Role.VIEWER


async def test_other_nodes_notice_a_lowered_role_and_a_disabled_account_within_ten_seconds(
    parts: SignInParts,
) -> None:
    other = wire(parts.db, clock=parts.clock)
    header = await parts.bearer(Role.MANAGER, name="olga")
    assert (await other.gate.admit(header)).role is Role.MANAGER
    await parts.accounts.change("olga", role=Role.VIEWER)
    await parts.clock.advance(10)
    assert (await other.gate.admit(header)).role is Role.VIEWER
    await parts.accounts.change("olga", disabled=True)
    await parts.clock.advance(10)
    with pytest.raises(NotAuthenticated):
        await other.gate.admit(header)


async def test_enabling_an_account_again_does_not_revive_its_old_tokens(parts: SignInParts) -> None:
    header = await parts.bearer(Role.VIEWER, name="olga")
    await parts.accounts.change("olga", disabled=True)
    enabled = await parts.accounts.change("olga", disabled=False)
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(header)
    assert (await parts.gate.admit(f"Bearer {parts.tokens.issue(enabled).text}")).name == "olga"


async def test_a_token_of_an_account_that_never_was_is_refused(parts: SignInParts) -> None:
    account = await parts.accounts.add("olga", Role.ADMIN, password="correct horse battery")
    elsewhere = parts.tokens.issue(account).text
    await parts.db.write(lambda conn: conn.exec_driver_sql("DELETE FROM accounts"))
    with pytest.raises(NotAuthenticated):
        await parts.gate.admit(f"Bearer {elsewhere}")


async def test_the_database_is_asked_once_in_ten_seconds_for_each_credential(parts: SignInParts) -> None:
    header = await parts.bearer(Role.VIEWER)
    till = f"Bearer {(await parts.till_tokens.add(Scope.READ, by='olga')).text}"
    assert isinstance(parts.db, SqliteDatabase)
    db = CountingDatabase(parts.db.path)
    gate = Gate(db, parts.tokens, parts.clock)
    for _ in range(50):
        await gate.admit(header)
        await gate.admit(till)
    assert db.reads == 2
    await parts.clock.advance(10)
    await gate.admit(header)
    assert db.reads == 3
    gate.forget()
    await gate.admit(header)
    assert db.reads == 4
    await db.close()


async def test_a_database_that_cannot_write_keeps_no_till_out(parts: SignInParts) -> None:
    till = f"Bearer {(await parts.till_tokens.add(Scope.READ, by='olga')).text}"
    assert isinstance(parts.db, SqliteDatabase)
    db = CountingDatabase(parts.db.path)
    db.writable = False
    assert (await Gate(db, parts.tokens, parts.clock).admit(till)).scopes == {Scope.READ}
    await db.close()


async def test_guesses_do_not_grow_the_memory(parts: SignInParts) -> None:
    for n in range(50):
        with pytest.raises(NotAuthenticated):
            await parts.gate.admit(f"Bearer kkt_{n:043}")
    assert len(parts.gate._till_tokens._said) == 0
