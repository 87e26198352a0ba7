"""The emulated web server as its other clients use it: habits of both flavours, over plain HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from kkt_adapter.emulators.atol import JAR, WR, AtolEmulator, AtolFault, AtolFaultMode
from kkt_adapter.fiscal.model import DocumentCode

SELL = {
    "type": "sell",
    "taxationType": "osn",
    "operator": {"name": "Петрова А.", "vatin": "500100732259"},
    "items": [
        {
            "type": "position",
            "name": "Молоко 3,2 %",
            "price": 60.0,
            "quantity": 2,
            "amount": 120.0,
            "measurementUnit": "piece",
            "paymentMethod": "4",
            "paymentObject": "commodity",
            "tax": {"type": "10"},
            "fooBar": 1,
        },
        {"type": "additionalAttribute", "value": "BNVGYURPBZHUXH2V", "print": False},
    ],
    "payments": [{"type": "cash", "sum": 200.0}],
}


@asynccontextmanager
async def server(**options: Any) -> AsyncIterator[tuple[AtolEmulator, httpx2.AsyncClient]]:
    emulator = AtolEmulator(**options)
    await emulator.start()
    try:
        async with httpx2.AsyncClient(base_url=emulator.address) as client:
            yield emulator, client
    finally:
        await emulator.stop()


async def result_of(client: httpx2.AsyncClient, uuid: str, root: str = "/api/v2/requests") -> dict[str, Any]:
    for _ in range(500):
        answer = (await client.get(f"{root}/{uuid}")).json()["results"][0]
        if answer["status"] not in ("wait", "inProgress"):
            return dict(answer)
        await asyncio.sleep(0.005)
    raise AssertionError("no result")


async def all_results(client: httpx2.AsyncClient, uuid: str) -> list[dict[str, Any]]:
    for _ in range(500):
        answers = (await client.get(f"/api/v2/requests/{uuid}")).json()["results"]
        if all(one["status"] not in ("wait", "inProgress", "blocked") for one in answers):
            return list(answers)
        await asyncio.sleep(0.005)
    raise AssertionError("no results")


async def do(client: httpx2.AsyncClient, uuid: str, request: Any) -> dict[str, Any]:
    posted = await client.post("/api/v2/requests", json={"uuid": uuid, "request": request})
    assert posted.status_code == 201, posted.text
    return await result_of(client, uuid)


async def test_a_client_that_knows_nothing_of_us_sells() -> None:
    """A task as an object, change in cash, digits for words, members nobody knows; it opens the shift."""
    async with server() as (emulator, client):
        found = await do(client, "a", SELL)

        assert found["error"]["code"] == 0
        params = found["result"]["fiscalParams"]
        assert (params["fiscalDocumentNumber"], params["total"], params["shiftNumber"]) == (3, 120.0, 1)
        document = await do(
            client, "b", [{"type": "getFnDocument", "fiscalDocumentNumber": 3, "withRawData": True}]
        )
        told = document["result"]["documentTLV"]
        assert (told["1020"], told["1031"], told["1192"]) == (120.0, 120.0, "BNVGYURPBZHUXH2V")
        assert told["qr"].startswith("t=") and "&s=120.00&" in told["qr"]
        assert emulator.machine.status().receipts_in_shift == 1

        report = await do(client, "c", {"type": "reportOfdExchangeStatus"})
        assert report["result"]["fiscalParams"]["fiscalDocumentNumber"] == 4
        assert report["result"]["status"]["notSentCount"] == 4
        kept = emulator.machine.fn.document(4)
        assert kept is not None
        assert kept.code is DocumentCode.CURRENT_STATE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payments": [{"type": "cash", "sum": 100.0}]}, 66),
        ({"payments": [{"type": "electronically", "sum": 200.0}]}, 52),
        ({"taxationType": "envd"}, 501),
        ({"payments": [{"type": "cash", "sum": "200"}]}, 501),
        ({"items": [SELL["items"][0] | {"tax": {"type": "VAT22"}}]}, 501),  # type: ignore[index]
        ({"items": [SELL["items"][0] | {"amount": 99.0}]}, 16),  # type: ignore[index]
        ({"items": []}, 503),
        ({"items": [SELL["items"][1]]}, 503),  # type: ignore[index]
    ],
)
async def test_the_drivers_checks(change: dict[str, Any], code: int) -> None:
    async with server() as (_, client):
        found = await do(client, "a", [SELL | change])
        assert (found["status"], found["error"]["code"]) == ("error", code)


async def test_statuses_of_calls_and_both_shapes_of_errors() -> None:
    async with server(login="till", password="pw") as (emulator, client):
        assert (await client.get("/api/v2/serverInfo")).json()["driverVersion"] == "10.10.8.0"
        assert (await client.get("/api/v2/devices")).status_code == 401
        client.auth = httpx2.BasicAuth("till", "pw")
        assert (await client.get("/api/v2/requests/none")).status_code == 404
        assert (await client.post("/api/v2/requests", content=b"{")).status_code == 400
        assert (await client.post("/api/v2/requests", json={"uuid": "a"})).status_code == 400
        other = await client.post("/api/v2/requests?deviceID=7", json={"uuid": "a", "request": [SELL]})
        assert other.status_code == 404
        assert other.json()["error"]["code"] == 505

        await do(client, "a", [SELL])
        again = await client.post("/api/v2/requests", json={"uuid": "a", "request": [SELL]})
        assert again.status_code == 409
        assert (await client.delete("/api/v2/requests/a")).status_code == 409
        flat = await result_of(client, "a", "/requests")
        assert (flat["errorCode"], "error" in flat) == (0, False)
        assert (await client.get("/stat/requests")).json() == {"is_blocked": False, "ready_count": 1}
        shift = await client.post("/api/v2/operations/queryShiftStatus")
        assert shift.json()["shiftStatus"]["state"] == "opened"
        assert (await client.post("/api/v2/operations/queryNothing")).status_code == 501

        emulator.device.active = False
        inactive = await client.post("/api/v2/requests", json={"uuid": "z", "request": [SELL]})
        assert inactive.status_code == 409


@pytest.mark.parametrize(("flavour", "status"), [(WR, 201), (JAR, 400)])
async def test_two_documents_in_one_job(flavour: Any, status: int) -> None:
    async with server(flavour=flavour) as (_, client):
        both = {"uuid": "a", "request": [{"type": "openShift"}, SELL]}
        answer = await client.post("/api/v2/requests", json=both)
        assert answer.status_code == status
        if flavour is JAR:
            assert "html" in answer.headers["content-type"]


@pytest.mark.parametrize(("flavour", "second", "flat"), [(WR, "ready", False), (JAR, "interrupted", True)])
async def test_after_a_block_the_number_alone_decides(flavour: Any, second: str, flat: bool) -> None:
    """The shift was opened, the link broke before the receipt was closed: ``ready`` all the same."""
    async with server(flavour=flavour) as (emulator, client):
        emulator.set_faults(AtolFault(mode=AtolFaultMode.LINK_BEFORE, task="sell", delay_s=-1))
        job = {"uuid": "a", "request": [SELL, {"type": "getFnStatus"}]}
        assert (await client.post("/api/v2/requests", json=job)).status_code == 201
        found = await result_of(client, "a")
        queue = (await client.get("/api/v2/getRequestsQueueStatus")).json()
        assert (found["status"], queue["isBlocked"], queue["blockReason"]) == (
            "blocked",
            True,
            "connectionError",
        )

        emulator.set_link(True)
        receipt, query = await all_results(client, "a")

        assert (receipt["status"], query["status"]) == ("ready", second)
        assert ("fiscalParams" not in receipt["result"]) is flat
        number = (
            receipt["result"]["fiscalDocumentNumber"]
            if flat
            else receipt["result"]["fiscalParams"]["fiscalDocumentNumber"]
        )
        assert number == 2, "the shift's opening"
        assert emulator.machine.status().receipts_in_shift == 0


@pytest.mark.parametrize(
    ("options", "rate", "code"),
    [
        ({"driver_version": "10.10.7.0"}, "vat22", 501),
        ({"firmware": "5.16.9"}, "vat22", 144),
        ({"driver_version": "10.10.5.0"}, "vat7", 501),
        ({"driver_version": "10.10.7.0", "firmware": "5.1"}, "vat20", 0),
        ({}, "vat122", 0),
    ],
)
async def test_old_drivers_and_old_firmware_do_not_know_new_rates(
    options: dict[str, str], rate: str, code: int
) -> None:
    async with server(**options) as (_, client):
        item = SELL["items"][0] | {"tax": {"type": rate}}  # type: ignore[index]
        found = await do(client, "a", [SELL | {"items": [item]}])
        assert found["error"]["code"] == code


async def test_jobs_and_numbers_outlive_the_emulator_where_a_folder_keeps_them(tmp_path: Path) -> None:
    async with server(state=tmp_path) as (_, client):
        first = await do(client, "a", [SELL])
    async with server(state=tmp_path) as (emulator, client):
        assert await result_of(client, "a") == first
        assert emulator.machine.status().receipts_in_shift == 1
        await emulator.restart_web(forget=True)
        assert (await client.get("/api/v2/requests/a")).status_code == 404


async def test_the_control_interface_shows_and_breaks() -> None:
    async with server(control_port=0) as (emulator, client):
        control = f"http://127.0.0.1:{emulator.control_port}/control"
        faults = [{"mode": "error", "task": "sell", "code": 2, "count": 2}]
        assert (await client.post(f"{control}/faults", json=faults)).json()["faults"][0]["count"] == 2
        assert (await client.post(f"{control}/faults", json={"mode": "nonsense"})).status_code == 422
        await client.delete(f"{control}/faults")
        assert (await client.post(f"{control}/conditions", json={"default_device": "9"})).status_code == 404
        state = (
            await client.post(f"{control}/conditions", json={"paper": False, "ofd_channel": "none"})
        ).json()
        assert state["devices"][0]["paper"] is False
        swapped = (await client.post(f"{control}/fn")).json()["devices"][0]["fn"]
        assert swapped != state["devices"][0]["fn"]
        documents = (await client.get(f"{control}/documents")).json()["documents"]
        assert [one["code"] for one in documents] == [1]
        assert (await client.post(f"{control}/restart", json={"forget": True})).status_code == 200
