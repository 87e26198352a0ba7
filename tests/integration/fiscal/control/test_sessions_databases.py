"""Sessions on both databases: many requests at once have one effect."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.erp import fresh_database

from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.shifts.pos_session import PosSession
from kkt_adapter.fiscal.store.idempotency import Outcome
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import Conflict, IdempotencyConflict
from kkt_adapter.kernel.ids import PosId, RegisterId


class OneRegister(Registers):
    """Every till prints on the same register."""

    async def for_till(self, pos_id: PosId) -> Any:
        return type("Unit", (), {"register_id": RegisterId("R1")})


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    async with fresh_database(database_url) as database:
        yield Sessions(database=database, registers=OneRegister({}, {}), clock=SystemClock())


async def tried(*calls: Any) -> list[Outcome[PosSession] | BaseException]:
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def test_of_many_openings_at_once_one_wins(sessions: Sessions) -> None:
    found = await tried(
        *(sessions.open("T1", session_id=None, opening_cash_kop=n, key=None) for n in range(12))
    )
    opened = [one for one in found if isinstance(one, Outcome)]
    assert len(opened) == 1
    assert [type(one) for one in found if not isinstance(one, Outcome)] == [Conflict] * 11
    assert (await sessions.get("T1")).session_id == opened[0].answer.session_id


async def test_one_key_moves_cash_once_however_many_ask_at_once(sessions: Sessions) -> None:
    await sessions.open("T1", session_id="S", opening_cash_kop=0, key=None)
    move: dict[str, Any] = {"kind": "cash_in", "amount_kop": 500, "reason": "x", "by": "t", "key": "k"}
    found = await tried(*(sessions.move_cash("T1", **move) for _ in range(12)))
    outcomes = [one for one in found if isinstance(one, Outcome)]
    assert len(outcomes) == 12
    assert [one.replayed for one in outcomes].count(False) == 1
    assert len({one.answer for one in outcomes}) == 1
    assert (await sessions.get("T1")).cash_kop == 500
    with pytest.raises(IdempotencyConflict):
        await sessions.move_cash("T1", **(move | {"amount_kop": 501}))


async def test_a_drawer_is_never_emptied_twice(sessions: Sessions) -> None:
    await sessions.open("T1", session_id="S", opening_cash_kop=1_000, key=None)
    take: dict[str, Any] = {"kind": "cash_out", "amount_kop": 400, "reason": "x", "by": "t", "key": None}
    found = await tried(*(sessions.move_cash("T1", **take) for _ in range(6)))
    assert sum(isinstance(one, Outcome) for one in found) == 2
    assert (await sessions.get("T1")).cash_kop == 200


async def test_an_open_session_is_restored_and_adds_up(sessions: Sessions) -> None:
    await sessions.open("T1", session_id="S", opening_cash_kop=1_000, key=None)
    await sessions.move_cash("T1", kind="cash_in", amount_kop=1, reason="x", by="t", key=None)
    assert await sessions.restore() == ()
