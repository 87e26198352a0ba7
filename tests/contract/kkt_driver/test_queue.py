"""The queue to the operator: order, bytes, confirmations, and the block after thirty days."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.receipts import a_line
from tests.support.registers.kkt import CASHIER, TERM, KktBench, a_sale_for, an_answer
from tests.support.registers.steps import deliver_everything, need_relay, open_register, sell

from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.kernel.errors import KktBlocked, KktRefused


async def test_the_oldest_document_waits_first_with_the_same_bytes_every_time(bench: KktBench) -> None:
    need_relay(bench)
    registration = await open_register(bench)
    first = await bench.driver.read_message()
    await sell(bench, registration)
    again = await bench.driver.read_message()
    await bench.restart()
    await bench.driver.open()

    assert first is not None
    assert first == again == await bench.driver.read_message()
    assert first.fd_number == (await bench.driver.exchange_status()).first_unsent_number


async def test_the_queue_holds_every_document_in_order(bench: KktBench) -> None:
    need_relay(bench)
    registration = await open_register(bench)
    await deliver_everything(bench)
    sold = [await sell(bench, registration) for _ in range(2)]
    report = await bench.driver.close_shift(CASHIER, term=TERM)
    seen = []

    while message := await bench.driver.read_message():
        seen.append((message.fd_number, message.code))
        await bench.driver.accept_reply(an_answer(message))

    assert seen == [(d.fd_number, d.code) for d in [*sold, report.document]]


async def test_a_confirmation_moves_the_queue_on(bench: KktBench) -> None:
    registration = await open_register(bench)
    document = await sell(bench, registration)
    await deliver_everything(bench)

    exchange, status = await bench.driver.exchange_status(), await bench.driver.status()

    assert (exchange.unsent_count, exchange.first_unsent_number, exchange.first_unsent_at) == (0, None, None)
    assert (status.unsent_count, status.first_unsent_number, status.first_unsent_at) == (0, None, None)
    assert exchange.last_fd_number == document.fd_number
    assert await bench.driver.document(document.fd_number) == replace(document, confirmed=True)
    assert await bench.driver.read_message() is None


async def test_the_status_of_the_exchange_counts_what_waits(bench: KktBench) -> None:
    registration = await open_register(bench)
    await deliver_everything(bench)
    first = await sell(bench, registration)
    await bench.pass_time(timedelta(minutes=5))
    await sell(bench, registration)

    exchange = await bench.driver.exchange_status()

    assert (exchange.unsent_count, exchange.first_unsent_number) == (2, first.fd_number)
    assert exchange.first_unsent_at == first.fiscalized_at


async def test_an_answer_for_another_document_changes_nothing(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    message = await bench.driver.read_message()
    before = await bench.driver.exchange_status()
    assert message is not None

    with pytest.raises(KktRefused) as refused:
        await bench.driver.accept_reply(an_answer(message, fd_number=message.fd_number + 1))

    assert refused.value.device_code == 0x20
    assert await bench.driver.exchange_status() == before
    assert await bench.driver.read_message() == message


async def test_a_damaged_answer_changes_nothing(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    message = await bench.driver.read_message()
    before = await bench.driver.exchange_status()
    assert message is not None
    whole = an_answer(message)

    for damaged in (whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], whole[:30], b""):
        with pytest.raises(KktRefused):
            await bench.driver.accept_reply(damaged)

    assert await bench.driver.exchange_status() == before


async def test_a_late_second_confirmation_is_refused_without_harm(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    first = await bench.driver.read_message()
    assert first is not None
    await bench.driver.accept_reply(an_answer(first))
    before = await bench.driver.exchange_status()

    with pytest.raises(KktRefused):
        await bench.driver.accept_reply(an_answer(first))

    assert await bench.driver.exchange_status() == before
    await deliver_everything(bench)
    with pytest.raises(KktRefused):
        await bench.driver.accept_reply(an_answer(first))


async def test_a_confirmation_with_a_finding_releases_the_queue_too(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    message = await bench.driver.read_message()
    assert message is not None

    await bench.driver.accept_reply(an_answer(message, response_code=14))

    after = await bench.driver.read_message()
    assert after is None or after.fd_number == message.fd_number + 1


async def test_thirty_days_without_delivery_block_the_register_until_it_delivers(bench: KktBench) -> None:
    registration = await open_register(bench)
    await bench.pass_time(timedelta(days=30, minutes=1))
    assert (await bench.driver.status()).blocked == "FN_UNSENT_LIMIT"

    with pytest.raises(KktBlocked) as blocked:
        await sell(bench, registration)
    assert blocked.value.facts["reason"] == "FN_UNSENT_LIMIT"
    await bench.driver.close_shift(CASHIER, term=TERM)
    with pytest.raises(KktBlocked):
        await bench.driver.open_shift(CASHIER, term=TERM)

    await deliver_everything(bench)
    assert (await bench.driver.status()).blocked is None
    await bench.driver.open_shift(CASHIER, term=TERM)
    assert await sell(bench, registration)


async def test_a_sale_of_many_lines_is_delivered_whole(bench: KktBench) -> None:
    need_relay(bench)
    registration = await open_register(bench)
    await deliver_everything(bench)
    receipt: Receipt = a_sale_for(registration, lines=tuple(a_line(name=f"Товар {n}") for n in range(150)))

    document = await bench.driver.fiscalize(receipt, term=TERM)

    message = await bench.driver.read_message()
    assert message is not None
    assert message.fd_number == document.fd_number
    assert message.raw.count("Товар".encode("cp866")) == 150
