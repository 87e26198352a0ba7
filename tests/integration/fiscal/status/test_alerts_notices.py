"""Who is told of an alert: a webhook and Telegram, once, signed, and again after a failure."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from structlog.testing import capture_logs
from tests.support.pages.alerts import operator, over, watched
from tests.support.pages.watching import Somebody, bury, dig_up, somebody
from tests.support.product import Product

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
