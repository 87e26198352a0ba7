"""The log of a real run: one JSON object a line with what people look for, and nobody's contacts or secrets.

The service runs as a process of its own at level DEBUG, is used by tills with tokens and buyers with
contacts, meets an operator that does not answer, and is stopped. Then its log is read.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.processes.service import ServiceProcess, service_process
from tests.support.product import PATIENCE_S, sale

from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.kernel.ids import random_id

EMAIL, PHONE, NAME = "buyer.private@example.com", "+79161234567", "Покупатель Тайный"
SECRETS = {
    "bot token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "webhook secret": "hook-secret-0987",
    "operator's token": "ofd-token-3456",
    "unknown bearer": "Bearer-that-nobody-gave-7777",
}
ITEM = "Секретный товар"
LIBRARIES = ("aiohttp", "asyncio", "tzlocal", "uvicorn")  # they write sentences
Json = dict[str, Any]


@dataclass
class Run:
    lines: list[Json]
    text: str
    receipt_id: str
    request_id: str
    key: str

    def named(self, event: str) -> list[Json]:
        return [line for line in self.lines if line["event"] == event]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run for all tests here; they only read what it left."""
    return asyncio.run(the_run(tmp_path_factory.mktemp("run")))


async def the_run(folder: Path) -> Run:
    ofd = OfdEmulator()
    await ofd.start()
    try:
        async with service_process(
            folder,
            tills=("POS-001",),
            ofd=ofd,
            KKT_LOG_LEVEL="DEBUG",
            KKT_BREAKER_FAILURES="1",
            KKT_ALERT_INTERVAL="0.1",
            KKT_NOTIFY_URL="http://127.0.0.1:9/hook",
            KKT_NOTIFY_SECRET=SECRETS["webhook secret"],
            KKT_NOTIFY_TELEGRAM_TOKEN=SECRETS["bot token"],
            KKT_NOTIFY_TELEGRAM_CHAT="1",
            KKT_NOTIFY_TELEGRAM_URL="http://127.0.0.1:9",
            OFD_TOKEN=SECRETS["operator's token"],
        ) as service:
            service.start()
            await service.ready()
            return await used(service, ofd, folder)
    finally:
        await ofd.stop()


