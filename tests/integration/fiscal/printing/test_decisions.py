"""A person's decision about an unknown outcome is final: it is carried out once, and nothing overrules it.

The register here writes no receipt key into its documents, so that only kind and sum tell whose they are.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.support.product import Product, sale
from tests.support.registers.doubt import KOP, a_shop, asked, in_doubt
from tests.support.registers.foreign import foreign_document

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.runtime.db.backup import back_up, restore


async def decide(shop: Product, receipt_id: str, action: str = "print_again", **more: Any) -> Any:
    body = {"action": action, "reason": "the tape says so"} | more
    return await shop.call("POST", f"/v1/kkt/receipt/{receipt_id}/resolve", body)


def receipts_made(shop: Product) -> list[int]:
    return [d.fd_number for d in shop.archive() if d.code is DocumentCode.RECEIPT]


def copy(shop: Product) -> Path:
    return back_up(shop.settings.data_dir / "buffer.db", shop.folder / "copies", now=datetime.now(UTC))


async def put_back(shop: Product, backup: Path) -> None:
    async with shop.stopped():
        restore(backup, shop.settings.data_dir / "buffer.db", now=datetime.now(UTC))


async def test_print_again_after_a_restart_prints_once_and_takes_no_rejected_document(tmp_path: Path):
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        await shop.restart()
        await shop.until(partial(asked, shop))
        made = receipts_made(shop)
        assert (await shop.get("/v1/kkt/ready"))["reason"] == "question", "asked before a card is charged"

        answer = await decide(shop, receipt_id)
        assert answer.status_code == 200, answer.text
        row = await shop.state_of(receipt_id, print_state="printed")

        after = receipts_made(shop)
        assert after[: len(made)] == made
        assert after[len(made) :] == [row["fiscal_doc"]["fiscal_doc_number"]]
        await shop.restart()
        await shop.sell(1)
        assert len(receipts_made(shop)) == len(after) + 1
        assert await asked(shop) is None
        assert (await shop.get("/v1/kkt/ready"))["reason"] is None
        again = await decide(shop, receipt_id)
        assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


async def test_after_a_restore_from_before_the_decision_the_question_is_asked_again(tmp_path: Path):
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        before = copy(shop)
        await decide(shop, receipt_id)
        first = await shop.state_of(receipt_id, print_state="printed")
        made = receipts_made(shop)

        await put_back(shop, before)
        question = await shop.until(partial(asked, shop))

        assert question["receipt_id"] == receipt_id
        number = first["fiscal_doc"]["fiscal_doc_number"]
        assert number in [document["fd_number"] for document in question["documents"]]
        answer = await decide(shop, receipt_id, "adopt", fiscal_doc_number=number)
        assert answer.status_code == 200, answer.text
        row = await shop.state_of(receipt_id, print_state="printed")
        assert row["fiscal_doc"] == first["fiscal_doc"]
        assert receipts_made(shop) == made


async def test_what_was_decided_before_the_copy_is_not_asked_again(tmp_path: Path):
    """The copy knows what was rejected; what was printed after it looks like the receipt: that is asked."""
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        shop.break_register(paper_out=True)
        assert (await decide(shop, receipt_id)).status_code == 200
        await shop.state_of(receipt_id, print_state="new")
        decided = copy(shop)
        shop.faults().clear()
        row = await shop.state_of(receipt_id, print_state="printed")
        number = row["fiscal_doc"]["fiscal_doc_number"]
        made = receipts_made(shop)

        await put_back(shop, decided)
        question = await shop.until(partial(asked, shop))

        assert [document["fd_number"] for document in question["documents"]] == [number]
        refused = await decide(shop, receipt_id, "adopt", fiscal_doc_number=number - 1)
        assert refused.status_code == 409
        assert (await decide(shop, receipt_id, "adopt", fiscal_doc_number=number)).status_code == 200
        await shop.state_of(receipt_id, print_state="printed")
        assert receipts_made(shop) == made


async def test_a_decision_about_a_question_that_has_changed_is_refused(tmp_path: Path):
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        seen = (await shop.until(partial(asked, shop)))["version"]
        number = await foreign_document(shop)

        refused = await decide(shop, receipt_id, question_version=seen)

        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        question = await shop.until(partial(asked, shop))
        assert question["version"] == refused.json()["question_version"] != seen
        assert number in [document["fd_number"] for document in question["documents"]]
        again = await decide(shop, receipt_id, question_version=seen)
        assert again.status_code == 409
        assert (await decide(shop, receipt_id, question_version=question["version"])).status_code == 200
        await shop.state_of(receipt_id, print_state="printed")


async def test_the_audit_trail_names_the_question_that_was_answered(tmp_path: Path):
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        version = (await shop.until(partial(asked, shop)))["version"]
        await decide(shop, receipt_id, question_version=version)

        (metadata,) = await shop.read(
            lambda c: (
                c.execute(
                    select(buffer_events.c.metadata).where(buffer_events.c.event_type == "print_resolved")
                )
                .scalars()
                .all()
            )
        )
        assert version in metadata


async def test_a_sale_that_came_after_foreign_documents_is_none_of_them(tmp_path: Path):
    """Foreign documents of the same sum stay in the rows; a later receipt that waits over a restart is not
    one of them."""
    async with a_shop(tmp_path) as shop:
        receipt_id = await in_doubt(shop)
        await decide(shop, receipt_id)
        await shop.state_of(receipt_id, print_state="printed")
        shop.break_register(paper_out=True)
        waiting = (await shop.post(sale(kop=KOP), key="later")).json()
        await shop.restart()
        shop.faults().clear()

        row = await shop.state_of(waiting["receipt_id"], print_state="printed")

        assert row["fiscal_doc"]["fiscal_doc_number"] == receipts_made(shop)[-1]
