"""Re-enacted clients of KkmServer: each sends and reads as its public source does, in our own words.

What each does wrong is the point: most never poll, some look at one field only, one acts on words of the
text. The address is all that was changed for them.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar
from uuid import uuid4

import httpx2
from tests.support.doors.kkm import basic

Json = dict[str, Any]


class Press(Enum):
    """What a client books."""

    PRINTED = "printed"
    FAILED = "failed"  # the cashier sees the text, and may press again


@dataclass
class Client:
    """One till program. ``press`` is one press of its button; every press has a new id unless it says."""

    http: httpx2.AsyncClient
    name: ClassVar[str] = ""
    login: str = "till"
    seen: list[str] = field(default_factory=list)  # texts shown to the cashier

    async def press(self) -> Press:
        raise NotImplementedError

    def auth(self) -> Mapping[str, str]:
        return {"Authorization": basic(self.login)}

    async def post(self, path: str, body: Json, **headers: str) -> Json:
        sent = {"Content-Type": "application/json; charset=UTF-8", **self.auth(), **headers}
        answer = await self.http.post(path, content=json.dumps(body).encode(), headers=sent)
        assert answer.status_code == 200, f"{self.name}: server unreachable ({answer.status_code})"
        found: Json = answer.json()
        return found

    def judge(self, answer: Json, printed: bool) -> Press:
        self.seen.append(answer["Error"])
        return Press.PRINTED if printed else Press.FAILED


def one_sale(**changes: Any) -> Json:
    register = {"Name": "Кофе", "Quantity": 1, "Price": 100, "Amount": 100, "Department": 0, "Tax": -1}
    return {
        "Command": "RegisterCheck",
        "NumDevice": 0,
        "IsFiscalCheck": True,
        "TypeCheck": 0,
        "NotPrint": False,
        "CashierName": "Иванова",
        "CheckStrings": [{"Register": register}],
        "Cash": 100,
        "ElectronicPayment": 0,
    } | changes


class NeverPolls(Client):
    """andreysam/kkmserver (axios): acts on words of the text, takes Status 1 for a failure."""

    name = "andreysam/kkmserver"
    closed = 0

    async def press(self) -> Press:
        for _ in range(3):
            answer = await self.post("/Execute", one_sale(IdCommand=str(uuid4()), KeySubLicensing="x"))
            error = answer["Error"]  # a TypeError in JavaScript unless it is a text
            if "смена" in error or "Смена" in error:
                self.closed += 1
                await self.post("/Execute", {"Command": "CloseShift", "IdCommand": str(uuid4())})
            elif "лиценз" not in error:
                break
        return self.judge(answer, answer["Status"] == 0)


class PollsInside(Client):
    """Magic-B/kkmserver-js: no credentials, ids of 60 characters, polls until ``Rezult.Status`` is not 1. Its
    versions of 2024 look into ``Rezult`` only where there is ``results``, and ask on without a pause."""

    name = "Magic-B/kkmserver-js"

    def auth(self) -> Mapping[str, str]:
        return {}

    async def press(self) -> Press:
        key = (uuid4().hex * 2)[:60]
        answer = await self.post("/Execute", one_sale(IdCommand=key, CashierVatin="500100732259", Timeout=1))
        polls = 0
        while answer["Status"] in (1, 4):
            polls += 1
            found = await self.post("/Execute", {"Command": "GetRezult", "IdCommand": key})
            assert found["results"]  # without it, or without Rezult, it asks in a tight endless loop
            answer = found["Rezult"]
            if answer["Status"] == 4:
                break
            if polls > 3:  # the cashier gives up
                break
            await asyncio.sleep(0.01)
        return self.judge(answer, answer["Status"] == 0)


class TextSums(Client):
    """DJAlone1992/kkmServerClasses: sums as texts of five digits, ids of 40, a filtered list of devices."""

    name = "DJAlone1992/kkmServerClasses"

    async def press(self) -> Press:
        units = (await self.post("/Execute", {"Command": "List"}))["ListUnit"]
        device = next(one for one in units if one["TypeDevice"] == "Фискальный регистратор")
        line = {
            "Name": "Кофе", "Quantity": "1.00000", "Price": "100.00000", "Amount": "100.00000", "Tax": 22,
            "SignMethodCalculation": 4, "SignCalculationObject": 1, "AgentData": None, "GoodCodeData": None,
        }  # fmt: skip
        body = one_sale(
            NumDevice=device["NumDevice"], CheckStrings=[{"Register": line}], Cash="100.00000", InnKassa="",
            IdCommand=(uuid4().hex * 2)[:40], CashierVatin="", ClientAddress="89161234567", NotPrint="false",
        )  # fmt: skip
        answer = await self.post("/Execute", body)
        return self.judge(answer, answer["Status"] == 0)


class Challenged(Client):
    """freezerxp/devicesConnector (.NET): signs in after the challenge, Timeout 1, polls the outer Status."""

    name = "freezerxp/devicesConnector"

    async def _ask(self, body: Json) -> Json:
        raw = json.dumps(body).encode()
        first = await self.http.post("/Execute", content=raw, headers={"Content-Type": "application/json"})
        assert first.status_code == 401
        assert first.headers["www-authenticate"].startswith("Basic realm=")
        return await self.post("/Execute", body)

    async def press(self) -> Press:
        key = str(uuid4())
        answer = await self._ask(one_sale(IdCommand=key, Timeout=1))
        for _ in range(8):
            if answer["Status"] not in (1, 4):
                break
            answer = await self._ask({"Command": "GetRezult", "IdCommand": key, "Timeout": 1})
            await asyncio.sleep(0.01)
        return self.judge(answer, answer["Status"] == 0)


class PlainText(Client):
    """Muraveiko/kkmserver.js: the browser's text/plain, ``/Execute/sync``, any text in Error is a failure."""

    name = "Muraveiko/kkmserver"

    async def press(self) -> Press:
        sums = {"CashLessType1": 0, "CashLessType2": 0, "CashLessType3": 0}
        body = one_sale(IdCommand=str(uuid4()), **sums)
        answer = await self.post("/Execute/sync", body, **{"Content-Type": "text/plain;charset=UTF-8"})
        return self.judge(answer, answer.get("Error", "?") == "")


