"""The order within a group, and answering callers."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.runtime.db.jobs import DatabaseJob, answer, arrange


class NoFuture:
    """Stands where arranging needs none."""


def a_job(kind: str, number: int) -> DatabaseJob:
    future: Any = NoFuture()
    if kind == "write":
        return DatabaseJob(future, work=lambda connection: None, item=number)
    return DatabaseJob(future, apply={"first": first_apply, "second": second_apply}[kind], item=number)


def first_apply(connection: Any, items: Any) -> list[Any]:
    return [*items]


def second_apply(connection: Any, items: Any) -> list[Any]:
    return [*items]


@given(st.lists(st.sampled_from(["write", "first", "second"]), max_size=30))
def test_arranging_loses_nothing_and_keeps_the_order_within_each_kind(kinds: list[str]) -> None:
    jobs = [a_job(kind, number) for number, kind in enumerate(kinds)]

    units = arrange(jobs)

    assert sorted(job.item for unit in units for job in unit) == list(range(len(jobs)))
    for apply in (None, first_apply, second_apply):
        arrived = [job.item for job in jobs if job.apply is apply]
        assert [job.item for unit in units for job in unit if job.apply is apply] == arrived
    assert [unit[0].item for unit in units] == sorted(unit[0].item for unit in units)
    for unit in units:
        assert len({job.apply for job in unit}) == 1
        assert len(unit) == 1 or unit[0].apply is not None
    assert sum(unit[0].apply is first_apply for unit in units) <= 1


async def test_a_group_is_answered_with_one_hand_over_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    jobs = [DatabaseJob(loop.create_future()) for _ in range(5)]
    for number, job in enumerate(jobs):
        job.value = number
    jobs[3].error = ValueError("its own")
    jobs[1].future.cancel()
    hand_overs: list[object] = []
    original = loop.call_soon_threadsafe

    def counting(*call: Any, **options: Any) -> asyncio.Handle:
        hand_overs.append(call)
        return original(*call, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)

    answer(jobs)
    await asyncio.sleep(0)

    assert len(hand_overs) == 1
    assert [jobs[number].future.result() for number in (0, 2, 4)] == [0, 2, 4]
    assert isinstance(jobs[3].future.exception(), ValueError)
    assert jobs[1].future.cancelled()


def test_answering_a_loop_that_is_closed_harms_nobody() -> None:
    loop = asyncio.new_event_loop()
    job = DatabaseJob(loop.create_future())
    loop.close()
    answer([job])
    assert not job.future.done()


async def test_callers_go_on_before_a_group_counts_as_settled() -> None:
    order: list[str] = []
    jobs = [DatabaseJob(asyncio.get_running_loop().create_future()) for _ in range(3)]
    settled = asyncio.Event()

    async def caller(job: DatabaseJob) -> None:
        await job.future
        order.append("answered")
        await asyncio.create_task(woken())

    async def woken() -> None:
        order.append("woken")

    callers = [asyncio.create_task(caller(job)) for job in jobs]
    await asyncio.sleep(0)

    def note_settled() -> None:
        order.append("settled")
        settled.set()

    answer(jobs, settled=note_settled)
    await settled.wait()

    assert order == ["answered"] * 3 + ["woken"] * 3 + ["settled"]
    await asyncio.gather(*callers)


def test_a_group_whose_loop_is_closed_is_settled_at_once() -> None:
    loop = asyncio.new_event_loop()
    job = DatabaseJob(loop.create_future())
    loop.close()
    settled: list[bool] = []
    answer([job], settled=lambda: settled.append(True))
    assert settled == [True]