async def used(service: ServiceProcess, ofd: OfdEmulator, folder: Path) -> Run:
    request_id, key = random_id(), random_id()
    body = sale(
        items=[{"name": ITEM, "price": 100, "qty": 1, "colour": "unknown field"}],
        payments=[{"type": "cash", "amount": 100}],
        customer={"email": EMAIL, "phone": PHONE, "name": NAME, "unknown": EMAIL},
        internet=False,
    )
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=PATIENCE_S) as client:

        async def post(content: Any, key: str, **headers: str) -> httpx2.Response:
            named = {"Content-Type": "application/json", "Idempotency-Key": key}
            return await client.post("/v1/kkt/receipt", content=json.dumps(content), headers=named | headers)

        authorization = {"Authorization": SECRETS["unknown bearer"], "X-Request-Id": request_id}
        first = await post(body, key, **authorization)
        assert first.status_code == 200, first.text
        conflict = await post(body | {"customer": {"email": "other." + EMAIL}}, key)
        assert conflict.status_code == 409
        invalid = await post(body | {"customer": {"email": EMAIL * 20, "phone": PHONE}}, random_id())
        assert invalid.status_code == 422
        login = {"username": "somebody", "password": SECRETS["unknown bearer"]}
        assert (await client.post("/api/v1/auth/login", json=login)).status_code == 401
        await client.get("/v1/kkt/receipt", params={"idempotency_key": key})
        await client.get("/api/v1/status", headers=authorization)
        await ofd.set_faults(OfdFault(mode=OfdFaultMode.DOWN))
        assert (await post(body, random_id())).status_code == 200
        for _ in range(400):
            if (await client.get("/v1/kkt/buffer/status")).json()["cb_state"] != "CLOSED":
                break
            await asyncio.sleep(0.05)
        closed = await client.post("/v1/kkt/z_report", json={"pos_id": "POS-001"})
        assert closed.status_code == 200, closed.text
    assert await asyncio.to_thread(service.terminate) == 0
    text = (folder / "service.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return Run(lines, text, first.json()["receipt_id"], request_id, key)


def test_every_line_is_json_with_what_people_look_for(run: Run) -> None:
    others = [line for line in run.text.splitlines() if line and not line.startswith("{")]
    assert all(line.startswith((" ", "kkt-adapter ")) for line in others), others  # the banner alone
    assert len(run.lines) > 10
    for line in run.lines:
        assert list(line)[:4] == ["timestamp", "level", "component", "event"], line
        assert line["level"] in ("debug", "info", "warning", "error")
        if line["component"].partition(".")[0] not in LIBRARIES:
            assert " " not in line["event"], line  # a name, not a sentence


def test_no_buyer_and_no_secret_is_in_the_log_at_any_level(run: Run) -> None:
    for what, text in {"e-mail": EMAIL, "phone": PHONE, "name": NAME, "item": ITEM, **SECRETS}.items():
        assert text not in run.text, what
        assert text.lstrip("+") not in run.text, what
    assert run.key not in run.text  # with the key anybody could ask for the receipt


def test_the_ids_of_a_request_are_in_its_lines(run: Run) -> None:
    (line,) = [one for one in run.named("request") if one.get("request_id") == run.request_id][:1]
    assert (line["receipt_id"], line["pos_id"]) == (run.receipt_id, "POS-001")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/kkt/receipt", 200)
    (ignored,) = [
        one for one in run.named("unknown_fields_ignored") if one.get("request_id") == run.request_id
    ]
    assert ignored["pos_id"] == "POS-001"
    assert EMAIL not in json.dumps(ignored)


def test_a_conflict_names_the_first_receipt_and_a_stranger_none(run: Run) -> None:
    refused = {line["code"]: line for line in run.named("request_refused")}
    assert refused["IDEMPOTENCY_CONFLICT"]["receipt_id"] == run.receipt_id
    assert "receipt_id" not in refused["VALIDATION_ERROR"]  # the body could not be read
    for code in ("NOT_AUTHENTICATED", "UNAUTHORIZED"):
        assert "receipt_id" not in refused.get(code, {})


def test_lines_of_other_requests_and_tasks_do_not_inherit_a_receipt(run: Run) -> None:
    for line in run.lines:
        if line.get("path", "").startswith("/api/") or line["component"] in ("network", "supervisor"):
            assert "receipt_id" not in line, line


def test_a_failed_delivery_names_its_receipt_and_the_reason(run: Run) -> None:
    (line, *_) = run.named("delivery_failed")
    assert line["component"] == "relay"
    assert line["level"] == "warning"
    assert line["code"] == "connection"
    assert line["receipt_id"]
    assert "retry_in_s" in line


def test_components_are_named_whoever_made_the_logger(run: Run) -> None:
    assert {line["component"] for line in run.lines} >= {"api", "relay", "endpoint", "network"}


def test_who_greps_a_receipts_id_finds_its_life(run: Run) -> None:
    life = [line for line in run.lines if line.get("receipt_id") == run.receipt_id]
    events = [line["event"] for line in life if line["level"] == "info"]
    assert [event for event in events if event.startswith("receipt_")] == [
        "receipt_accepted",
        "receipt_printed",
        "receipt_delivered",
    ]
    [printed] = [line for line in life if line["event"] == "receipt_printed"]
    assert printed["fd_number"] > 0
    assert printed["fn_number"]


@pytest.mark.parametrize(
    "event", ["service_started", "service_stopped", "shift_opened", "shift_closed", "pass_finished"]
)
def test_what_goes_well_is_logged_at_info(run: Run, event: str) -> None:
    assert {line["level"] for line in run.named(event)} == {"info"}
