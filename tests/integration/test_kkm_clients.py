"""Re-enacted clients against the running product: what they book is what the FN has."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.kkm import receipts_in, shop
from tests.support.kkm_clients import CLIENTS, Client, KeepsToken, NeverPolls, PollsInside, Verdict
from tests.support.product import Product, product

PRESSES = 40


async def _until_printed(client: Client) -> None:
    """A stubborn cashier presses until the program says printed, or a text says that it is."""
    for _ in range(PRESSES):
        verdict = await client.press()
        if verdict is Verdict.PRINTED or "[just_registered]" in client.seen[-1]:
            return
    raise AssertionError(f"{client.name}: {client.seen}")


async def _sell_through_trouble(running: Product, kind: type[Client]) -> None:
    client = kind(http=running.client)
    before = receipts_in(running)
    assert await client.press() is Verdict.PRINTED, client.seen
    assert receipts_in(running) == before + 1

    client = kind(http=running.client, login="hasty")
    _next_invoice(client, 2)
    running.break_register(paper_out=True)
    assert await client.press() is Verdict.FAILED, f"{client.name} booked what was not printed"
    assert client.seen[-1], client.name
    assert receipts_in(running) == before + 1
    running.faults().clear()
    await _until_printed(client)
    assert receipts_in(running) == before + 2, f"{client.name}: {client.seen}"

    # The same goods once more are another sale; the register's answer is lost.
    client = kind(http=running.client)
    _next_invoice(client, 3)
    running.break_register(timeout_after=1)
    await _until_printed(client)
    assert receipts_in(running) == before + 3, f"{client.name}: {client.seen}"
    if isinstance(client, NeverPolls):
        assert client.closed == 0  # no text made it close the shift


def _next_invoice(client: Client, number: int) -> None:
    if isinstance(client, KeepsToken):
        client.invoice += number


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.name)
async def test_a_client_books_what_the_fn_has(tmp_path: Path, kind: type[Client]) -> None:
    hasty: dict[str, Any] = {"anonymous": True, "hold_max_s": 1} if kind is PollsInside else {}
    accounts = (shop(**hasty), shop("hasty", hold_max_s=1))
    async with product(tmp_path, shop=accounts) as running:
        await _sell_through_trouble(running, kind)
        await running.check_books()
