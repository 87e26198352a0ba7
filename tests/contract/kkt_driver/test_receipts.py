"""Receipts get numbers, kinds and keys, can be read again, and are made only once the books allow it."""

import asyncio
from uuid import uuid4

import pytest
from tests.support.receipts import KEY, a_correction
from tests.support.registers.kkt import TERM, KktBench, a_sale_for
from tests.support.registers.steps import open_register, sell

from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.model import DocumentCode, Operation, ReceiptKind, UserAttribute
from kkt_adapter.kernel.errors import LeaseLost


async def test_a_document_tells_what_its_commands_took(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration)
    times = bench.driver.command_times
    assert times
    assert all(time.name and time.took_ms >= 0 for time in times)

    await bench.driver.status()
    assert bench.driver.command_times == times, "looks count for no document"
    await sell(bench, registration)
    assert len(bench.driver.command_times) == len(times), "those of the last document alone"


async def test_receipts_get_rising_numbers(bench: KktBench) -> None:
    registration = await open_register(bench)
    baseline = (await bench.driver.status()).baseline

    documents = [await sell(bench, registration) for _ in range(3)]

    assert [d.fd_number for d in documents] == [baseline.fd_number + n for n in (1, 2, 3)]
    assert [d.receipt_number for d in documents] == [1, 2, 3]
    assert {d.fn_number for d in documents} == {registration.fn_number}
    assert (await bench.driver.status()).baseline.fd_number == documents[-1].fd_number


@pytest.mark.parametrize(
    ("kind", "operation", "code"),
    [
        (ReceiptKind.SALE, Operation.SALE, DocumentCode.RECEIPT),
        (ReceiptKind.REFUND, Operation.REFUND, DocumentCode.RECEIPT),
        (ReceiptKind.EXPENSE, Operation.EXPENSE, DocumentCode.RECEIPT),
        (ReceiptKind.EXPENSE_REFUND, Operation.EXPENSE_REFUND, DocumentCode.RECEIPT),
        (ReceiptKind.CORRECTION, Operation.SALE, DocumentCode.CORRECTION),
        (ReceiptKind.CORRECTION, Operation.EXPENSE, DocumentCode.CORRECTION),
    ],
)
async def test_every_kind_of_receipt_is_fiscalised_and_can_be_read_again(
    bench: KktBench, kind: ReceiptKind, operation: Operation, code: DocumentCode
) -> None:
    registration = await open_register(bench)
    correction = a_correction(operation=operation, number="1") if kind is ReceiptKind.CORRECTION else None

    document = await sell(bench, registration, kind=kind, operation=operation, correction=correction)

    assert (document.code, document.operation, document.total_kop) == (code, operation, 10_000)
    assert await bench.driver.document(document.fd_number) == document


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"additional_attribute": KEY}, KEY),
        (
            {"additional_attribute": None, "user_attribute": UserAttribute(name="receipt_key", value=KEY)},
            KEY,
        ),
        # a fiscal sign of a wrong document, and somebody else's pair, are no keys of ours
        ({"additional_attribute": "3730902192"}, None),
        ({"additional_attribute": None, "user_attribute": UserAttribute(name="order", value=KEY)}, None),
        ({"additional_attribute": None}, None),
    ],
)
async def test_a_document_tells_the_receipt_key_it_carries(
    bench: KktBench, changes: dict[str, object], found: str | None
) -> None:
    registration = await open_register(bench)

    document = await sell(bench, registration, **changes)

    read = await bench.driver.document(document.fd_number)
    assert read is not None
    assert document.key == read.key == found


async def test_the_last_receipt_is_printed_again_without_a_document(bench: KktBench) -> None:
    registration = await open_register(bench)
    document = await sell(bench, registration)

    await bench.driver.reprint()

    assert (await bench.driver.status()).fd_number == document.fd_number


async def test_books_are_told_right_before_a_receipt_is_made_and_may_forbid_it(bench: KktBench) -> None:
    registration = await open_register(bench)
    if not bench.driver.tells:
        pytest.skip("this register shuts late senders out by itself")
    told = list[int]()

    async def note() -> None:
        told.append(len(bench.driver.command_times))

    async def forbid() -> None:
        raise LeaseLost("another process drives this register", "этой ККТ управляет другой процесс")

    receipt = a_sale_for(registration, id=uuid4().hex)
    document = await bench.driver.fiscalize(receipt, term=TERM, about_to=note)
    assert told == [len(bench.driver.command_times) - sent_from_there_on(bench)]

    with pytest.raises(LeaseLost):
        await bench.driver.fiscalize(a_sale_for(registration, id=uuid4().hex), term=TERM, about_to=forbid)
    assert (await bench.driver.status()).fd_number == document.fd_number
    assert (await sell(bench, registration)).fd_number == document.fd_number + 1


def sent_from_there_on(bench: KktBench) -> int:
    """How many of the last receipt's commands are the closing one, or come after it."""
    names = [time.name for time in bench.driver.command_times]
    closing = "FF45" if "FF45" in names else "sell"
    return len(names) - names.index(closing)


async def test_giving_up_where_nothing_is_open_does_nothing(bench: KktBench) -> None:
    registration = await open_register(bench)
    document = await sell(bench, registration)

    await bench.driver.discard()

    assert (await bench.driver.status()).fd_number == document.fd_number
    assert (await sell(bench, registration)).fd_number == document.fd_number + 1


async def test_there_is_no_document_beyond_the_last_one(bench: KktBench) -> None:
    await open_register(bench)
    last = (await bench.driver.status()).fd_number

    assert await bench.driver.document(last) is not None
    assert await bench.driver.document(last + 1) is None
    assert await bench.driver.document(0) is None


async def test_looking_beside_a_print_is_possible(bench: KktBench) -> None:
    registration = await open_register(bench)

    document, status, exchange, message = await asyncio.gather(
        sell(bench, registration),
        bench.driver.status(),
        bench.driver.exchange_status(),
        bench.driver.read_message(),
    )

    assert document.fd_number - status.fd_number in (0, 1)
    assert document.fd_number - exchange.last_fd_number in (0, 1)
    assert (message is not None) is (Capability.RELAY in bench.driver.capabilities)
    assert message is None or message.fd_number == exchange.first_unsent_number
