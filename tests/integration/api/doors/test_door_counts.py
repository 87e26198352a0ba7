"""What a sale through a door costs beside a native one, counted: statements and commits, no clock."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from bench import inside
from bench.processes import till_name
from bench.programs import doors
from tests.support.processes.nodes import until

from kkt_adapter.bootstrap import Services
from kkt_adapter.settings import ShopSettings

TILLS = 8
SHOP = ShopSettings(
    id="bench", login=doors.LOGIN, secret=doors.SECRET, groups=tuple(map(till_name, range(TILLS)))
)
JSON = (b"content-type", b"application/json")
BASIC = (b"authorization", b"Basic " + base64.b64encode(f"{doors.LOGIN}:{doors.SECRET}".encode()))
COUNTED = ("receipts", "idempotency", "report_keys", "presses", "counters", "documents", "attempts", "config")
"""Tables of a sale. Its statements bring their rows with them; other services ask for what is there."""

Sell = Callable[[int, str], Awaitable[None]]


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with inside.running(tmp_path, TILLS, shop=(SHOP,)) as services:
        await inside.post_many(services, tills=TILLS, each=1, name="shift")  # opens the shifts
        yield services


async def ways(services: Services) -> dict[str, Sell]:
    """Native, KkmServer and ATOL Online: one sale at a till, until its document is there."""
    _, listed = await inside.ask(services, "POST", "/Execute", [JSON, BASIC], b'{"Command":"List"}')
    units = {unit["UnitName"]: unit for unit in json.loads(listed)["ListUnit"]}
    given = json.dumps({"login": doors.LOGIN, "pass": doors.SECRET}).encode()
    _, signed_in = await inside.ask(services, "POST", "/v5/getToken", [JSON], given)
    token = (b"token", json.loads(signed_in)["token"].encode())

    async def native(till: int, key: str) -> None:
        await inside.post(services, till, key)

    async def execute(till: int, key: str) -> None:
        command = {**doors.command(till, units[till_name(till)]["NumDevice"]), "IdCommand": key}
        _, answer = await inside.ask(
            services, "POST", "/Execute", [JSON, BASIC], json.dumps(command).encode()
        )
        assert json.loads(answer)["Status"] == 0, answer

    async def register(till: int, key: str) -> None:
        sale = {**doors.sale(units[till_name(till)]["INN"]), "external_id": key}
        path = f"/v5/{till_name(till)}/sell"
        _, answer = await inside.ask(services, "POST", path, [JSON, token], json.dumps(sale).encode())
        assert json.loads(answer)["status"] == "wait", answer

    return {"native": native, "execute": execute, "register": register}


async def is_printed(services: Services) -> bool:
    return not (await inside.buffer_status(services))["unprinted"]


async def cost(services: Services, sell: Sell, name: str, *, tills: int) -> dict[str, int]:
    """Statements by the table they name first, of one sale at each till; without what forgets old presses."""
    with inside.traced(services) as trace:
        await asyncio.gather(*(sell(till, f"{name} {till}".replace(" ", "-")) for till in range(tills)))
        await until(lambda: is_printed(services), "every receipt is printed")
    found = {"commits": 0, "all": 0}
    for statement, count in trace.count.items():
        words = statement.replace(",", " ").replace("(", " ").replace(".", " ").split()
        table = next((word for word in words if word in COUNTED), None)
        found["commits"] += count * statement.startswith("UPDATE counters")
        brings_rows = "listed" in words or (words[0] == "INSERT" and table != "config")
        if table is None or not brings_rows or words[0] == "DELETE":
            continue
        found["all"] += count
        found[table] = found.get(table, 0) + count
    return found


async def test_a_sale_through_a_door_costs_what_a_native_one_does(services: Services) -> None:
    """Its key, and the presses beside it, are looked at in the commit that accepts it: by one statement each,
    however many sales the commit has."""
    sells = await ways(services)
    for name in ("first", "second"):  # notes that the account is in use, once a day; sees the note
        await sells["execute"](0, name)
    alone = {name: await cost(services, sell, f"{name} alone", tills=1) for name, sell in sells.items()}
    many = {name: await cost(services, sell, f"{name} many", tills=TILLS) for name, sell in sells.items()}

    native, execute, register = alone["native"], alone["execute"], alone["register"]
    assert native["commits"] == execute["commits"] == register["commits"] == 2, alone
    assert native["idempotency"] == execute["idempotency"] == register["idempotency"], alone
    assert (execute["presses"], execute["report_keys"]) == (2, 1), alone
    assert execute["all"] == native["all"] + 3, alone
    assert register["all"] == native["all"], alone
    for name, sells_together in many.items():
        assert sells_together["all"] < alone[name]["all"] * TILLS / 2, many
