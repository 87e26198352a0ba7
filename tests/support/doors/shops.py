"""A shop that speaks ATOL Online to a running product, as its clients do."""

from dataclasses import dataclass
from typing import Any

import httpx2
from tests.support.api import Json
from tests.support.product import Product

from kkt_adapter.settings import ShopSettings

SECRET = "a secret of sixteen"
INN = "7700000000"
STAMP = "29.11.2026 12:00:00"


def shop_settings(shop_id: str = "web", **options: Any) -> ShopSettings:
    row = {"id": shop_id, "login": f"{shop_id}-login", "secret": SECRET, "groups": ["POS-001"]} | options
    return ShopSettings.model_validate(row)


def item(*, name: str = "Тест", price: Any = 100, quantity: Any = 1, **changes: Any) -> Json:
    return {
        "name": name,
        "price": price,
        "quantity": quantity,
        "sum": price,
        "measure": 0,
        "payment_method": "full_payment",
        "payment_object": 1,
        "vat": {"type": "none"},
    } | changes


def item_v4(**changes: Any) -> Json:
    line = item(payment_object="commodity", measurement_unit="шт") | changes
    line.pop("measure", None)
    return line


def receipt(inn: str, *, items: list[Json] | None = None, total: Any = 100, **changes: Any) -> Json:
    return {
        "client": {"email": "buyer@example.com"},
        "company": {
            "email": "shop@example.com",
            "sno": "osn",
            "inn": inn,
            "payment_address": "https://shop.example",
        },
        "items": [item()] if items is None else items,
        "payments": [{"type": 1, "sum": total}],
        "total": total,
    } | changes


@dataclass
class Client:
    """One account, with the token it got."""

    product: Product
    shop_id: str = "web"
    version: str = "v5"
    group: str = "POS-001"
    token: str = ""
    prefix: str = "/possystem"

    async def inn(self) -> str:
        return (await self.product.unit().profile()).registration.user_inn.strip()

    async def sign_in(self, secret: str = SECRET) -> httpx2.Response:
        answer = await self.product.client.post(
            f"{self.prefix}/{self.version}/getToken",
            json={"login": f"{self.shop_id}-login", "pass": secret},
        )
        self.token = answer.json().get("token", "")
        return answer

    async def post(self, body: Json, *, operation: str = "sell", group: str | None = None) -> httpx2.Response:
        return await self.product.client.post(
            f"{self.prefix}/{self.version}/{group or self.group}/{operation}",
            json=body,
            headers={"Token": self.token},
        )

    async def sell(self, external_id: str, *, operation: str = "sell", **changes: Any) -> httpx2.Response:
        body = {
            "external_id": external_id,
            "timestamp": STAMP,
            "receipt": receipt(await self.inn(), **changes),
        }
        return await self.post(body, operation=operation)

    async def report(self, uuid: str) -> Json:
        answer = await self.product.client.get(
            f"{self.prefix}/{self.version}/{self.group}/report/{uuid}", headers={"Token": self.token}
        )
        found: Json = answer.json()
        return found

    async def done(self, uuid: str) -> Json:
        """The report once it is no longer ``wait``."""

        async def told() -> Json | None:
            found = await self.report(uuid)
            return None if found["status"] == "wait" else found

        found: Json = await self.product.until(told)
        return found


async def client_of(product: Product, shop_id: str = "web", **options: Any) -> Client:
    """Signed in."""
    client = Client(product=product, shop_id=shop_id, **options)
    answer = await client.sign_in()
    assert answer.status_code == 200, answer.text
    return client
