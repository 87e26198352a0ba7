"""What every `Database` promises of `write_each`: one call for what waits, an outcome for each item."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection
from tests.support.databases.notes import AnyDatabase, Batches, Gate, add, all_notes, count


async def test_each_caller_of_write_each_gets_its_own_value(db: AnyDatabase) -> None:
    batches = Batches()

    values = await asyncio.gather(*(db.write_each(batches.apply, f"n{number}") for number in range(20)))

    assert values == [f"N{number}" for number in range(20)]
    assert sorted(await db.read(all_notes)) == sorted(f"n{number}" for number in range(20))


async def test_items_that_wait_together_go_in_one_call_in_the_order_they_came(db: AnyDatabase) -> None:
    gate, batches = Gate(), Batches()

    def hold_first(connection: Connection, items: Sequence[str]) -> list[str | Exception]:
        if items[0] == "gate":
            gate.work(connection)
            return [*items]
        return batches.apply(connection, items)

    waiting = [asyncio.ensure_future(db.write_each(hold_first, "gate"))]
    await gate.reached()
    waiting += [asyncio.ensure_future(db.write_each(hold_first, f"n{number}")) for number in range(7)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(*waiting)

    assert batches.calls == [[f"n{number}" for number in range(7)]]


async def test_an_exception_among_the_outcomes_is_its_caller_s_alone(db: AnyDatabase) -> None:
    batches = Batches()

    good, odd = await asyncio.gather(
        db.write_each(batches.apply, "good"), db.write_each(batches.apply, "odd"), return_exceptions=True
    )

    assert good == "GOOD"
    assert isinstance(odd, ValueError)
    assert await db.read(all_notes) == ["good"]


@pytest.mark.parametrize("among_other_writes", [False, True])
async def test_when_apply_raises_each_item_is_tried_alone(db: AnyDatabase, among_other_writes: bool) -> None:
    batches = Batches()
    others = [db.write(add(f"other {number}")) for number in range(3 if among_other_writes else 0)]

    outcomes = await asyncio.gather(
        *others,
        *(db.write_each(batches.apply, item) for item in ("one", "bad", "two")),
        return_exceptions=True,
    )

    one, bad, two = outcomes[-3:]
    assert (one, two) == ("ONE", "TWO")
    assert isinstance(bad, LookupError)
    assert {"one", "two"} == {note for note in await db.read(all_notes) if not note.startswith("other")}


async def test_an_apply_that_does_not_answer_for_every_item_is_an_error(db: AnyDatabase) -> None:
    def forgetful(connection: Connection, items: Sequence[str]) -> list[str | Exception]:
        add(items[0])(connection)
        return []

    with pytest.raises(TypeError, match="0 outcomes for 1"):
        await db.write_each(forgetful, "lost")

    assert await db.read(count) == 0


def echo(_: Connection, items: Sequence[str]) -> Sequence[str]:
    return items


async def test_items_are_counted_and_other_work_is_not(db: AnyDatabase) -> None:
    await asyncio.gather(*(db.write_each(echo, f"item {number}") for number in range(5)))
    await db.write(add("note"))
    await db.read(count)
    assert db.items == 5
