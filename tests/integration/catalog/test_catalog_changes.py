"""What became of the products, on both databases: history, revisions, export and changes since."""

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.catalog_store import SHELF, Store, game, key

from kkt_adapter.api.schemas.shown.products import export_text
from kkt_adapter.catalog.reads.catalogue import HistoryField, ProductQuery, Sort
from kkt_adapter.catalog.store.changes import ChangeKind
from kkt_adapter.catalog.store.tables import millis
from kkt_adapter.catalog.sync.retention import forget_step
from kkt_adapter.kernel.errors import InvalidInput, ProductNotFound, ResyncNeeded


async def test_history_holds_one_row_for_each_true_change(store: Store) -> None:
    prices = ("1.00", "1.00", "2.00", "2.000001", "3.00")
    for price in prices:
        await store.offer(game(1, "One", minPrice=price), game(2, "Two"))
    told = (await store.reads.history(key(1))).entries
    assert [(entry.field, entry.old, entry.new) for entry in told] == [
        ("min_price", "2.00", "3.00"),
        ("min_price", "1.00", "2.00"),
    ]
    await store.offer(game(1, "One", minPrice="3.00", qty=0, availableToBuy=False), game(2, "Two"))
    stock = (await store.reads.history(key(1), field=HistoryField.STOCK)).entries
    assert sorted((entry.field, entry.old, entry.new) for entry in stock) == [
        ("available_to_buy", True, False),
        ("qty", 1, 0),
    ]
    first = await store.reads.history(key(1), limit=3)
    rest = await store.reads.history(key(1), limit=3, cursor=first.next_cursor)
    assert len(first.entries) + len(rest.entries) == 4
    assert rest.next_cursor is None
    late = await store.reads.history(key(1), start=told[0].at)
    assert len(late.entries) == 3
    assert len((await store.reads.history(key(1), end=told[1].at)).entries) == 1
    with pytest.raises(ProductNotFound):
        await store.reads.history("unknown")


async def test_a_run_that_finds_nothing_new_leaves_revision_and_tags_alone(store: Store) -> None:
    await store.offer(*SHELF)
    before = await store.reads.state()
    await store.offer(*SHELF)
    after = await store.reads.state()
    assert after.revision == before.revision
    assert after.synced_at != before.synced_at
    assert store.reads.etag(before.revision, "q") == store.reads.etag(after.revision, "q")
    assert store.reads.etag(before.revision, "q") != store.reads.etag(after.revision, "other")
    await store.offer(game(1, "Another name"), *SHELF[1:])
    assert (await store.reads.state()).revision == before.revision + 1


async def test_export_is_the_active_catalogue_in_order_of_ids(store: Store) -> None:
    await store.offer(*SHELF)
    await store.offer(*SHELF[1:])
    head, *lines = await store.exported()
    assert json.loads(head).keys() == {"revision", "generated_at", "count"}
    assert json.loads(head)["count"] == 4
    assert [json.loads(line)["id"] for line in lines] == [key(number) for number in (2, 3, 4, 5)]
    assert (await store.exported(compressed=True))[1:] == lines
    picked = [json.loads(line) for line in (await store.exported(fields=("min_price", "name")))[1:]]
    assert picked[1] == {"id": key(3), "name": "Königreich: Last Crown", "min_price": "7.50"}
    with pytest.raises(InvalidInput) as caught:
        await store.exported(fields=("last_seen_at",))
    assert caught.value.facts["field"] == "fields"


async def test_an_export_that_nobody_reads_to_its_end_is_closed(store: Store) -> None:
    await store.offer(*SHELF)
    export = await store.reads.export(export_text())
    await anext(aiter(export.chunks))
    await export.close()
    await export.close()
    assert [chunk async for chunk in export.chunks] == []


async def test_export_and_changes_equal_a_fresh_export(store: Store) -> None:
    dice = random.Random(7)
    shelf = {number: game(number, f"Game {number}", minPrice="1.00") for number in range(20)}
    await store.offer(*shelf.values())
    copy, revision = await store.copy(), (await store.reads.state()).revision
    for step in range(6):
        for number in dice.sample(sorted(shelf), 5):
            if dice.random() < 0.4:
                del shelf[number]
            else:
                shelf[number] = game(number, f"Game {number}", minPrice=f"{step}.50")
        back = dice.randrange(20)
        shelf.setdefault(back, game(back, f"Game {back}", minPrice="1.00"))
        shelf[50 + step] = game(50 + step, "Fresh")
        await store.offer(*(shelf[number] for number in sorted(shelf)))
        if step % 2:  # a till asks now and then
            continue
        more = True
        while more:
            told = await store.reads.changes(since=revision, limit=3)
            for change in told.changes:
                if change.product is None:
                    copy.pop(change.id, None)
                else:
                    copy[change.id] = export_text().product(change.product)
            revision, more = told.next_revision, told.more
        assert sorted(copy.values()) == sorted((await store.copy()).values())


async def test_changes_say_what_happened_since(store: Store) -> None:
    await store.offer(*SHELF)
    start = (await store.reads.state()).revision
    assert (await store.reads.changes(since=start)).changes == []
    await store.offer(*SHELF[1:4])  # 1 and 5 go
    away = (await store.reads.state()).revision
    await store.offer(
        SHELF[0], replace(SHELF[1], name="Renamed", digest="other"), *SHELF[2:4], game(9, "New")
    )
    told = await store.reads.changes(since=start)
    assert {change.id: change.kind for change in told.changes} == {
        key(1): ChangeKind.CHANGED,  # it was there at the start, and is there now
        key(2): ChangeKind.CHANGED,
        key(5): ChangeKind.VANISHED,
        key(9): ChangeKind.CREATED,
    }
    revisions = [change.revision for change in told.changes]
    assert revisions == sorted(set(revisions))
    since_away = {change.id: change.kind for change in (await store.reads.changes(since=away)).changes}
    assert since_away == {
        key(1): ChangeKind.REAPPEARED,
        key(2): ChangeKind.CHANGED,
        key(9): ChangeKind.CREATED,
    }


async def test_a_till_that_was_away_too_long_must_take_a_fresh_export(store: Store) -> None:
    await store.offer(*SHELF)
    old = (await store.reads.state()).revision
    for price in ("6.00", "6.50"):
        await store.offer(game(1, "Pokémon", minPrice=price), *SHELF[1:])
    newest = (await store.reads.state()).revision
    with pytest.raises(ResyncNeeded):  # a catalogue restored from a backup is behind the till
        await store.reads.changes(since=newest + 1)
    cursor = (await store.reads.search(ProductQuery(limit=1, sort=Sort.PRICE))).next_cursor
    assert store.wall.wall is not None
    cutoff = millis(store.wall.wall - timedelta(seconds=30))
    while await store.db.write(lambda connection: forget_step(connection, before=cutoff, now=cutoff)):
        pass
    with pytest.raises(ResyncNeeded) as caught:
        await store.reads.changes(since=old)
    assert old < caught.value.facts["oldest"] < newest
    assert (await store.reads.changes(since=caught.value.facts["oldest"])).changes
    assert (await store.reads.search(ProductQuery(limit=1, sort=Sort.PRICE, cursor=cursor))).items
    assert len((await store.reads.history(key(1))).entries) == 1


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_limits_of_feed_and_history_are_checked(store: Store, limit: int) -> None:
    for asking in (store.reads.changes(since=0, limit=limit), store.reads.history("x", limit=limit)):
        with pytest.raises(InvalidInput) as caught:
            await asking
        assert caught.value.facts["field"] == "limit"
    with pytest.raises(InvalidInput):
        await store.reads.changes(since=-1)
