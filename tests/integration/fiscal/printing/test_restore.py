"""A restored database is older than the FNs: what they made since then is found again, and not made twice."""

import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.api import Json
from tests.support.product import TILL, Product, ShiftedClock, product, sale, virtual_registers
from tests.support.registers.doubt import asked
from tests.support.registers.foreign import foreign_document

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers, close_all
from kkt_adapter.bootstrap.storage import open_storage
from kkt_adapter.cli.database.copies import decide
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store.losses import Loss, LossKind, open_losses
from kkt_adapter.fiscal.store.session_tables import cash_transactions
from kkt_adapter.fiscal.store.tables import attempts, buffer_events, documents, met_fns, shifts
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.runtime.db.identity import MEMORY, Decided, change_memory, load_memory
from kkt_adapter.runtime.leases.rows import leases

KEYLESS: Json = {"additional_attribute": "order 7", "user_attribute": {"name": "table", "value": "4"}}


def copy(shop: Product) -> Path:
    return back_up(shop.settings.data_dir / "buffer.db", shop.folder / "copies", now=datetime.now(UTC))


def copy_from_before_the_contact(shop: Product) -> Path:
    """A copy that knows nothing of the FN."""
    backup = copy(shop)
    with closing(sqlite3.connect(backup)) as raw, raw:
        raw.execute("DELETE FROM met_fns")
        raw.execute("DELETE FROM documents")
    return backup


@asynccontextmanager
async def restored(shop: Product, backup: Path):
    async with shop.stopped():
        restore(backup, shop.settings.data_dir / "buffer.db", now=datetime.now(UTC))
        yield


def receipts_made(shop: Product) -> list[int]:
    return [d.fd_number for d in shop.archive() if d.code is DocumentCode.RECEIPT]


async def paper_out(shop: Product, body: Json, key: str) -> None:
    """A receipt that is accepted and waits."""
    shop.break_register(paper_out=True)
    answer = (await shop.post(body, key=key)).json()
    assert answer["status"] == "buffered"


async def test_a_receipt_asked_for_again_after_a_restore_gets_its_document(tmp_path: Path):
    async with product(tmp_path) as shop:
        await shop.sell(2)
        backup = copy(shop)
        told = (await shop.post(sale(kop=777), key="after-the-copy")).json()
        await shop.delivered()
        made = len(shop.archive())

        async with restored(shop, backup):
            pass
        again = (await shop.post(sale(kop=777), key="after-the-copy")).json()

        assert again["fiscal_doc_id"] == told["fiscal_doc_id"]
        assert again["fiscal_doc"]["fiscal_sign"] == told["fiscal_doc"]["fiscal_sign"]
        assert len(shop.archive()) == made
        await shop.delivered()
        await shop.check_books()


@pytest.mark.parametrize("days", [40, 400])
async def test_a_clock_that_is_far_ahead_prints_nothing_twice_after_a_restore(tmp_path: Path, days: int):
    """The register has the host's clock: what it printed a minute ago looks older than any key."""
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        await shop.sell(2)
        backup = copy(shop)
        told = (await shop.post(sale(kop=777), key="after-the-copy")).json()
        await shop.delivered()

        async with restored(shop, backup):
            clock.ahead = timedelta(days=days)
        made = shop.archive()
        again = (await shop.post(sale(kop=777), key="after-the-copy")).json()

        assert again["fiscal_doc_id"] == told["fiscal_doc_id"]
        receipts_made = [d for d in shop.archive() if d.code is DocumentCode.RECEIPT]
        assert receipts_made == [d for d in made if d.code is DocumentCode.RECEIPT]


async def test_a_receipt_that_waited_when_the_copy_was_made_is_not_printed_again(tmp_path: Path):
    async with product(tmp_path, response_budget_s=0.2) as shop:
        await shop.sell()
        await paper_out(shop, sale(kop=555), "waits")
        backup = copy(shop)
        shop.break_register()
        printed = await shop.until(lambda: the_answer(shop, sale(kop=555), "waits"))
        made = len(shop.archive())

        async with restored(shop, backup):
            pass
        await shop.delivered()

        again = (await shop.post(sale(kop=555), key="waits")).json()
        assert again["fiscal_doc_id"] == printed["fiscal_doc_id"]
        assert len(shop.archive()) == made
        await shop.check_books()


