"""What a run of the real catalogue stores, generation after generation: a stand-in source, real sockets."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.catalog import PAGES, PRODUCTS, Shop, opened, set_faults, settings_for, shop_with

from kkt_adapter.catalog.runs import ErrorKind, RunStatus
from kkt_adapter.catalog.schedule.daily import SchedulerHealth


async def test_a_first_import_holds_exactly_what_the_source_has(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert (run.pages_total, run.pages_processed) == (PAGES, PAGES)
        assert (run.products_total, run.products_synced, run.new) == (PRODUCTS, PRODUCTS, PRODUCTS)
        assert (run.percent, run.errors, run.retries) == (100.0, 0, 0)
        assert (
            run.requests == emulator.counters.requests == PAGES + 2
        )  # the first again, and one behind the last
        await shop.agrees_with(emulator)
        assert await shop.history() == []
        assert "COMPLETED SUCCESSFULLY" in await shop.logged("Products Synced: 240")


async def test_a_second_generation_changes_exactly_what_changed(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 600) as (shop, emulator):
        await shop.run()
        before = await shop.rows()
        expected = emulator.catalogue.advance()
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        after = await shop.rows()
        assert await shop.vanished() == expected.gone
        assert after.keys() - before.keys() == expected.new
        both = before.keys() & after.keys()
        assert {key for key in both if before[key].min_price != after[key].min_price} == expected.repriced
        assert {key for key in both if before[key].qty and not after[key].qty} == expected.sold_out
        assert (run.new, run.vanished) == (len(expected.new), len(expected.gone))
        assert run.updated == len(expected.repriced | expected.sold_out)

        history = await shop.history()
        changed = {
            field: {row.product_id for row in history if row.field == field}
            for field in ("min_price", "qty", "status")
        }
        assert changed == {"min_price": expected.repriced, "qty": expected.sold_out, "status": expected.gone}
        assert {row.run_id for row in history} == {run.run_id}
        await shop.agrees_with(emulator)

        state = await shop.reads.state()
        third = await shop.run()
        assert (third.new, third.updated, third.vanished, third.unchanged) == (0, 0, 0, 594)
        assert await shop.history() == history
        assert (await shop.reads.state()).revision == state.revision


async def test_a_product_that_comes_back_keeps_its_history(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        (gone,) = emulator.catalogue.items[5:6]
        emulator.catalogue.remove([5])
        await shop.run()
        assert await shop.vanished() == {gone.id}
        assert (await shop.reads.product(gone.id)).status == "vanished"
        emulator.catalogue.replace_all([*emulator.catalogue.items[:5], gone, *emulator.catalogue.items[5:]])
        run = await shop.run()
        assert (run.reappeared, run.new) == (1, 0)
        assert await shop.vanished() == set()
        told = await shop.reads.history(gone.id)
        assert [(entry.old, entry.new) for entry in told.entries] == [
            ("vanished", "active"),
            ("active", "vanished"),
        ]


async def test_without_the_sold_out_a_missing_product_is_sold_out_not_gone(tmp_path: Path) -> None:
    async with shop_with(tmp_path, settings={"include_out_of_stock": False}) as (shop, emulator):
        for place, item in enumerate(emulator.catalogue.items):
            emulator.catalogue.change(place, replace(item, qty=item.qty or 1))
        await shop.run()
        chosen = emulator.catalogue.items[30]
        emulator.catalogue.change(30, replace(chosen, qty=0))
        run = await shop.run()
        assert (run.vanished, run.updated) == (0, 1)
        row = (await shop.rows())[chosen.id]
        assert (row.status, row.qty) == ("active", 0)
        emulator.catalogue.change(30, chosen)
        assert (await shop.run()).updated == 1
        assert (await shop.rows())[chosen.id].qty == chosen.qty


async def test_broken_entries_are_counted_and_named_and_hide_nothing(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        kinds = ("name", "price", "qty", "id")
        broken = list(range(10, 240, 50))
        for turn, place in enumerate(broken):
            emulator.catalogue.change(place, replace(emulator.catalogue.items[place], broken=kinds[turn % 4]))
        run = await shop.run()
        loose = emulator.catalogue.items[broken[3]]
        assert (run.skipped_items, run.errors) == (5, 5)
        assert run.status is RunStatus.SUCCEEDED
        assert await shop.vanished() == {
            loose.id
        }  # nobody can know that the entry without an id was this one
        errors = await shop.sync.errors(run.run_id)
        assert {error.product_id for error in errors} == {
            None,
            *(emulator.catalogue.items[place].id for turn, place in enumerate(broken) if turn != 3),
        }
        assert all(error.kind is ErrorKind.ITEM for error in errors)
        assert run.products_synced == PRODUCTS - 5
        again = await shop.run()
        assert (again.skipped_items, again.vanished) == (5, 0)


async def test_no_secret_is_in_any_log_or_row(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with shop_with(tmp_path, settings={"auth": "bearer"}, token_requests=5) as (shop, emulator):
        await shop.run()
        set_faults(emulator, auth_code="AUTH02")
        await shop.run()
        await shop.logged("FAILED")
        runs = (await shop.sync.runs()).runs
        everything = shop.log + repr(runs) + "".join(capfd.readouterr())
        secrets = [
            emulator.credentials.client_secret,
            emulator.credentials.pair_header.split(", ")[1],
            "token-",
        ]
        assert not [secret for secret in secrets if secret in everything]


async def test_nothing_is_synced_without_credentials(tmp_path: Path) -> None:
    async with opened(tmp_path / "kkt.db") as db, Shop(db, settings_for(None, tmp_path), tmp_path) as shop:
        for attempt in (shop.sync.start(by="anna"), shop.sync.sync_page(1, by="anna")):
            with pytest.raises(Exception, match="G2A_CLIENT_ID"):
                await attempt
        status = await shop.schedule.status()
        assert (status.status, status.sync_running) == (SchedulerHealth.HEALTHY, False)
        assert json.dumps((await shop.reads.facets()).platform) == "[]"
