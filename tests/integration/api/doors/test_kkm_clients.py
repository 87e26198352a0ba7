"""Re-enacted clients against the running product: what they book is what the FN has."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.support.doors import kkm_clients, kkm_more_clients, kkm_page_clients
from tests.support.doors.kkm import receipts_in, shop
from tests.support.doors.kkm_clients import AsksOnce, Client, KeepsToken, NeverPolls, PollsInside, Press
from tests.support.doors.kkm_page_clients import PAGE, InventedFields
from tests.support.product import Product, product

from kkt_adapter.api.doors.kkmserver.payments import SUMS

PRESSES = 40
KINDS: tuple[type[Client], ...] = (
    *kkm_clients.CLIENTS,
    *kkm_more_clients.CLIENTS,
    *kkm_page_clients.CLIENTS,
)
WITHOUT_SECRET: tuple[type[Client], ...] = (PollsInside, AsksOnce, *kkm_page_clients.WITHOUT_SECRET)


def _clients(running: Product, kinds: Sequence[type[Client]], prefix: str, *, invoice: int) -> list[Client]:
    """One program of each kind, each with an account of its own."""
    found = [kind(http=running.client, login=f"{prefix}{place}") for place, kind in enumerate(kinds)]
    for one in found:
        if isinstance(one, KeepsToken):
            one.invoice += invoice
    return found


async def _until_printed(client: Client) -> None:
    """A stubborn cashier presses until the program says printed, or a text says that it is."""
    for _ in range(PRESSES):
        press = await client.press()
        if press is Press.PRINTED or "[just_registered]" in client.seen[-1]:
            return
    raise AssertionError(f"{client.name}: {client.seen}")


async def _each_sells(running: Product, clients: Sequence[Client]) -> None:
    for client in clients:
        before = receipts_in(running)
        assert await client.press() is Press.PRINTED, (client.name, client.seen)
        assert receipts_in(running) == before + 1, client.name


async def _no_paper(running: Product, hasty: Sequence[Client]) -> None:
    """Nobody books what is not printed, and the presses that follow print it once."""
    before = receipts_in(running)
    running.break_register(paper_out=True)
    presses = await asyncio.gather(*(client.press() for client in hasty))
    for client, press in zip(hasty, presses, strict=True):
        assert press is Press.FAILED, f"{client.name} booked what was not printed"
        assert client.seen[-1], client.name
    assert receipts_in(running) == before
    running.faults().clear()
    for client in hasty:
        await _until_printed(client)
    assert receipts_in(running) == before + len(hasty), [(one.name, one.seen) for one in hasty]


async def _answers_lost(running: Product, clients: Sequence[Client]) -> None:
    """The same goods once more are another sale; the register's answer is lost."""
    for client in clients:
        before = receipts_in(running)
        running.break_register(timeout_after=1)
        await _until_printed(client)
        assert receipts_in(running) == before + 1, (client.name, client.seen)


async def _through_trouble(running: Product, kinds: Sequence[type[Client]]) -> None:
    await _each_sells(running, _clients(running, kinds, "till", invoice=1))
    await _no_paper(running, _clients(running, kinds, "hasty", invoice=2))
    patient = _clients(running, kinds, "till", invoice=3)
    await _answers_lost(running, patient)
    for client in patient:
        if isinstance(client, NeverPolls):
            assert client.closed == 0  # no text made it close the shift
    await running.check_books()


async def test_every_client_books_what_the_fn_has(tmp_path: Path) -> None:
    kinds = [kind for kind in KINDS if kind not in WITHOUT_SECRET]
    places = range(len(kinds))
    accounts = [shop(f"till{n}") for n in places] + [shop(f"hasty{n}", hold_max_s=1) for n in places]
    async with product(tmp_path, shop=tuple(accounts)) as running:
        await _through_trouble(running, kinds)


async def test_a_client_without_a_secret_books_what_the_fn_has(tmp_path: Path) -> None:
    account = shop(anonymous=True, hold_max_s=1, origins=(PAGE,))
    async with product(tmp_path, shop=(account,)) as running:
        await _through_trouble(running, WITHOUT_SECRET)
        before = receipts_in(running)
        invents = InventedFields(http=running.client)
        assert await invents.press() is Press.FAILED
        assert all(name in invents.seen[-1] for name, _ in SUMS), invents.seen
        assert receipts_in(running) == before