async def the_answer(shop: Product, body: Json, key: str) -> Json | None:
    answer: Json = (await shop.post(body, key=key)).json()
    return answer if answer["status"] == "printed" else None


async def test_a_new_sale_after_a_restore_is_printed_whatever_the_fn_holds(tmp_path: Path):
    async with product(tmp_path) as shop:
        await shop.sell()
        backup = copy(shop)
        await shop.sell(3, kop=4_200)
        made = len(shop.archive())

        async with restored(shop, backup):
            pass
        await shop.sell(2, kop=4_200)
        (keyless,) = [await shop.post(sale(kop=4_200, **KEYLESS))]

        assert keyless.json()["status"] == "printed"
        assert len(shop.archive()) == made + 3


async def test_a_key_used_for_another_sum_is_another_sale(tmp_path: Path):
    """Tills that count their keys from 1 begin again after a restore."""
    async with product(tmp_path) as shop:
        backup = copy(shop)
        first = (await shop.post(sale(kop=100), key="1")).json()

        async with restored(shop, backup):
            pass
        second = (await shop.post(sale(kop=200), key="1")).json()

        assert second["status"] == "printed"
        assert second["fiscal_doc_id"] != first["fiscal_doc_id"]


@pytest.mark.parametrize("days", [0, 400])
async def test_a_receipt_without_a_key_that_waited_and_a_document_like_it_are_a_question(
    tmp_path: Path, days: int
):
    """Also where a clock that is far ahead makes the document look older than any question."""
    clock = ShiftedClock()
    async with product(tmp_path, response_budget_s=0.2, clock=clock) as shop:
        await shop.sell()
        await paper_out(shop, sale(kop=3_333, **KEYLESS), "keyless")
        backup = copy(shop)
        shop.break_register()
        printed = await shop.until(lambda: the_answer(shop, sale(kop=3_333, **KEYLESS), "keyless"))
        made = receipts_made(shop)

        async with restored(shop, backup):
            pass
        await shop.state_of(printed["receipt_id"], print_state="print_unknown")
        async with shop.stopped():  # the suspicion is looked at again
            clock.ahead = timedelta(days=days)
        await shop.until(partial(asked, shop))
        await shop.state_of(printed["receipt_id"], print_state="print_unknown")
        number = int(printed["fiscal_doc_id"].split("-")[1])
        resolved = await shop.client.post(
            f"/v1/kkt/receipt/{printed['receipt_id']}/resolve",
            json={"action": "adopt", "fiscal_doc_number": number, "reason": "the slip says so"},
        )

        assert resolved.status_code == 200, resolved.text
        await shop.delivered()
        assert receipts_made(shop) == made


async def test_two_documents_that_a_receipt_without_a_key_may_be_are_a_question(tmp_path: Path):
    async with product(tmp_path, response_budget_s=0.2) as shop:
        await shop.sell()
        await paper_out(shop, sale(kop=3_333, **KEYLESS), "keyless")
        backup = copy(shop)
        shop.break_register()
        printed = await shop.until(lambda: the_answer(shop, sale(kop=3_333, **KEYLESS), "keyless"))
        await shop.post(sale(kop=3_333, **KEYLESS), key="another-one")
        made = len(shop.archive())

        async with restored(shop, backup):
            pass
        waiting = (await shop.get("/v1/kkt/receipt", idempotency_key="keyless"))["receipt_id"]
        await shop.state_of(waiting, print_state="print_unknown")
        number = int(printed["fiscal_doc_id"].split("-")[1])
        resolved = await shop.client.post(
            f"/v1/kkt/receipt/{waiting}/resolve",
            json={"action": "adopt", "fiscal_doc_number": number, "reason": "the slip says so"},
        )

        assert resolved.status_code == 200, resolved.text
        assert len(shop.archive()) == made


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


