"""Re-enacted clients of ATOL Online, of Node, Ruby and .NET: each sends and reads as its public source does.

The words are ours; the address is all that was changed for them. What each leaves out, gets wrong or reads
strictly is the point.
"""

from typing import Any

import httpx2
from tests.support.doors.atol_client import JSON_UTF8, Booked, Client, Json, Raised, booked, line, moment
from tests.support.doors.shops import SECRET


class Node(Client):
    """andreystepanov/atol-online (axios): taxes calculated on top, ``base_name`` and empty members; any
    ``error.code`` or status fail rejects, so a repeated external_id is an exception."""

    name = "andreystepanov/atol-online"
    takes_repeats = False
    renews = False

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"User-Agent": "Atol-Online-Node/0.1", "Token": self.token}
        answer = await self.ask(method, path, body, headers=headers)
        found: Json = answer.json()
        refused = found.get("status") == "fail" or (found.get("error") and found["error"]["code"])
        if "token" in found:
            refused = found.get("code", 0) >= 2 or found["token"] == ""
        if refused or not answer.is_success:
            raise Raised(str(found))
        return found

    async def register(self, external_id: str, **changes: Any) -> str:
        if not self.token:
            found = await self._call("POST", "/v4/getToken", {"login": self.login, "pass": SECRET})
            self.token, self.signed_in = found["token"], self.signed_in + 1
        item = line(
            changes,
            payment_method="full_prepayment",
            payment_object="commodity",
            vat={"type": "vat10", "sum": 10.0},
        )
        body = self.document(external_id, self.receipt(item)) | {"service": {"callback_url": None}}
        return str((await self._call("POST", f"/v4/{self.group}/sell", body))["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        try:
            found = await self._call("GET", f"/v4/{self.group}/report/{uuid}")
        except Raised:  # "not yet" is an exception too: its program asks again
            if self.answers[-1]["status"] == "wait":
                return None
            raise
        return booked(found["payload"])


class Ruby(Client):
    """sputnik8/atol-rb: getToken by GET, v5, floats; success is HTTP 200 without an error."""

    name = "sputnik8/atol-rb"
    version = "v5"
    takes_repeats = False
    renews = False

    async def register(self, external_id: str, **changes: Any) -> str:
        if not self.token:
            path = f"/possystem/v5/getToken?login={self.login}&pass={SECRET.replace(' ', '+')}"
            answer = await self.ask("GET", path)
            if answer.status_code != 200:
                raise Raised(answer.text)
            self.token, self.signed_in = answer.json()["token"], self.signed_in + 1
        item = line(
            changes | {"quantity": 1.0},
            payment_method="full_payment",
            payment_object=1,
            measure=0,
            vat={"type": "none"},
        )
        receipt = self.receipt(item, internet=True, client={"phone": "+79161234567"})
        headers = JSON_UTF8 | {"Token": self.token}
        body = self.document(external_id, receipt)
        answer = await self.ask("POST", f"/possystem/v5/{self.group}/sell", body, headers=headers)
        return str(self._read(answer)["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        answer = await self.ask(
            "GET", f"/possystem/v5/{self.group}/report/{uuid}", headers={"Token": self.token}
        )
        if answer.json()["status"] == "wait":  # raised; its program asks again
            return None
        return booked(self._read(answer)["payload"])

    def _read(self, answer: httpx2.Response) -> Json:
        found: Json = answer.json()
        if answer.status_code != 200 or found["error"] is not None:
            raise Raised(answer.text)
        return found


class DotNet(Client):
    """ili/atol-online (C#): exact decimals, times of one form, and an exception for anything but 200 without
    an error. Its registration number is an int, so a register whose number is longer cannot be read by it."""

    name = "ili/atol-online"
    version = "v5"
    takes_repeats = False
    renews = False

    async def _read(self, answer: httpx2.Response) -> Json:
        found: Json = answer.json()
        moment(found["timestamp"])
        if answer.status_code != 200 or found["error"] is not None:
            raise Raised(found["error"]["text"])
        return found

    async def register(self, external_id: str, **changes: Any) -> str:
        base = "/possystem/v5"
        if not self.token:
            body = {"login": self.login, "pass": SECRET}
            self.token = (await self._read(await self.ask("POST", f"{base}/getToken", body)))["token"]
            self.signed_in += 1
        changes = {"price": 10.0, "quantity": 1.1, "sum": 11.0} | changes
        item = line(
            changes, measure=11, payment_method="full_payment", payment_object=2, vat={"type": "none"}
        )
        body = self.document(external_id, self.receipt(item, payments=[{"type": 0, "sum": item["sum"]}]))
        answer = await self.ask("POST", f"{base}/{self.group}/sell", body, headers={"Token": self.token})
        return str((await self._read(answer))["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        path = f"/possystem/v5/{self.group}/report/{uuid}"
        answer = await self.ask("GET", path, headers={"Token": self.token})
        if answer.json()["status"] == "wait":  # raised as well; its program asks again
            return None
        payload = (await self._read(answer))["payload"]
        assert payload["ecr_registration_number"].isdecimal()
        moment(payload["receipt_datetime"])
        return booked(payload)


CLIENTS: tuple[type[Client], ...] = (Node, Ruby, DotNet)
