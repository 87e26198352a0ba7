"""Clients of KkmServer for tests: a shop's account, and one call of ``/Execute``."""

import asyncio
import base64
import json
from typing import Any

import httpx2
from tests.support.product import Product

from kkt_adapter.settings.shop import ShopSettings

Json = dict[str, Any]

SECRET = "a-secret-of-some-length"
ALWAYS = {"Command", "IdCommand", "Status", "Error", "NumDevice", "Warning", "Message"}
GOODS: list[Json] = [
    {"Register": {"Name": "Кофе", "Quantity": 1, "Price": 100.0, "Amount": 100.0, "Tax": -1}}
]


def shop(shop_id: str = "till", **changes: Any) -> ShopSettings:
    given = {"id": shop_id, "login": shop_id, "secret": SECRET, "groups": ("POS-001", "K1", "K2")} | changes
    return ShopSettings(**given)


def basic(login: str = "till", secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()


def sale(id_command: str | None = None, **changes: Any) -> Json:
    found = {
        "Command": "RegisterCheck",
        "NumDevice": 0,
        "IsFiscalCheck": True,
        "TypeCheck": 0,
        "CashierName": "Иванова",
        "Cash": 100,
        "CheckStrings": GOODS,
    }
    return found | ({} if id_command is None else {"IdCommand": id_command}) | changes


async def execute(
    client: httpx2.AsyncClient,
    command: Json,
    *,
    path: str = "/Execute",
    authorization: str | None = basic(),
    **headers: str,
) -> Json:
    """The answer, which must be HTTP 200."""
    answer = await post(client, command, path=path, authorization=authorization, **headers)
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
    found: Json = answer.json()
    assert found.keys() >= ALWAYS, "the strictest reader (alexanderfefelov/kkmserver-api) fails without them"
    assert isinstance(found["Error"], str)
    assert found["Status"] in (0, 1, 2, 3)
    assert found["Status"] != 1 or found["Error"]
    return found


async def post(
    client: httpx2.AsyncClient,
    command: Any,
    *,
    path: str = "/Execute",
    authorization: str | None = basic(),
    **headers: str,
) -> httpx2.Response:
    sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if authorization is not None:
        sent["Authorization"] = authorization
    content = command if isinstance(command, bytes) else json.dumps(command).encode()
    return await client.post(path, content=content, headers=sent)


async def result(client: httpx2.AsyncClient, id_command: str, *, within: int = 100) -> Json:
    """GetRezult until it is no longer Status 1."""
    for _ in range(within):
        found = await execute(client, {"Command": "GetRezult", "IdCommand": id_command})
        assert found["Status"] == found["Rezult"]["Status"]
        assert found["Rezult"].keys() >= ALWAYS
        if found["Status"] != 1:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no result of {id_command}")


def receipts_in(shop: Product, register_id: str = "POS-001") -> int:
    """Receipts in the archive of the FN."""
    return sum(one.total_kop is not None for one in shop.archive(register_id))
