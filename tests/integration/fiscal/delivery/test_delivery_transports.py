"""Registers that talk to their operator by themselves, a change of transport, and what two of them share."""

import asyncio
from pathlib import Path

import pytest
from tests.support.product import TILL, Product, product, virtual_registers

from kkt_adapter.fiscal.model import DocumentCode, OfdMessage
from kkt_adapter.fiscal.store import counters
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import Transport


async def test_a_register_that_talks_to_its_operator_by_itself_is_only_watched(tmp_path: Path) -> None:
    async with product(tmp_path, ofd_transport=Transport.DEVICE) as running:
        answers = await running.sell(5)
        await running.delivered()
        row = await running.receipt(answers[0]["receipt_id"])
        assert row["status"] == "synced"
        assert [attempt["what"] for attempt in row["attempts"]] == ["print"], "nothing was ours to send"
        assert running.ofd.state()["repeated"] == 0
        await running.check_books()


async def test_a_watched_register_catches_up_after_an_outage(tmp_path: Path) -> None:
    async with product(tmp_path, ofd_transport=Transport.DEVICE) as running:
        await running.break_operator("down")
        await running.sell(5)
        await asyncio.sleep(0.3)
        assert (await running.read(counters.read)).undelivered == 5
        await running.repair_operator()
        await running.delivered()
        await running.check_books()


async def test_a_change_of_transport_is_refused_while_documents_wait(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        await running.break_operator("down")
        await running.sell(1)
        with pytest.raises(SettingsInvalid, match="relay"):
            await running.restart(ofd_transport=Transport.HTTP)
        await running.restart_after_failure(ofd_transport=Transport.RELAY)
        await running.repair_operator()
        await running.delivered()

        async def all_sent() -> bool:
            return (await running.driver().exchange_status()).unsent_count == 0

        await running.until(all_sent)
        await running.restart(ofd_transport=Transport.HTTP)
        (answer,) = await running.sell(1)
        await running.state_of(answer["receipt_id"], status="synced")
        assert running.ofd.state()["by_code"][str(int(DocumentCode.RECEIPT))] == 2


async def test_the_same_bytes_are_read_until_they_are_confirmed(running: Product) -> None:
    await running.break_operator("down")
    await running.sell(1)
    messages: list[OfdMessage | None] = [await running.driver().read_message() for _ in range(3)]
    assert messages[0] is not None
    assert {m.raw for m in messages if m is not None} == {messages[0].raw}


async def test_registers_of_one_operator_share_its_breaker(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(TILL, "B", "C")) as running:
        assert len(running.services.worker._endpoints()) == 1
