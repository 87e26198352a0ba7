"""The back office over HTTP: what it demands of a call, and its control interface."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.support.clock import START
from tests.support.erp import back_office

from kkt_adapter.emulators.erp import ErpEmulator, OfficeSignIn
from kkt_adapter.fiscal.heartbeat.feed import Page
from kkt_adapter.fiscal.heartbeat.payload import Sender, Situation, beat
from kkt_adapter.kernel.ids import random_id

BODY = beat(
    Sender(adapter_id="a", instance_id=random_id(), version="1", started_at=START),
    Situation(state="online", disk_free_bytes=1, points=[]),
    Page(events=[], has_more=False),
    seq=1,
    at=START,
).body


@pytest.fixture
async def erp() -> AsyncIterator[ErpEmulator]:
    async with back_office(control_port=0) as emulator:
        yield emulator


@pytest.fixture
async def control(erp: ErpEmulator) -> AsyncIterator[httpx2.AsyncClient]:
    base = f"http://127.0.0.1:{erp.control_port}/control"
    async with httpx2.AsyncClient(base_url=base, trust_env=False) as client:
        yield client


async def post(erp: ErpEmulator, body: bytes = BODY, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.post(f"{erp.url}/api/v1/kkt/heartbeat", content=body, headers=headers)


async def test_a_good_call_is_acknowledged_and_counted(erp: ErpEmulator) -> None:
    answer = await post(erp)
    assert answer.status_code == 200
    assert set(answer.json()) == {"ack_event_id", "server_time"}
    assert erp.state()["answers"] == {"200": 1}


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"items": []}, {"seq": 0}, {"adapter_id": ""}, {"events": [{}]}]
)
async def test_a_body_that_is_not_exactly_right_is_refused_and_kept(
    erp: ErpEmulator, change: dict[str, Any]
) -> None:
    answer = await post(erp, json.dumps(json.loads(BODY) | change).encode())
    assert answer.status_code == 400
    assert answer.json()["problems"]
    assert erp.refused is not None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_what_is_no_json_object_is_refused(erp: ErpEmulator, body: bytes) -> None:
    assert (await post(erp, body)).status_code == 400


async def test_a_wrong_token_is_refused_before_the_body_is_looked_at() -> None:
    async with back_office(sign_in=OfficeSignIn(tokens=("old", "new"))) as erp:
        for token, status in (("old", 200), ("new", 200), ("other", 401)):
            assert (await post(erp, Authorization=f"Bearer {token}")).status_code == status
        assert (await post(erp, b"{")).status_code == 401


async def test_another_path_is_not_there(erp: ErpEmulator) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"{erp.url}/elsewhere", content=BODY)).status_code == 404


async def test_the_control_interface_shows_sets_and_starts_anew(
    erp: ErpEmulator, control: httpx2.AsyncClient
) -> None:
    await post(erp)
    state = (await control.get("/state")).json()
    assert (state["calls"], state["down"], state["faults"]) == (1, False, [])
    assert (await control.get("/points")).json()["a"]["adapter"]["state"] == "online"
    assert (await control.get("/events?limit=5")).json() == {"events": []}
    two = b'[{"mode":"code","code":409,"count":1},{"mode":"login_page"}]'
    set_to = await control.post("/faults", content=two)
    assert [fault["mode"] for fault in set_to.json()["faults"]] == ["code", "login_page"]
    assert (await post(erp)).status_code == 409
    assert "Log in" in (await post(erp)).text
    assert (await control.delete("/faults")).json()["faults"] == []
    await control.post("/manners", content=b'{"interval_s": 15, "max_body_bytes": 10}')
    assert (await post(erp)).status_code == 413
    reset = (await control.post("/reset")).json()
    assert (reset["calls"], reset["interval_s"]) == (0, 15.0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", b"{}"),
        ("/faults", b'{"mode":"explode"}'),
        ("/faults", b'{"mode":"code","code":42}'),
        ("/faults", b"["),
        ("/manners", b'{"max_body_bytes":0}'),
        ("/manners", b'{"speed":1}'),
    ],
)
async def test_the_control_interface_says_what_it_does_not_understand(
    control: httpx2.AsyncClient, path: str, body: bytes
) -> None:
    answer = await control.post(path, content=body)
    assert answer.status_code == 422
    assert answer.json()["problems"]


async def test_down_means_that_nobody_listens_until_it_is_lifted(
    erp: ErpEmulator, control: httpx2.AsyncClient
) -> None:
    await control.post("/faults", content=b'{"mode":"down"}')
    with pytest.raises(httpx2.ConnectError):
        await post(erp)
    await control.delete("/faults")
    assert (await post(erp)).status_code == 200


async def test_a_page_in_a_browser_cannot_drive_it(control: httpx2.AsyncClient) -> None:
    answer = await control.post("/reset", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
