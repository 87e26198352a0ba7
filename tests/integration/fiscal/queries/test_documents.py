"""Fiscal documents by their bytes: kept when they are made, read from the FN else, compared, forgotten."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select
from tests.support.product import Product, product, sale

from kkt_adapter.fiscal.housekeeping.retention import KINDS, Limits, RetentionBatch, RetentionKind
from kkt_adapter.fiscal.store.tables import document_bytes


def _look(kind: RetentionKind, limits: Limits, after: Any, conn: Connection) -> RetentionBatch:
    return kind.look(conn, limits, after)


def _forget(kind: RetentionKind, found: RetentionBatch, conn: Connection) -> int:
    return kind.forget(conn, found.old)


async def shown(shop: Product, fn_number: str, number: int, **query: str) -> dict[str, object]:
    found = await shop.get(f"/v1/kkt/documents/{fn_number}/{number}", **query)
    assert isinstance(found, dict)
    return found


async def test_a_document_is_kept_with_its_ticket_and_compared_with_the_fn(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        wanted = sale() | {"user_attribute": {"name": "Заказ", "value": "A-1"}}
        doc = (await shop.post(wanted)).json()["fiscal_doc"]
        await shop.delivered()
        fn_number, number = doc["fn_number"], doc["fiscal_doc_number"]

        kept = await shown(shop, fn_number, number, compare="true")
        (made,) = [d for d in shop.archive() if d.fd_number == number]
        assert made.tlv is not None
        assert kept["tlv"] == made.tlv.hex()
        assert (kept["source"], kept["code"]) == ("kept", 3)
        assert kept["fn"] == {"same": True, "tlv": kept["tlv"], "fiscal_sign": doc["fiscal_sign"]}
        assert isinstance(kept["ticket"], str)
        assert "9999" in bytes.fromhex(kept["ticket"]).decode("latin-1")
        opening = await shown(shop, fn_number, number - 1)
        assert (opening["code"], opening["source"]) == (2, "kept")
        assert isinstance(opening["ticket"], str), "of reports too"
        assert opening["ticket"] != kept["ticket"]

        path = f"/v1/kkt/receipt/{(await shop.get('/v1/kkt/receipts'))['items'][0]['id']}/slip"
        before = (await shop.client.get(path)).text
        assert "Заказ" in before
        printable = await shop.client.get(path, headers={"Accept": "application/pdf, text/plain;q=0.5"})
        assert printable.headers["content-type"] == "application/pdf"
        assert printable.content.startswith(b"%PDF-")
        await shop.services.database.write(lambda c: c.execute(delete(document_bytes)))
        assert (await shown(shop, fn_number, number))["source"] == "fn"
        assert (await shop.client.get(path)).text == before

        unknown = await shop.client.get(f"/v1/kkt/documents/{fn_number}/{number + 50}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")


async def test_bytes_have_a_time_of_their_own(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        await shop.sell(2)
        kind, now = KINDS["document_bytes"], shop.clock.now()

        async def left(documents_live: timedelta) -> int:
            limits = Limits.at(
                now + timedelta(days=31),
                receipts_live=timedelta(400),
                told=None,
                may_forget=lambda _: True,
                documents_live=documents_live,
            )
            after = kind.begin
            while after is not None:
                look = await shop.read(partial(_look, kind, limits, after))
                await shop.services.database.write(partial(_forget, kind, look))
                after = look.next
            return len(await shop.read(lambda c: c.execute(select(document_bytes.c.fd_number)).all()))

        assert await left(timedelta(days=32)) >= 3  # the opening of the shift and two receipts
        assert await left(timedelta(days=30)) == 0
