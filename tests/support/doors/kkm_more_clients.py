"""More re-enacted clients of KkmServer: a gem, a Django shop, a PHP package, two kinds of browser pages."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.support.doors.kkm_clients import Client, Json, Press, one_sale


class Gem(Client):
    """esaulkov/kkmserver (Ruby): the registers of List first, numbers as floats, empty texts, and a result
    that is a number of a document or a text."""

    name = "esaulkov/kkmserver"

    async def press(self) -> Press:
        units = (await self.post("/Execute", {"Command": "List"}))["ListUnit"]
        unit = units[0]
        row = {
            "Name": "Кофе", "Quantity": 1.0, "Price": 100, "Amount": 100.0, "Department": 0, "Tax": -1,
            "EAN13": None, "SignMethodCalculation": 4, "SignCalculationObject": 1, "NomenclatureCode": "",
        }  # fmt: skip
        sums = {"Cash": 100.0, "ElectronicPayment": 0.0, "AdvancePayment": 0.0, "Credit": 0.0}
        body = one_sale(
            NumDevice=unit["NumDevice"], IdCommand=str(uuid4()), CashierVATIN=unit["INN"], ClientAddress="",
            TaxVariant="", CheckStrings=[{"Register": row}], CashProvision=0.0, **sums,
        )  # fmt: skip
        answer = await self.post("/Execute", body, Accept="application/json")
        number = answer["CheckNumber"] if answer["Status"] == 0 else answer["Error"]
        return self.judge(answer, isinstance(number, int))


class DjangoShop(Client):
    """KochergaClub/core (Python, requests): the register by its factory number, an e-mail, a card."""

    name = "KochergaClub/core"

    async def press(self) -> Press:
        listed = await self.post(
            "/Execute", {"Command": "GetDataKKT", "NumDevice": 0, "IdCommand": str(uuid4())}
        )
        line = {
            "Name": "Лекция", "Quantity": 1, "Price": 100, "Amount": 100, "Department": 0, "Tax": -1,
            "SignMethodCalculation": 1, "SignCalculationObject": 4,
        }  # fmt: skip
        body = one_sale(
            KktNumber=listed["Info"]["KktNumber"], IdCommand=str(uuid4()), NumberCopies=0,
            ClientAddress="buyer@example.com", CheckStrings=[{"Register": line}], Cash=0,
            ElectronicPayment=100, AdvancePayment=0, Credit=0, CashProvision=0,
        )  # fmt: skip
        body.pop("NumDevice")
        answer = await self.post("/Execute", body)
        return self.judge(answer, answer["Status"] == 0)


class TypedGetters(Client):
    """zeroabe/atol-kkm-client (PHP, Guzzle and JMS): no media type, a slash at the end, and getters of
    declared types that fail where a number or a text is missing."""

    name = "zeroabe/atol-kkm-client"

    async def press(self) -> Press:
        strings: list[Json] = [
            {"BarCode": {"BarcodeType": "PDF417", "Barcode": "12345DFG Proba pera"}},
            {"PrintText": {"Text": '>#2#<ООО "Рога и копыта"', "Font": 1, "Intensity": 15}},
            {
                "Register": {"Name": "Сапоги", "Quantity": 3, "Price": 100, "Amount": 100.01, "Tax": -1,
                             "EAN13": "1254789547853", "EGAIS": None},
                "BarCode": {"BarcodeType": "EAN13", "Barcode": "1254789547853"},
            },
        ]  # fmt: skip
        props = [{"Print": True, "PrintInHeader": True, "Teg": 1010, "Prop": 10.25}]
        body = one_sale(
            IdCommand=None, InnKkm="", KktNumber="", Timeout=30, CancelOpenedCheck=True, NumberCopies=0,
            ClientAddress="client@server.ru", TaxVariant="", CheckProps=props, AdditionalProps=[],
            KPP="782543005", ClientId="23FG4GV4D2956", CheckStrings=strings, Cash=100,
            CashLessType1=0.01, CashLessType2=0, CashLessType3=0,
        )  # fmt: skip
        answer = await self.post("/Execute/sync/", body, **{"Content-Type": ""})
        if answer["Status"] == 0:
            for member, kind in (("URL", str), ("CheckNumber", int), ("SessionNumber", int), ("Error", str)):
                assert isinstance(answer[member], kind), member
            assert "Info" not in answer  # declared as a text there
        return self.judge(answer, answer["Status"] == 0)


class PollingPage(Client):
    """The big browser page made after the maker's sample: a route of its own in the body, nulls, sums as
    texts, and GetRezult with the IdCommand of each answer while the outer Status is 1."""

    name = "browser page after the sample"

    async def press(self) -> Press:
        line: dict[str, Any] = {
            "Name": "Масло", "Quantity": "1.000", "Price": "100.00", "Amount": "100.00", "Department": 0,
            "Tax": -1, "EAN13": "", "SignMethodCalculation": 4, "SignCalculationObject": 1, "AgentSign": None,
            "AgentData": None, "PurveyorData": None, "GoodCodeData": None,
        }  # fmt: skip
        strings = [{"Register": line}, {"BarCode": None}]
        body = one_sale(
            IdCommand=str(uuid4()), kassa_ip_port="https://192.168.0.2:5893", InnKkm="", KktNumber="",
            Timeout=60, AgentSign=None, AgentData=None, PurveyorData=None, CheckStrings=strings,
            Cash="100.00", ElectronicPayment="0.00", AdvancePayment="0", Credit=0, CashProvision=0,
        )  # fmt: skip
        answer, asked = await self.post("/Execute", body), 0
        while answer["Status"] == 1 and asked < 8:
            await asyncio.sleep(0.01)
            asked += 1
            command = {"Command": "GetRezult", "IdCommand": answer["IdCommand"], "Timeout": 1}
            answer = await self.post("/Execute", command)
        return self.judge(answer, answer["Status"] == 0)


class AddInPage(Client):
    """RunaRMK's till page and other pages of the browser add-in: answers are matched by their IdCommand, and
    numbers are read at the top level of GetRezult."""

    name = "RunaRMK"

    async def press(self) -> Press:
        key = str(uuid4())
        answer = await self.post("/Execute", one_sale(IdCommand=key, Timeout=1))
        for _ in range(8):
            assert answer["IdCommand"] == key
            if answer["Status"] != 1:
                break
            await asyncio.sleep(0.01)
            answer = await self.post("/Execute", {"Command": "GetRezult", "IdCommand": key, "Timeout": 1})
            assert answer["Rezult"]["IdCommand"] == key
        return self.judge(answer, answer["Status"] == 0 and answer["CheckNumber"] > 0)


CLIENTS: tuple[type[Client], ...] = (Gem, DjangoShop, TypedGetters, PollingPage, AddInPage)
