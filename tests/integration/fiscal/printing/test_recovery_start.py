"""Starting on what a killed process left behind, each kind of remains by itself.

The remains are made by stopping the product in order and then setting the rows back to what they were between
two commits; the FN's file says what had really happened.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, update
from tests.support.product import TILL, Product, product, virtual_registers

from kkt_adapter.fiscal.delivery.lanes import relay
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.model import Baseline
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.fiscal.store.tables import attempts, documents, idempotency, receipts, shifts
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.file_lock import ProcessLocks
from kkt_adapter.runtime.leases.rows import leases

QUICK: Any = {"response_budget_s": 0.2}


async def change(running: Product, work: Callable[[Connection], Any]) -> Any:
    return await running.services.database.write(work)


async def freeze(running: Product) -> None:
    """Stop what drives registers and delivers; the database stays open."""
    await running.services.supervisor.stop()


def ended_owner(running: Product) -> str:
    """A process that held its lock file and is gone."""
    owner = random_id()
    ProcessLocks(running.settings.data_dir).hold(owner).release()
    return owner


def undo_printed(seq: int, conn: Connection) -> None:
    """As if the process had been killed after the device printed and before the row said so."""
    row = conn.execute(select(receipts).where(receipts.c.seq == seq)).one()
    conn.execute(
        update(receipts)
        .where(receipts.c.seq == seq)
        .values(
            print_state="printing", fiscal_doc=None, fn_number=None, fiscal_doc_number=None, printed_at=None
        )
    )
    conn.execute(update(idempotency).where(idempotency.c.seq == seq).values(answer=None))
    conn.execute(documents.delete().where(documents.c.fd_number == row.fiscal_doc_number))
    conn.execute(
        update(attempts)
        .where(attempts.c.receipt_seq == seq, attempts.c.what == "print")
        .values(ended_at=None, outcome=None)
    )
    counters.bump(conn, unprinted=1)


def undo_synced(conn: Connection) -> None:
    conn.execute(update(receipts).values(status="pending", synced_at=None))
    counters.bump(conn, pending=1, synced=-1)


def begin_print(seq: int, owner: str, baseline: Baseline, conn: Connection) -> None:
    """As if the process had been killed after the attempt was committed and before the device got it."""
    conn.execute(update(receipts).where(receipts.c.seq == seq).values(print_state="printing"))
    attempt = NewAttempt(lane=LaneTerm(lease=f"lane:{TILL}", owner=owner, number=1), baseline=baseline)
    conn.execute(
        insert(attempts).values(
            id=10_000 + seq,
            what="print",
            register_id=TILL,
            receipt_seq=seq,
            owner=owner,
            term=1,
            baseline_fn=attempt.baseline.fn_number,
            baseline_fd=attempt.baseline.fd_number,
            started_at=conn.execute(select(receipts.c.created_at).where(receipts.c.seq == seq)).scalar_one(),
        )
    )


async def test_a_document_that_was_printed_but_not_written_down_is_found(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        await running.break_operator("down")
        answers = await running.sell(3)
        before = await running.receipt(answers[2]["receipt_id"])
        await freeze(running)
        await change(running, partial(undo_printed, 3))
        await running.restart()
        after = await running.state_of(answers[2]["receipt_id"], print_state="printed")
        assert after["fiscal_doc"] == before["fiscal_doc"]
        assert "print_recovered" in [event["event"] for event in after["events"]]
        await running.repair_operator()
        await running.delivered()
        await running.check_books()


async def test_a_document_that_the_operator_has_already_is_found_and_synced(tmp_path: Path) -> None:
    """Printed and even confirmed in the FN; only our row knows of neither."""
    async with product(tmp_path) as running:
        (answer,) = await running.sell(1)
        await running.delivered()
        await freeze(running)
        await change(running, partial(undo_printed, 1))
        await change(running, undo_synced)
        await running.restart()
        await running.state_of(answer["receipt_id"], print_state="printed", status="synced")
        assert running.ofd.state()["repeated"] == 0
        await running.check_books()


async def test_a_row_that_comes_late_does_not_wait_for_the_next_look_at_an_empty_fn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LOOK_AGAIN_S", 3600.0)  # no such look within this test
    async with product(tmp_path) as running:
        (answer,) = await running.sell(1)
        await running.delivered()
        await change(running, undo_synced)
        await running.client.post("/v1/kkt/buffer/sync")
        await running.state_of(answer["receipt_id"], status="synced")
        assert running.ofd.state()["repeated"] == 0
        await running.check_books()


@pytest.mark.parametrize("answer_came", [True, False], ids=["replayed", "found"])
async def test_a_replay_right_after_the_start_gets_the_recovered_answer(
    tmp_path: Path, answer_came: bool
) -> None:
    async with product(tmp_path) as running:
        first = await running.post(key="k")
        await freeze(running)
        if not answer_came:
            await change(running, partial(undo_printed, 1))
        await running.restart()
        again = await running.post(key="k")
        while again.json()["status"] == "buffered":
            again = await running.post(key="k")
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"


async def test_an_attempt_that_never_reached_the_device_is_printed_now(tmp_path: Path) -> None:
    async with product(tmp_path, **QUICK) as running:
        await running.sell(1)
        running.break_register(paper_out=True)
        (waiting,) = await running.sell(1)
        position = running.archive()[-1]
        await freeze(running)
        baseline = Baseline(fn_number=position.fn_number, fd_number=position.fd_number)
        await change(running, partial(begin_print, 2, ended_owner(running), baseline))
        await running.restart()
        row = await running.state_of(waiting["receipt_id"], print_state="printed")
        outcomes = [a["outcome"] for a in row["attempts"] if a["what"] == "print"]
        assert "absent" in outcomes
        await running.delivered()
        await running.check_books()
        assert set(Counter(d.key for d in running.archive() if d.key).values()) == {1}


async def test_a_shift_opening_that_was_not_written_down_is_found(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        await running.sell(1)
        await freeze(running)

        def undo(conn: Connection) -> None:
            conn.execute(
                update(attempts)
                .where(attempts.c.what == "open_shift")
                .values(ended_at=None, outcome=None, baseline_fd=1)
            )
            conn.execute(documents.delete().where(documents.c.fd_number == 2))
            conn.execute(shifts.delete())

        await change(running, undo)
        await running.restart()
        (answer,) = await running.sell(1)
        assert answer["status"] == "printed"
        kept = await running.read(lambda c: c.execute(select(shifts.c.opened_at, shifts.c.closed_at)).all())
        assert [(opened is not None, closed) for opened, closed in kept] == [(True, None)]
        assert sum(document.code == 2 for document in running.archive()) == 1


async def test_a_z_report_that_was_not_written_down_is_found_with_its_totals(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        await running.sell(2)
        report = await running.close_shift(**{"Idempotency-Key": "z"})
        await freeze(running)

        def undo(conn: Connection) -> None:
            conn.execute(
                update(attempts).where(attempts.c.what == "close_shift").values(ended_at=None, outcome=None)
            )
            conn.execute(documents.delete().where(documents.c.fd_number == report["fiscalDocumentNumber"]))
            conn.execute(update(shifts).values(closed_at=None, z_report=None))
            shift = {"fn_number": running.archive()[0].fn_number, "shift_number": 1}
            conn.exec_driver_sql("UPDATE report_keys SET answer = ?", (json.dumps({"closing": shift}),))

        await change(running, undo)
        await running.restart()
        await running.until(partial(settled, running))
        again = await running.close_shift(**{"Idempotency-Key": "z"})
        assert {
            n: again[n] for n in ("fiscalDocumentNumber", "totalSales", "receiptCount", "fiscalSign")
        } == {n: report[n] for n in ("fiscalDocumentNumber", "totalSales", "receiptCount", "fiscalSign")}
        assert sum(document.code == 5 for document in running.archive()) == 1


async def settled(running: Product) -> bool:
    rows = await running.read(
        lambda c: c.execute(select(attempts.c.id).where(attempts.c.ended_at.is_(None))).all()
    )
    return not rows and running.lane().holds()


def claim_all(owner: str, conn: Connection) -> None:
    n = conn.execute(
        update(receipts)
        .where(receipts.c.status == "pending")
        .values(status="syncing", owner=owner, claim=1, lease_until=conn.execute(_FAR).scalar_one())
    ).rowcount
    counters.bump(conn, pending=-n, syncing=n)


_FAR = select(receipts.c.created_at).order_by(receipts.c.seq.desc()).limit(1)


async def test_claims_of_an_ended_process_are_free_at_once(tmp_path: Path) -> None:
    async with product(tmp_path, sync_interval_s=0.1) as running:
        await running.break_operator("down")
        await running.sell(3)
        await freeze(running)
        owner = ended_owner(running)

        def claim(conn: Connection) -> None:
            claim_all(owner, conn)
            conn.exec_driver_sql("UPDATE receipts SET lease_until = lease_until + 300000")

        await change(running, claim)
        await running.repair_operator()
        await running.restart()
        await running.delivered()  # their claims last for minutes yet
        await running.check_books()


async def test_claims_of_a_process_nobody_knows_are_free_when_they_run_out(tmp_path: Path) -> None:
    async with product(tmp_path, sync_interval_s=0.1, ofd_transport="http") as running:
        await running.break_operator("down")
        await running.sell(2)
        await freeze(running)

        def claim(conn: Connection) -> None:
            claim_all("elsewhere", conn)
            conn.exec_driver_sql("UPDATE receipts SET lease_until = lease_until + 300000")

        await change(running, claim)
        await running.repair_operator()
        await running.restart()
        await asyncio.sleep(0.5)
        assert (await running.read(counters.read)).syncing == 2, "they may still be sent by somebody"
        await change(running, lambda c: c.exec_driver_sql("UPDATE receipts SET lease_until = 1"))
        await running.delivered()
        await running.check_books()


async def test_the_lane_of_an_ended_process_is_taken_over_at_once(tmp_path: Path) -> None:
    async with product(tmp_path, response_budget_s=15.0) as running:
        await running.sell(1)
        await freeze(running)
        owner = ended_owner(running)
        await change(running, lambda c: c.execute(update(leases).values(owner=owner)))
        await running.restart()
        (answer,) = await running.sell(1)
        assert answer["status"] == "printed"  # within the budget of an answer; a lease takes 20 s to run out


async def test_the_lane_of_a_process_that_may_live_is_left_alone(tmp_path: Path) -> None:
    async with product(tmp_path, **QUICK) as running:
        await running.sell(1)
        await freeze(running)
        await change(running, lambda c: c.execute(update(leases).values(owner="elsewhere")))
        await running.restart()
        (answer,) = await running.sell(1)
        assert answer["status"] == "buffered"
        assert len(running.archive()) == 3
        await change(running, lambda c: c.execute(update(leases).values(owner="")))
        await running.state_of(answer["receipt_id"], print_state="printed")
        await running.delivered()
        await running.check_books()


async def test_more_waiting_receipts_than_the_queue_holds_are_printed_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kkt_adapter.fiscal.printing.queue.QUEUE_LIMIT", 7)
    async with product(tmp_path, response_budget_s=0.01) as running:
        running.break_register(paper_out=True)
        await running.sell_at_once(40)
        await running.restart()
        await running.sell_at_once(10)
        await running.delivered()
        rows = (await running.get("/v1/kkt/receipts", limit=100))["items"]
        stamps = [(r["hlc"]["local_time"], r["hlc"]["logical_counter"]) for r in reversed(rows)]
        numbers = [r["fiscal_doc"]["fiscal_doc_number"] for r in reversed(rows)]
        assert stamps == sorted(stamps)
        assert numbers == sorted(numbers)
        await running.check_books()


async def test_ten_thousand_undelivered_receipts_do_not_hold_the_start(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(TILL), capacity=0) as running:
        await running.break_operator("down")
        await running.sell(1)
        await freeze(running)

        def multiply(conn: Connection) -> None:
            row = dict(conn.execute(select(receipts)).mappings().one())
            copies = [
                row | {"seq": n, "id": f"copy-{n}", "fiscal_doc_number": 1000 + n, "owner": None}
                for n in range(2, 10_002)
            ]
            conn.execute(insert(receipts), copies)
            conn.exec_driver_sql("UPDATE counters SET next_seq = 10002")
            counters.bump(conn, total=10_000, pending=10_000)

        await change(running, multiply)
        texts: list[str] = []

        def seen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            texts.append(statement)

        event.listen(Engine, "before_cursor_execute", seen)
        try:
            await running.restart()
            (answer,) = await running.sell(1)
        finally:
            event.remove(Engine, "before_cursor_execute", seen)
        assert answer["status"] == "printed"
        assert 0 < len(texts) < 1_000, "the start looks at the waiting receipts one by one"
        assert (await running.status())["current_queued"] == 10_002
        assert await running.read(counters.verify) == {}


async def test_the_print_records_refuse_a_following_receipt_that_cannot_be_printed(tmp_path: Path) -> None:
    """The last line against printing twice: the attempt of a printed receipt is never written."""
    async with product(tmp_path) as running:
        await running.sell(2)
        lane = running.lane()
        assert lane._term is not None
        assert lane.session.baseline is not None
        attempt = NewAttempt(
            lane=LaneTerm(lease=lane._term.name, owner=lane._term.owner, number=lane._term.number),
            baseline=lane.session.baseline,
        )
        now = running.clock.now()
        with pytest.raises(Exception, match="cannot be printed"):
            await change(
                running,
                lambda c: records.begin_attempt(
                    c, attempt, what=AttemptKind.PRINT, register_id=TILL, at=now, receipt_seq=1
                ),
            )
