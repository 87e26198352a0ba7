"""A restored database is older than the FNs: what they made since then is found again, and not made twice."""

import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.product import TILL, Product, ShiftedClock, product, sale, virtual_registers
from tests.support.registers.doubt import asked
from tests.support.registers.restored import KEYLESS, copy, paper_out, restored, the_answer

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store.session_tables import cash_transactions


def receipts_made(shop: Product) -> list[int]:
    return [d.fd_number for d in shop.archive() if d.code is DocumentCode.RECEIPT]


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