class LooksAtError(Client):
    """baycik/isell: books a receipt as printed unless ``Error`` says something, whatever Status is."""

    name = "baycik/isell"

    async def press(self) -> Press:
        answer = await self.post("/Execute", one_sale(IdCommand=uuid4().hex[:24]))
        return self.judge(answer, not answer["Error"])


class KeepsToken(Client):
    """A Laravel shop: texts, ``null`` blocks, the sample's place, and one id for an invoice for ever."""

    name = "LaravelKkmServerConnect"
    invoice = 1000

    async def press(self) -> Press:
        line = {
            "Name": "Кофе",
            "Quantity": "1",
            "Price": "100",
            "Amount": "100",
            "Tax": "-1",
            "EAN13": 4607001771562,
        }
        nulls = dict.fromkeys(("AgentSign", "AgentData", "PurveyorData"))
        texts = {"Cash": "100", "TaxVariant": "", "PlaceMarket": "kkmserver.ru"}
        strings = [{"Register": line}, {"BarCode": None}]
        body = one_sale(IdCommand=f"invoice-{self.invoice}", CheckStrings=strings, **texts, **nulls)
        answer = await self.post("http://localhost:8000//Execute", body)
        return self.judge(answer, answer["Status"] == 0)


class AsksOnce(Client):
    """alchemist314/phpkkm_kassa: ``idCommand``, one GetRezult after a pause, the top level of it; ``User``
    with an empty password, both in its source."""

    name = "alchemist314/phpkkm_kassa"

    def auth(self) -> Mapping[str, str]:
        return {"Authorization": basic("User", "")}

    async def press(self) -> Press:
        key = str(uuid4())
        body = one_sale(idCommand=key)
        await self.post("/Execute/async/", body)
        answer = await self.post("/Execute", {"Command": "GetRezult", "idCommand": key})
        return self.judge(answer, answer["Error"] == "" and answer["CheckNumber"] > 0)


class Strict(Client):
    """alexanderfefelov/kkmserver-api (Scala): required members, the IdCommand printed on every receipt."""

    name = "alexanderfefelov/kkmserver-api"

    async def press(self) -> Press:
        units = (await self.post("/Execute", {"Command": "List"}))["ListUnit"]
        for unit in units:
            assert isinstance(unit["UnitName"], str)
            assert isinstance(unit["Firmware_Version"], str)
        key = str(uuid4())
        props = [{"Print": True, "PrintInHeader": True, "Teg": 0, "Prop": key}]
        answer = await self.post("/Execute", one_sale(IdCommand=key, CheckProps=props, AdditionalProps=props))
        for required, kind in (
            ("Command", str), ("IdCommand", str), ("Status", int), ("Error", str), ("NumDevice", int),
        ):  # fmt: skip
            assert isinstance(answer[required], kind), required
        assert answer["IdCommand"] == key
        return self.judge(answer, answer["Status"] == 0)


CLIENTS: tuple[type[Client], ...] = (
    NeverPolls, PollsInside, TextSums, Challenged, PlainText, LooksAtError, KeepsToken, AsksOnce, Strict,
)  # fmt: skip
