"""Re-enacted clients of KkmServer that were written for its empty password: a kiosk server, pages, a Laravel
service. Each sends and reads as its public source does, in our own words; none of them can be given a secret
or needs one.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.support.doors.kkm import basic
from tests.support.doors.kkm_clients import Client, Json, Press, one_sale

PAGE = "http://shop.local"


class KioskServer(Client):
    """A Node kiosk server (axios): user ``User`` with the empty password, lines without ``Price``, and a text
    in ``Error`` raises whatever Status is, the first answer's and GetRezult's alike."""

    name = "Node kiosk server"

    def auth(self) -> Mapping[str, str]:
        return {"Authorization": basic("User", "")}

    async def press(self) -> Press:
        listed = await self.post(
            "/Execute", {"IdCommand": uuid4().hex[:30], "Command": "List", "Active": True, "OnOff": True}
        )
        assert listed["ListUnit"][0]["IdTypeDevice"] != "Evotor"  # it would hang up after 10 s
        key = uuid4().hex[:30]
        line = {
            "Name": "Игра", "Quantity": 3, "Amount": 100.01, "Tax": -1, "SignMethodCalculation": 4,
            "SignCalculationObject": 4,
        }  # fmt: skip
        strings: list[Json] = [{"Register": line}, {"PrintText": {"Text": "Место 7"}}]
        body = one_sale(IdCommand=key, Timeout=90, CheckStrings=strings, ElectronicPayment=100.01)
        for absent in ("NumDevice", "Cash"):
            body.pop(absent)
        answer = await self.post("/Execute", body)
        if not self._raises(answer) and answer["Status"] in (1, 4):
            found = await self.post("/Execute", {"Command": "GetRezult", "IdCommand": key})
            answer = found if self._raises(found) else found["Rezult"]
        if self._raises(answer):
            return self.judge(answer, False)
        assert answer["ElectronicPayment"] > 0
        return self.judge(answer, True)

    @staticmethod
    def _raises(answer: Json) -> bool:
        return bool(answer["Status"] in (2, 3, 5, 6) or answer["Error"])


class BladePage(Client):
    """A Laravel Blade page: no credentials, a preflight, short ids, ``null`` blocks, and nothing but
    ``Error`` tells it that a receipt was not printed."""

    name = "Blade page"

    def auth(self) -> Mapping[str, str]:
        return {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}

    async def press(self) -> Press:
        asked = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        allowed = await self.http.options("/Execute", headers=asked)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, PAGE)
        nulls = dict.fromkeys(("AgentSign", "AgentData", "PurveyorData"))
        line: dict[str, Any] = {
            "Name": "Шарф", "Quantity": 2, "Price": 125.5, "Amount": 251, "Tax": -1,
            "SignMethodCalculation": 4, "SignCalculationObject": 1, "MeasureOfQuantity": 0, **nulls,
        }  # fmt: skip
        raw = uuid4().hex
        key = f"{raw[:4]}-4{raw[4:7]}-8{raw[7:10]}-{raw[10:14]}"
        body = one_sale(
            Timeout=30, IdCommand=key, CashierVATIN="", ClientAddress="", ClientInfo="", Cash=251,
            CheckStrings=[{"Register": line}], AdvancePayment=0, Credit=0, CashProvision=0, **nulls,
        )  # fmt: skip
        for absent in ("NumDevice", "NotPrint"):
            body.pop(absent)
        answer = await self.post("/Execute", body, **{"Content-Type": "application/json"})
        printed = not answer["Error"]
        if printed:
            assert answer["CheckNumber"] > 0  # it is shown to the cashier
        return self.judge(answer, printed)


class TillPrototype(Client):
    """A point-of-sale prototype (Nuxt): credentials only if there are any, a cashier's INN of the sample, and
    polls of the outer Status with the IdCommand of the answer; Status 3 is an exception."""

    name = "POS prototype"

    async def press(self) -> Press:
        listed = {
            "Command": "List", "NumDevice": 0, "InnKkm": "", "Active": True, "OnOff": True,
            "OFD_Error": False, "FN_IsFiscal": True, "IdCommand": str(uuid4()),
        }  # fmt: skip
        assert (await self.post("/Execute", listed))["ListUnit"], "it offers no register"
        body = one_sale(
            InnKkm="", KktNumber="", Timeout=30, IdCommand=str(uuid4()), NumberCopies=0, TaxVariant="",
            CashierName="Тестовый кассир", CashierVATIN="123456789012", ClientAddress="test@example.com",
            AdvancePayment=0, Credit=0, CashProvision=0,
        )  # fmt: skip
        answer, asked = await self.post("/Execute", body), 0
        while answer["Status"] in (1, 4) and asked < 8:
            asked += 1
            await asyncio.sleep(0.01)
            answer = await self.post("/Execute", {"Command": "GetRezult", "IdCommand": answer["IdCommand"]})
            assert answer["Status"] != 3, "the command is not found"
        return self.judge(answer, answer["Status"] == 0)


class InventedFields(Client):
    """A Laravel FiscalService: ``Payments``, ``InnKassa``, ``User`` and ``Password`` in the body, which are
    nobody's fields, no IdCommand, and 10 s of patience. Its receipts say no payment at all."""

    name = "Laravel FiscalService"

    def auth(self) -> Mapping[str, str]:
        return {}

    async def press(self) -> Press:
        line = {"Name": "Пополнение", "Quantity": 1, "Price": 100, "Amount": 100, "Tax": -1, "EAN13": ""}
        body = {
            "Command": "RegisterCheck", "NumDevice": 0, "InnKassa": "", "IsFiscalCheck": True, "TypeCheck": 0,
            "NotPrint": False, "CashierName": "REACTOR System", "ClientAddress": "b@example.com",
            "CheckStrings": [{"Register": line}], "Payments": [{"Type": 0, "Amount": 100}], "User": "Admin",
            "Password": "",
        }  # fmt: skip
        answer = await self.post("/Execute", body)
        return self.judge(answer, answer["Status"] == 0)


WITHOUT_SECRET: tuple[type[Client], ...] = (KioskServer, BladePage)
CLIENTS: tuple[type[Client], ...] = (TillPrototype,)
