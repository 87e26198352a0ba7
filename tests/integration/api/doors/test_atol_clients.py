"""Re-enacted clients of ATOL Online against the running product: what they book is what the FN has."""

from pathlib import Path

from tests.support.doors import atol_clients_other, atol_clients_php
from tests.support.doors.atol_client import Booked, Client, Raised
from tests.support.doors.shops import shop_settings
from tests.support.product import Product, product

CLIENTS = (*atol_clients_php.CLIENTS, *atol_clients_other.CLIENTS)
EXPIRED = "kktd_expired.x"


async def _booked(running: Product, client: Client, uuid: str) -> Booked:
    async def told() -> Booked | None:
        return await client.report(uuid)

    found: Booked = await running.until(told)
    return found


async def _raised(client: Client, external_id: str, **changes: object) -> str:
    try:
        await client.register(external_id, **changes)
    except Raised as raised:
        return str(raised)
    return ""


async def _sells(running: Product, client: Client) -> Booked:
    """A sale, its repeat after an answer that did not come, a token that ended, and a wrong receipt."""
    uuid = await client.register("1001-" + client.login)
    found = await _booked(running, client, uuid)

    error = await _raised(client, "1001-" + client.login)
    assert (error == "") is client.takes_repeats, error
    assert client.answers[-1]["uuid"] == uuid

    client.token = EXPIRED
    error = await _raised(client, "1001-" + client.login)
    if client.renews:
        assert client.answers[-1]["uuid"] == uuid
        assert client.signed_in > 1
    else:
        assert client.answers[-1]["error"]["code"] == 11

    client.token = ""
    error = await _raised(client, "1002-" + client.login, name="x" * 129)
    assert "items[0].name" in error, f"{client.name} does not show why: {error}"
    return found


async def test_every_client_books_what_the_fn_has_and_sells_once(tmp_path: Path) -> None:
    shops = tuple(shop_settings(kind.name.split("/")[0].lower(), convert=True) for kind in CLIENTS)
    async with product(tmp_path, shop=shops) as running:
        inn = (await running.unit().profile()).registration.user_inn.strip()
        books = {kind.name: await _sells(running, kind(http=running.client, inn=inn)) for kind in CLIENTS}
        documents = {one.fd_number: one.total_kop for one in running.archive() if one.total_kop is not None}
        assert sorted(books) == sorted(kind.name for kind in CLIENTS)
        assert {one.fd_number: one.total * 100 for one in books.values()} == documents
        await running.check_books()
