"""Alerts of the running product: seen, shown, written down, told, and over again."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import Connection, select, update
from structlog.testing import capture_logs
from tests.support.pages.watching import Json, Somebody, asked, bury, dig_up, somebody
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.alerts import rows as alert_rows
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.alert_tables import alerts
from kkt_adapter.fiscal.store.session_tables import pos_sessions
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.runtime.db.columns import from_millis

QUICK: dict[str, Any] = {"alert_interval_s": 0.05, "response_budget_s": 0.3}


@asynccontextmanager
async def watched(folder: Path, **settings: Any) -> AsyncIterator[Product]:
    async with product(folder, **(QUICK | settings)) as running:
        yield running


@asynccontextmanager
async def operator() -> AsyncIterator[OfdEmulator]:
    ofd = OfdEmulator()
    await ofd.start()
    try:
        yield ofd
    finally:
        await ofd.stop()


async def seen(running: Product) -> dict[tuple[str, str], Json]:
    """What ``/api/v1/alerts`` shows, by code and subject."""
    return {(a["code"], a["subject"]): a for a in await asked(running, "/api/v1/alerts")}


async def rows(running: Product) -> list[alert_rows.Notice]:
    """Oldest first."""
    return list(reversed(await running.read(alert_rows.history)))


async def alarmed(running: Product, code: str, n: int = 1) -> None:
    async def written() -> bool:
        return sum(row.code == code for row in await rows(running)) >= n

    await running.until(written)


async def over(running: Product, code: str) -> None:
    async def ended() -> bool:
        found = [row for row in await rows(running) if row.code == code]
        return bool(found) and all(row.ended_at is not None for row in found)

    await running.until(ended)


# --- shown ---


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


# --- written down ---


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


# --- told ---

SECRET = "whsec_" + base64.b64encode(b"a secret of the shop, long enough").decode()


@asynccontextmanager
async def telling(folder: Path, one: Somebody, **settings: Any) -> AsyncIterator[Product]:
    async with watched(folder, notify_url=one.url + "/hook", **settings) as running:
        yield running


async def test_a_webhook_is_told_of_start_and_end_once_each(tmp_path: Path) -> None:
    async with somebody() as one, telling(tmp_path, one) as running:
        await bury(running, 51)
        (started,) = await one.until_told(1)
        await dig_up(running, 51)
        _, ended = await one.until_told(2)
        await asyncio.sleep(0.2)
        assert len(one.told) == 2
        assert started.path == "/hook"
        assert started.json["event"] == "alert_started"
        assert started.json["level"] == "P1"
        assert started.json["action_ru"].startswith("Посмотрите")
        assert started.json["ended_at"] is None
        assert ended.json["event"] == "alert_ended"
        assert ended.json["id"] == started.json["id"]
        assert ended.json["ended_at"] > ended.json["started_at"]


async def test_what_a_webhook_gets_is_signed(tmp_path: Path) -> None:
    async with somebody() as one, telling(tmp_path, one, notify_secret=SECRET) as running:
        await bury(running, 51)
        (told,) = await one.until_told(1)
        headers = {name.lower(): value for name, value in told.headers.items()}
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + told.body
        expected = base64.b64encode(
            hmac.digest(b"a secret of the shop, long enough", signed, hashlib.sha256)
        ).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"


async def test_a_failed_notice_is_sent_again_with_the_same_id(tmp_path: Path) -> None:
    async with somebody() as one:
        one.answer = lambda told: web.Response(status=503 if not one.told else 200)
        async with telling(tmp_path, one, notify_secret=SECRET) as running:
            await bury(running, 51)
            first, second = await one.until_told(2)
            assert first.body == second.body
            assert {t.headers["webhook-id"] for t in (first, second)} == {first.headers["webhook-id"]}
            await asyncio.sleep(0.2)
            assert len(one.told) == 2


async def test_a_refused_notice_is_not_sent_again(tmp_path: Path) -> None:
    async with somebody() as one:
        one.answer = lambda told: web.Response(status=404)
        async with telling(tmp_path, one) as running:
            await bury(running, 51)
            await one.until_told(1)
            await asyncio.sleep(0.3)
            assert len(one.told) == 1


async def test_a_restart_repeats_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    async with somebody() as one, telling(tmp_path, one) as running:
        await bury(running, 51)
        await one.until_told(1)
        await running.restart()
        await asyncio.sleep(0.3)
        assert len(one.told) == 1
        await running.restart(notify_url="")  # nobody is told meanwhile
        await dig_up(running, 51)
        await over(running, "DLQ_LARGE")
        await running.restart(notify_url=one.url + "/hook")
        _, ended = await one.until_told(2)
        assert ended.json["event"] == "alert_ended"


async def test_telegram_is_told_in_russian_and_a_dead_webhook_does_not_hold_it_up(tmp_path: Path) -> None:
    async with somebody() as hook, somebody() as bot:
        hook.answer = lambda told: web.Response(status=500)
        with capture_logs() as lines:
            async with telling(
                tmp_path,
                hook,
                notify_telegram_token="123:SECRET-OF-THE-BOT",
                notify_telegram_chat="-1001",
                notify_telegram_url=bot.url,
                adapter_id="store12",
            ) as running:
                await bury(running, 51)
                (told,) = await bot.until_told(1)
                await hook.until_told(1)
        assert told.path == "/bot123:SECRET-OF-THE-BOT/sendMessage"
        assert told.json["chat_id"] == "-1001"
        assert told.json["text"].splitlines()[0] == "P1 store12: DLQ_LARGE"
        assert "Что делать: Посмотрите причины" in told.json["text"]
        assert not [line for line in lines if "SECRET-OF-THE-BOT" in str(line)]


async def test_telegram_that_is_asked_too_often_is_waited_for(tmp_path: Path) -> None:
    async with somebody() as bot:

        def answer(told: Any) -> web.Response:
            if bot.told:
                return web.json_response({"ok": True})
            return web.json_response({"ok": False, "parameters": {"retry_after": 1}}, status=429)

        bot.answer = answer
        async with watched(
            tmp_path,
            notify_telegram_token="123:T",
            notify_telegram_chat="1",
            notify_telegram_url=bot.url,
        ) as running:
            await bury(running, 51)
            await bot.until_told(1)
            began = asyncio.get_running_loop().time()
            await bot.until_told(2)
            assert asyncio.get_running_loop().time() - began >= 0.9


async def test_of_several_processes_one_tells(tmp_path: Path) -> None:
    async with (
        somebody() as one,
        operator() as ofd,
        telling(tmp_path, one, ofd=ofd) as first,
        telling(tmp_path, one, ofd=ofd),
    ):
        await bury(first, 51)
        await one.until_told(1)
        await asyncio.sleep(0.4)
        assert len(one.told) == 1


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
