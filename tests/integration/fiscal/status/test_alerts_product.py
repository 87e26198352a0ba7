"""Alerts of the running product: seen, shown, written down, and over again."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update
from structlog.testing import capture_logs
from tests.support.pages.alerts import operator, over, rows, watched
from tests.support.pages.watching import Json, asked, bury, dig_up
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.alert_tables import alerts
from kkt_adapter.fiscal.store.session_tables import pos_sessions
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.runtime.db.columns import from_millis


async def seen(running: Product) -> dict[tuple[str, str], Json]:
    """What ``/api/v1/alerts`` shows, by code and subject."""
    return {(a["code"], a["subject"]): a for a in await asked(running, "/api/v1/alerts")}


async def alarmed(running: Product, code: str, n: int = 1) -> None:
    async def written() -> bool:
        return sum(row.code == code for row in await rows(running)) >= n

    await running.until(written)


async def test_an_alert_is_shown_in_every_place_as_soon_as_it_is_true(tmp_path: Path) -> None:
    async with product(tmp_path, alert_interval_s=60) as running:  # no look of its own in between
        await bury(running, 51)
        (brief,) = [a for a in (await running.status())["alerts"] if a["code"] == "DLQ_LARGE"]
        assert (brief["level"], brief["message"]) == (
            "P1",
            "Чеков, которые не удалось передать и которые ждут человека: 51.",
        )
        alert = (await seen(running))["DLQ_LARGE", ""]
        assert alert["level"] == "P1"
        assert alert["action"].startswith("Посмотрите причины")
        assert alert["runbook"] == "docs/runbook/dlq-large.md"
        assert alert["becomes"] is None
        await dig_up(running, 51)
        assert (await running.status())["alerts"] == []


async def test_a_reader_of_english_is_told_in_english(tmp_path: Path) -> None:
    async with watched(tmp_path) as running:
        await bury(running, 51)
        (english,) = await asked(running, "/api/v1/alerts", {"Accept-Language": "en-GB, ru;q=0.5"})
        (russian,) = await asked(running, "/api/v1/alerts", {"Accept-Language": "ru, en;q=0.5"})
        assert english["message"] == "51 receipts could not be delivered and wait for a person."
        assert english["action"].startswith("Look at the reasons")
        assert russian["message"].startswith("Чеков")


async def test_a_condition_that_must_last_is_shown_as_info_first(tmp_path: Path) -> None:
    async with watched(tmp_path) as running:
        running.break_register(paper_out=True)
        await running.post(sale())

        async def pending() -> Json | None:
            return (await seen(running)).get(("KKT_NOT_READY", "POS-001"))

        alert = await running.until(pending)
        assert alert["level"] == "INFO"
        assert alert["becomes"]["level"] == "P2"
        assert alert["becomes"]["at"] > alert["since"]
        assert not await rows(running)  # nobody is called for changing paper


@pytest.mark.parametrize(
    ("plan", "reason"), [({"fn_full": True}, "FN_FULL"), ({"fn_expired": True}, "FN_EXPIRED")]
)
async def test_a_blocked_register_is_p1_at_once(tmp_path: Path, plan: dict[str, bool], reason: str) -> None:
    async with watched(tmp_path) as running:
        await running.sell(1)
        running.break_register(**plan)
        await running.post(sale())

        async def blocked() -> Json | None:
            return (await seen(running)).get(("KKT_BLOCKED", "POS-001"))

        alert = await running.until(blocked)
        assert alert["level"] == "P1"
        assert reason in alert["message"]


async def test_a_full_buffer_passes_its_marks_as_events(tmp_path: Path) -> None:
    async with watched(tmp_path, capacity=50) as running:
        await running.break_operator("down")
        await running.sell(50)

        async def events() -> list[tuple[str, str]]:
            found: list[tuple[str, str]] = await running.read(
                lambda c: c.execute(
                    select(buffer_events.c.event_type, buffer_events.c.level).where(
                        buffer_events.c.event_type.in_(["buffer_warning", "buffer_full"])
                    )
                ).all()
            )
            return found

        async def full() -> bool:
            return ("buffer_full", "error") in [tuple(row) for row in await events()]

        await running.until(full)
        shown = {a["code"]: a["level"] for a in (await running.status())["alerts"]}
        assert shown["BUFFER_FULL"] == "INFO"  # P1 after a minute
        assert len(await events()) <= 3


async def test_a_session_that_does_not_add_up_is_p2_until_it_is_closed(tmp_path: Path) -> None:
    async with watched(tmp_path) as running:
        await running.client.post("/v1/pos/session/open", json={"pos_id": "POS-001", "opening_cash": 100})
        await running.services.database.write(
            lambda c: c.execute(update(pos_sessions).values(cash_kop=pos_sessions.c.cash_kop + 500))
        )
        await running.restart()
        await alarmed(running, "SESSION_MISMATCH")
        alert = (await seen(running))["SESSION_MISMATCH", "POS-001"]
        assert alert["level"] == "P2"
        assert "105.00" in alert["message"]
        closed = await running.client.post("/v1/pos/session/close", json={"pos_id": "POS-001"})
        assert closed.status_code == 200
        await over(running, "SESSION_MISMATCH")


async def test_start_and_end_are_in_rows_events_and_log(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with watched(tmp_path) as running:
            await bury(running, 51)
            await alarmed(running, "DLQ_LARGE")
            await dig_up(running, 51)
            await over(running, "DLQ_LARGE")
            (past,) = (await asked(running, "/api/v1/alerts/history"))["items"]
            log = await running.get("/v1/kkt/buffer/logs")
    assert (past["code"], past["level"]) == ("DLQ_LARGE", "P1")
    assert past["started_at"] < past["ended_at"]
    events = {item["event"]: item for item in log["items"]}
    assert events["alert_started"]["level"] == "error"
    assert events["alert_started"]["metadata"]["code"] == "DLQ_LARGE"
    assert "alert_ended" in events
    said = {line["event"]: line for line in lines}
    assert said["alert_started"]["log_level"] == "error"
    assert said["alert_started"]["action"].startswith("Look at the reasons")
    assert said["alert_ended"]["code"] == "DLQ_LARGE"


async def test_an_alert_goes_on_over_a_restart(tmp_path: Path) -> None:
    async with watched(tmp_path) as running:
        await bury(running, 51)
        await alarmed(running, "DLQ_LARGE")
        before = (await seen(running))["DLQ_LARGE", ""]
        await running.restart()

        async def shown_again() -> Json | None:
            return (await seen(running)).get(("DLQ_LARGE", ""))

        after = await running.until(shown_again)
        await asyncio.sleep(0.2)  # several looks
        assert after["timestamp"] == before["timestamp"]
        (row,) = await rows(running)
        assert row.ended_at is None
        await dig_up(running, 51)
        await over(running, "DLQ_LARGE")


async def test_two_processes_write_an_alert_down_once(tmp_path: Path) -> None:
    async with (
        operator() as ofd,
        watched(tmp_path, ofd=ofd) as first,
        watched(tmp_path, ofd=ofd) as second,
    ):
        await bury(first, 51)
        for running in (first, second):

            async def shown(running: Product = running) -> bool:
                return ("DLQ_LARGE", "") in await seen(running)

            await running.until(shown)
        await alarmed(first, "DLQ_LARGE")
        await asyncio.sleep(0.2)
        assert [row.code for row in await rows(first)] == ["DLQ_LARGE"]
        await dig_up(first, 51)
        await over(second, "DLQ_LARGE")
        await asyncio.sleep(0.2)
        assert len(await rows(first)) == 1


async def test_the_alert_of_a_process_that_is_gone_is_closed_by_another(tmp_path: Path) -> None:
    async with watched(tmp_path) as running:
        await bury(running, 51)
        await alarmed(running, "DLQ_LARGE")

        def another_ended_while_it_was_over(conn: Connection) -> None:
            conn.execute(update(alerts).values(node="gone", seen_at=from_millis(0)))
            counters.bump(conn, dlq_open=-51)

        await running.services.database.write(another_ended_while_it_was_over)
        await over(running, "DLQ_LARGE")


async def test_a_register_of_one_process_does_not_alarm_in_another(tmp_path: Path) -> None:
    async with operator() as ofd:
        registers = virtual_registers("POS-001")
        async with (
            watched(tmp_path, ofd=ofd, registers=registers) as first,
            watched(tmp_path, ofd=ofd, registers=registers) as second,
        ):
            holder, other = (first, second) if first.lane().holds() else (second, first)
            await holder.sell(1)
            holder.break_register(fn_full=True)
            await holder.post(sale())

            async def blocked() -> bool:
                return ("KKT_BLOCKED", "POS-001") in await seen(holder)

            await holder.until(blocked)
            assert ("KKT_BLOCKED", "POS-001") not in await seen(other)
            holder.faults().clear()
