"""What is read back from the FNs after a restore: how far, in which steps, and what is told as lost."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.api import Json
from tests.support.product import TILL, Product, ShiftedClock, product, sale
from tests.support.registers.foreign import foreign_document
from tests.support.registers.restored import KEYLESS, copy, restored, the_answer

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers, close_all
from kkt_adapter.bootstrap.storage import open_storage
from kkt_adapter.cli.database.copies import decide
from kkt_adapter.fiscal.store.losses import Loss, LossKind, open_losses
from kkt_adapter.fiscal.store.tables import attempts, buffer_events, documents, met_fns, shifts
from kkt_adapter.runtime.db.identity import MEMORY, Decided, change_memory, load_memory
from kkt_adapter.runtime.leases.rows import leases


def copy_from_before_the_contact(shop: Product) -> Path:
    """A copy that knows nothing of the FN."""
    backup = copy(shop)
    with closing(sqlite3.connect(backup)) as raw, raw:
        raw.execute("DELETE FROM met_fns")
        raw.execute("DELETE FROM documents")
    return backup


async def test_documents_shifts_and_terms_are_caught_up_and_said(tmp_path: Path):
    async with product(tmp_path) as shop:
        backup = copy(shop)
        for _ in range(3):  # each start takes a higher term, and the FN remembers it
            await shop.restart()
            await shop.sell(2)
        await shop.client.post("/v1/kkt/z_report", json={"pos_id": TILL})

        async with restored(shop, backup):
            pass
        await shop.until(lambda: shop.read(lambda c: c.execute(select(documents)).all()))
        (sold,) = await shop.sell()

        assert sold["status"] == "printed"
        rows = await shop.read(lambda c: c.execute(select(documents.c.fd_number)).scalars().all())
        assert sorted(rows) == [d.fd_number for d in shop.archive()][1:]  # met with its registration made
        kept = await shop.read(lambda c: c.execute(select(shifts).order_by(shifts.c.shift_number)).all())
        assert [(s.shift_number, s.closed_at is None) for s in kept] == [(1, False), (2, True)]
        assert kept[0].z_report is not None
        (event,) = await shop.read(
            lambda c: c.execute(
                select(buffer_events).where(buffer_events.c.event_type == "documents_read_back")
            ).all()
        )
        assert '"count":6' in event.metadata
        term = await shop.read(lambda c: c.execute(select(leases.c.term)).scalars().all())
        assert max(term) < 100


async def test_a_register_that_has_seen_far_higher_terms_is_caught_up_at_once(tmp_path: Path):
    async with product(tmp_path) as shop:
        backup = copy(shop)

        async with shop.stopped():
            raw = sqlite3.connect(shop.settings.data_dir / "buffer.db")
            raw.execute("UPDATE leases SET term = term + 100000")
            raw.commit()
            raw.close()
        await shop.sell()

        async with restored(shop, backup):
            pass
        (sold,) = await shop.sell()

        assert sold["status"] == "printed"
        attempts_made = await shop.read(lambda c: c.execute(select(attempts)).all())
        assert len(attempts_made) < 10


async def test_a_new_shop_takes_an_fn_as_it_is_and_reads_nothing_back(tmp_path: Path):
    """Every real register comes with documents of others: the first contact is where ours begin."""
    async with product(tmp_path) as shop:
        await shop.sell(3)
        await shop.delivered()
        made = len(shop.archive())

        async with shop.stopped():
            for path in shop.settings.data_dir.glob("buffer.db*"):
                path.unlink()
            decide(shop.settings.data_dir, Decided.BEGIN, reason="lost")
        (sold,) = await shop.sell()

        assert sold["status"] == "printed"
        rows = await shop.read(lambda c: c.execute(select(documents.c.fd_number)).scalars().all())
        assert min(rows) > made
        assert (await shop.read(lambda c: c.execute(select(met_fns.c.first_fd)).scalar_one())) == made
        assert await shop.read(lambda c: open_losses(c, now=shop.clock.now())) == ()
        await shop.delivered()


async def test_an_fn_met_after_the_copy_is_read_back_from_where_it_was_met(tmp_path: Path):
    """The copy knows nothing of the FN; the data directory does."""
    async with product(tmp_path) as shop:
        await shop.until(lambda: shop.read(lambda c: c.execute(select(met_fns)).all()))
        backup = copy_from_before_the_contact(shop)
        told = (await shop.post(sale(kop=700), key="k")).json()

        async with restored(shop, backup):
            pass

        assert (await shop.post(sale(kop=700), key="k")).json()["fiscal_doc_id"] == told["fiscal_doc_id"]


@pytest.mark.parametrize("how", ["ended between", "another directory", "clock ahead", "by hand"])
async def test_an_fn_that_the_directory_does_not_remember_is_read_back_too(tmp_path: Path, how: str):
    """The process that met the FN may have ended before the directory remembered it, and with a server the
    node that met it may have a directory of its own. A copy that is put into a new directory by hand comes
    without a word."""
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        if how == "by hand":
            await shop.restart()  # a copy that the very first start might have made is a new shop's
        met = (await shop.until(lambda: shop.read(lambda c: c.execute(select(met_fns)).all())))[0]
        backup = copy_from_before_the_contact(shop)

        def forget() -> None:
            change_memory(shop.settings.data_dir, lambda memory: replace(memory, fns={}))

        async with shop.stopped():
            forget()
        told = (await shop.post(sale(kop=700), key="k")).json()
        assert load_memory(shop.settings.data_dir).fns == {met.fn_number: met.first_fd}
        async with restored(shop, backup):
            if how == "clock ahead":  # a start that ends before it meets the FN
                closers: Closers = []
                await open_storage(shop.settings, seams=Seams(), clock=clock, closers=closers)
                await close_all(closers)
                clock.ahead = timedelta(days=40)
            if how in ("another directory", "clock ahead"):
                forget()
            if how == "by hand":
                (shop.settings.data_dir / MEMORY).unlink()

        assert (await shop.post(sale(kop=700), key="k")).json()["fiscal_doc_id"] == told["fiscal_doc_id"]
        assert await shop.until(lambda: losses_of(shop))


async def losses_of(shop: Product) -> dict[LossKind, Loss]:
    return {loss.kind: loss for loss in await shop.read(lambda c: open_losses(c, now=shop.clock.now()))}


async def test_what_was_lost_is_told_with_its_numbers_and_what_others_printed_apart(tmp_path: Path):
    """A receipt without a key that was printed before the database was restored is ours as well."""
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        await shop.sell()
        backup = copy(shop)
        await shop.sell(2)
        await shop.post(sale(kop=4_200, **KEYLESS))
        last = len(shop.archive())

        async with restored(shop, backup):
            pass
        await shop.sell()
        lost = (await losses_of(shop))[LossKind.LOST]
        assert (lost.count, lost.first, lost.last) == (3, last - 2, last)

        clock.ahead = timedelta(minutes=2)  # the FN's documents carry minutes
        number = await foreign_document(shop)
        await shop.restart()
        await shop.sell()

        found = await losses_of(shop)
        others = found[LossKind.OTHERS]
        assert found[LossKind.LOST] == lost
        assert (others.count, others.first, others.last) == (1, number, number)
        levels = {alert["code"]: alert["level"] for alert in await shop.until(lambda: alerts_of(shop))}
        assert levels["RECEIPTS_LOST"] == "P1"
        assert levels["PRINTED_BY_OTHERS"] == "P3"


async def alerts_of(shop: Product) -> list[Json]:
    alerts: list[Json] = (await shop.status())["alerts"]
    return alerts if "RECEIPTS_LOST" in {alert["code"] for alert in alerts} else []


async def test_a_reading_back_that_was_broken_off_is_finished(tmp_path: Path):
    """Newest first: the newest numbers are written down, and the gap below them is remembered."""
    async with product(tmp_path) as shop:
        backup = copy(shop)
        told = (await shop.post(sale(kop=1), key="the-first")).json()
        await shop.sell(5)
        last = len(shop.archive())

        async with restored(shop, backup):
            pass
        await shop.sell()
        async with shop.stopped():  # as a process that was killed after its first step has left it
            raw = sqlite3.connect(shop.settings.data_dir / "buffer.db")
            raw.execute("DELETE FROM documents WHERE receipt_seq IS NULL AND fd_number < ?", (last - 1,))
            raw.execute("UPDATE met_fns SET unread_from = 2")
            raw.commit()
            raw.close()

        assert (await shop.post(sale(kop=1), key="the-first")).json()["fiscal_doc_id"] == told[
            "fiscal_doc_id"
        ]
        rows = await shop.read(lambda c: c.execute(select(documents.c.fd_number)).scalars().all())
        assert set(range(2, last + 1)) <= set(rows)
        assert await shop.read(lambda c: c.execute(select(met_fns.c.unread_from)).scalar_one()) is None


@pytest.mark.parametrize("others", [0, 250])
async def test_reading_back_goes_in_steps(tmp_path: Path, others: int):
    async with product(tmp_path) as shop:
        backup = copy(shop)
        await shop.sell_at_once(others)
        last = await shop.until(lambda: the_answer(shop, sale(kop=1), "the-last"))

        async with restored(shop, backup):
            pass

        again = await shop.until(lambda: the_answer(shop, sale(kop=1), "the-last"))  # reading takes a while
        assert again["fiscal_doc_id"] == last["fiscal_doc_id"]