async def test_documents_below_one_that_was_adopted_are_read_back_too(tmp_path: Path):
    """The copy holds an open attempt, and the FN made others before it made this one: the number of the
    document that is found first is no proof that those below it are known."""
    async with product(tmp_path, response_budget_s=0.2) as shop:
        await shop.sell()
        oldest = copy(shop)
        await paper_out(shop, sale(kop=777), "open")
        backup = copy(shop)
        raw = sqlite3.connect(backup)  # as a process that was killed while the register was closing it
        raw.execute("UPDATE attempts SET outcome = NULL, ended_at = NULL, sent = 1 WHERE receipt_seq = 2")
        assert raw.total_changes == 1
        raw.execute("UPDATE receipts SET print_state = 'printing', print_due_at = NULL WHERE seq = 2")
        raw.commit()
        raw.close()

        async with restored(shop, oldest):
            shop.break_register()
        keys = ["first", "second", "open"]
        told = [await shop.until(partial(the_answer, shop, sale(kop=777), key)) for key in keys]
        made = len(shop.archive())

        async with restored(shop, backup):
            pass
        again = [await shop.until(partial(the_answer, shop, sale(kop=777), key)) for key in keys]

        assert [answer["fiscal_doc_id"] for answer in again] == [answer["fiscal_doc_id"] for answer in told]
        assert len(shop.archive()) == made


async def test_cash_that_waited_in_the_copy_is_not_moved_twice(tmp_path: Path):
    async with product(tmp_path) as shop:
        await shop.client.post("/v1/pos/session/open", json={"pos_id": TILL, "opening_cash": "0.00"})
        moved = {"pos_id": TILL, "type": "cash_in", "amount": "100.00", "reason": "change"}
        assert (await shop.client.post("/v1/pos/cash", json=moved)).status_code == 200
        backup = copy(shop)
        await shop.sell()  # opens the shift that it waits for
        shop.lane().cash_waits()
        await shop.until(lambda: cash_is(shop, "done"))

        async with restored(shop, backup):
            pass
        await shop.until(lambda: cash_is(shop, "unclear"))
        movement = await shop.read(lambda c: c.execute(select(cash_transactions.c.id)).scalar_one())
        decided = {"action": "send_again", "reason": "the drawer was counted"}
        answer = await shop.client.post(f"/v1/pos/cash/{movement}/resolve", json=decided)

        assert answer.status_code == 200
        await shop.until(lambda: cash_is(shop, "done"))


async def cash_is(shop: Product, state: str) -> bool:
    query = select(cash_transactions.c.device_state).where(cash_transactions.c.device_state.is_not(None))
    return bool(await shop.read(lambda c: c.execute(query).scalars().all()) == [state])


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


@pytest.mark.parametrize("read_back_first", [True, False])
async def test_a_register_renamed_after_a_restore_keeps_its_documents(tmp_path: Path, read_back_first: bool):
    async with product(tmp_path) as shop:
        await shop.sell(2)
        backup = copy(shop)
        told = (await shop.post(sale(kop=777), key="after-the-copy")).json()
        await shop.delivered()
        made = len(shop.archive())

        async with restored(shop, backup):
            if not read_back_first:
                rename_register(shop, "COUNTER")
        if read_back_first:
            async with shop.stopped():
                rename_register(shop, "COUNTER")
        again = (await shop.post(sale(till="COUNTER", kop=777), key="after-the-copy")).json()

        assert again["fiscal_doc_id"] == told["fiscal_doc_id"]
        assert len(shop.archive("COUNTER")) == made


def rename_register(shop: Product, name: str) -> None:
    """In the settings; it is the same register with the same FN."""
    for path in shop.settings.fn_dir.glob(f"{TILL}*"):
        path.rename(path.with_name(name + path.name.removeprefix(TILL)))
    shop.settings = shop.settings.model_copy(update={"registers": virtual_registers(name)})
