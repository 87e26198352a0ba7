"""When a run of faults ends: enough have hit, each kind has, or a broken promise was seen."""

import asyncio
from pathlib import Path
from random import Random

import pytest
from tests.lab.worlds import empty_world

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.lab import injector as injecting
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.books import Archived, FnBook
from kkt_adapter.lab.injector import Injector
from kkt_adapter.lab.ledger import Asked, CommandKind
from kkt_adapter.lab.own_findings import until_broken
from kkt_adapter.lab.world import World

PATIENCE_S = 20.0  # before a test gives up


def asked(number: int) -> Asked:
    return Asked(
        number=number,
        key=f"k{number}",
        till="T",
        kind=CommandKind.SALE,
        total_kop=100,
        body={},
        keyless=False,
    )


def document(name: str, number: int) -> Archived:
    return Archived(
        fn_number="9999",
        fd_number=number,
        code=DocumentCode.RECEIPT,
        name=name,
        total_kop=100,
        fiscal_sign="1",
        message=b"",
    )


async def works(world: World, rng: Random) -> str | None:
    return "something"


async def test_each_kind_hits_however_often_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    async def misses_first(world: World, rng: Random) -> str | None:
        nonlocal tries
        tries += 1
        return "something" if tries > 3 else None

    menu = (
        FaultKind(name="works", weight=1, work=works),
        FaultKind(name="misses", weight=1, work=misses_first),
    )
    monkeypatch.setattr(injecting, "MENU", menu)
    few = Injector(empty_world(Path()), seed=1, gap_s=0.001, each=True)
    await few.inject(1, limit_s=PATIENCE_S)
    many = Injector(empty_world(Path()), seed=1, gap_s=0.001, each=True)
    await many.inject(9, limit_s=PATIENCE_S)

    assert few.stats.hit["works"] >= 1 and few.stats.hit["misses"] == 1
    assert many.stats.total >= 9


async def test_nothing_more_is_tried_once_enough_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sees_enough(world: World, rng: Random) -> str | None:
        world.broken.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(injecting, "MENU", (FaultKind(name="sees", weight=1, work=sees_enough),))
    injector = Injector(empty_world(Path()), seed=1, gap_s=0.001)

    async with asyncio.timeout(PATIENCE_S):
        await injector.inject(1_000, limit_s=600)

    assert injector.stats.total == 0
    assert injector.stats.stuck == []


async def test_a_promise_is_broken_when_a_fault_has_seen_it_or_a_receipt_has_two_documents() -> None:
    seen, doubled, allowed = (empty_world(Path()) for _ in range(3))
    seen.wrong.append("a node does not answer")
    twice = FnBook(
        register_id="R0",
        queued=True,
        documents=(document("Lab 000001", 2), document("Lab 000001", 3), document("Foreign", 4)),
    )
    doubled.ledger.asked.append(asked(1))
    allowed.ledger.asked.append(asked(1))
    allowed.ledger.asked[0].allowed = 2

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(until_broken(seen, list), until_broken(doubled, lambda: [twice]))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.6):
            await until_broken(allowed, lambda: [twice])

    assert seen.broken.is_set() and doubled.broken.is_set() and not allowed.broken.is_set()
