"""The control interface of the operator's emulator: what it shows, and the faults that it sets."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.support.ofd import FN, LOOPBACK, RECEIPT_ID, a_message, a_receipt_body, worked_message
from tests.support.worked_messages import WORKED

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway
from kkt_adapter.kernel.errors import OfdUnavailable


@pytest.fixture
async def control(emulator: OfdEmulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://{LOOPBACK}:{emulator.control_port}") as session:
        yield session


async def state(control: aiohttp.ClientSession) -> dict[str, Any]:
    async with control.get("/control/state") as response:
        assert response.status == 200
        content: dict[str, Any] = await response.json()
        return content


async def test_the_state_counts_documents_by_drive_and_code(
    control: aiohttp.ClientSession, gateway: TcpOfdGateway
):
    for name in WORKED:
        await gateway.deliver(worked_message(name))
    await gateway.deliver(worked_message("receipt"))
    content = await state(control)
    assert (content["unique"], content["repeated"], content["refused"]) == (5, 1, 0)
    assert content["by_code"] == {"2": 1, "3": 2, "5": 1, "31": 1}
    assert content["per_fn"]["9999078900005488"]["highest"] == 5


async def test_documents_are_shown_decoded(control: aiohttp.ClientSession, gateway: TcpOfdGateway):
    for name in ("open_shift", "receipt"):
        await gateway.deliver(worked_message(name))
    async with control.get("/control/documents", params={"fn": "9999078900005488", "limit": 1}) as response:
        (newest,) = (await response.json())["documents"]
    assert (newest["number"], newest["code"], newest["sequence"]) == (3, 3, 2)
    assert newest["document"]["receipt"]["totalSum"] == 35050
    async with control.get("/control/documents", params={"after": 0}) as response:
        assert [d["number"] for d in (await response.json())["documents"]] == [2, 3]


async def test_one_document_is_shown_with_its_bytes(control: aiohttp.ClientSession, gateway: TcpOfdGateway):
    message = worked_message("receipt")
    await gateway.deliver(message)
    async with control.get("/control/documents/9999078900005488/3") as response:
        content = await response.json()
    assert bytes.fromhex(content["raw"]) == message.raw
    assert content["envelope"]["container"]["number"] == 3
    async with control.get("/control/documents/9999078900005488/4") as response:
        assert response.status == 404


async def test_a_receipt_of_the_http_profile_is_shown_as_it_came(
    emulator: OfdEmulator, control: aiohttp.ClientSession
):
    http = HttpOfd(f"http://{LOOPBACK}:{emulator.http_port}")
    await http.deliver(RECEIPT_ID, a_receipt_body(fd_number=9))
    await http.close()
    async with control.get(f"/control/documents/{FN}/9") as response:
        content = await response.json()
    assert (content["transport"], content["receipt_id"]) == ("http", RECEIPT_ID)
    assert content["body"]["total"] == "100.00"


async def test_faults_are_set_as_one_or_as_a_list_and_lifted(
    control: aiohttp.ClientSession, gateway: TcpOfdGateway
):
    async with control.post("/control/faults", json={"mode": "code", "code": 14, "count": 1}) as response:
        assert (await response.json())["faults"] == [{"mode": "code", "code": 14, "count": 1}]
    assert (await gateway.deliver(a_message(1))).response_code == 14
    assert (await gateway.deliver(a_message(2))).response_code == 0
    both = [{"mode": "slow", "delay_s": 0.01}, {"mode": "bad_crc", "fn": FN, "document": 3}]
    async with control.post("/control/faults", json=both) as response:
        assert len((await response.json())["faults"]) == 2
    with pytest.raises(OfdUnavailable) as caught:
        await gateway.deliver(a_message(3))
    assert caught.value.error_code == "bad_crc"
    async with control.delete("/control/faults") as response:
        assert (await response.json())["faults"] == []
    assert (await gateway.deliver(a_message(3))).response_code == 0


async def test_down_is_set_and_lifted_over_the_control_interface(
    control: aiohttp.ClientSession, gateway: TcpOfdGateway
):
    async with control.post("/control/faults", json={"mode": "down"}) as response:
        assert (await response.json())["down"] is True
    with pytest.raises(OfdUnavailable):
        await gateway.probe()
    async with control.delete("/control/faults") as response:
        assert (await response.json())["down"] is False
    await gateway.probe()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[",
        "{}",
        '{"mode":"explode"}',
        '{"mode":"slow","delay_s":-1}',
        '{"mode":"slow","delay_s":1e9}',
        '{"mode":"code","code":14,"document":0}',
        '{"mode":"code","code":14,"colour":"red"}',
        '{"mode":"code","code":429,"retry_after":"1\\r\\nX: y"}',
        json.dumps([{"mode": "none"}] * 101),
    ],
)
async def test_what_is_no_fault_is_refused_and_changes_nothing(control: aiohttp.ClientSession, body: str):
    async with control.post("/control/faults", data=body) as response:
        assert response.status == 422
    assert (await state(control))["faults"] == []


async def test_reset_forgets_documents_and_faults(control: aiohttp.ClientSession, gateway: TcpOfdGateway):
    await gateway.deliver(a_message(1))
    async with control.post("/control/faults", json={"mode": "down"}):
        pass
    async with control.post("/control/reset") as response:
        content = await response.json()
    assert (content["unique"], content["faults"], content["down"]) == (0, [], False)
    await gateway.deliver(a_message(1))


async def test_a_page_in_a_browser_is_kept_out(control: aiohttp.ClientSession):
    async with control.post("/control/reset", headers={"Origin": "http://example.com"}) as response:
        assert response.status == 403


@pytest.mark.parametrize("query", ["limit=x", "after=-1", "limit=" + "9" * 30])
async def test_a_query_that_is_no_number_is_refused(control: aiohttp.ClientSession, query: str):
    async with control.get(f"/control/documents?{query}") as response:
        assert response.status == 422
