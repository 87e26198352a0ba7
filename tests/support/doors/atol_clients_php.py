"""Re-enacted clients of ATOL Online, written in PHP: each sends and reads as its public source does.

The words are ours; the address is all that was changed for them. What each leaves out, gets wrong or reads
strictly is the point.
"""

import json
from typing import Any

from tests.support.doors.atol_client import (
    JSON_UTF8,
    PAYLOAD,
    Booked,
    Client,
    Json,
    Raised,
    booked,
    line,
    moment,
    typed,
)
from tests.support.doors.shops import SECRET


class Ssitdikov(Client):
    """ssitdikov/ATOL (Guzzle): ``getToken/``, the token in header and query; any error is an exception, but a
    repeated external_id gives its uuid."""

    name = "ssitdikov/ATOL"
    renews = False

    async def register(self, external_id: str, **changes: Any) -> str:
        await self._sign_in()
        item = line(
            changes, payment_method="full_payment", payment_object="commodity", vat={"type": "none", "sum": 0}
        )
        body = self.document(external_id, self.receipt(item))
        path = f"/possystem/v4/{self.group}/sell?token={self.token}"
        found = (await self.ask("POST", path, body, headers={"Token": self.token})).json()
        if found["error"] is not None and found["error"]["code"] != 33:
            raise Raised(found["error"]["text"])
        return str(found["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        path = f"/possystem/v4/{self.group}/report/{uuid}?token={self.token}"
        found = (await self.ask("GET", path)).json()
        if found.get("error"):
            if found["error"]["code"] == 34:
                return None
            raise Raised(found["error"]["text"])
        return booked(found["payload"])

    async def _sign_in(self) -> None:
        if self.token:
            return
        body = {"login": self.login, "pass": SECRET}
        found = (await self.ask("POST", "/possystem/v4/getToken/", body)).json()
        if found.get("error"):
            raise Raised(found["error"]["text"])
        self.token, self.signed_in = found["token"], self.signed_in + 1


class ItQuasar(Client):
    """0x6368656174/atol-online (curl): no charset, an empty Token header with getToken, members of a report
    that must all be there."""

    name = "0x6368656174/atol-online"
    takes_repeats = False
    renews = False

    async def _send(self, path: str, body: Json | None = None) -> Json:
        headers = {"Accept": "application/json; charset=utf-8", "Token": self.token}
        if body is not None:
            headers["Content-Type"] = "application/json"
        found: Json = (await self.ask("GET" if body is None else "POST", path, body, headers=headers)).json()
        return found

    async def register(self, external_id: str, **changes: Any) -> str:
        if not self.token:
            found = await self._send("/possystem/v4/getToken", {"login": self.login, "pass": SECRET})
            if found["error"] is not None:
                raise Raised(f"{found['error']['error_id']} - {found['error']['text']}")
            self.token, self.signed_in = found["token"], self.signed_in + 1
        item = line(changes, payment_method="full_payment", payment_object="commodity", vat={"type": "vat10"})
        found = await self._send(
            f"/possystem/v4/{self.group}/sell", self.document(external_id, self.receipt(item))
        )
        if found["error"] is not None:
            raise Raised(f"{found['error']['error_id']} - {found['error']['text']}")
        return str(found["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        found = await self._send(f"/possystem/v4/{self.group}/report/{uuid}")
        typed(found, uuid=str, callback_url=str, status=str, group_code=str, daemon_code=str, device_code=str)
        moment(found["timestamp"])
        if found["payload"] is None:
            if found["status"] == "wait":
                return None
            raise Raised(found["error"]["text"])
        typed(found["payload"], **PAYLOAD)
        moment(found["payload"]["receipt_datetime"])
        return booked(found["payload"])


class Lamoda(Client):
    """lamoda/atol-client, which ttbooking/fiscal-registrar drives: a slash after every path, a media type
    with GET too, declared types, a new token on code 11 of type system; other errors are exceptions."""

    name = "lamoda/atol-client"
    takes_repeats = False

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"Content-Type": "application/json"} | ({"Token": self.token} if self.token else {})
        found: Json = (await self.ask(method, f"/possystem/v4/{path}/", body, headers=headers)).json()
        if found["error"] is not None:
            typed(found["error"], error_id=str, code=int, text=str, type=str)
            assert found["error"]["type"] in ("none", "unknown", "system", "driver", "timeout", "agent")
        moment(found["timestamp"])
        return found

    async def _retried(self, method: str, path: str, body: Json | None = None) -> Json:
        if not self.token:
            await self._sign_in()
        found = await self._call(method, path, body)
        if found["error"] is not None and (found["error"]["type"], found["error"]["code"]) == ("system", 11):
            await self._sign_in()
            found = await self._call(method, path, body)
        return found

    async def _sign_in(self) -> None:
        self.token = ""
        found = await self._call("POST", "getToken", {"login": self.login, "pass": SECRET})
        if found["error"] is not None:
            raise Raised(found["error"]["text"])
        self.token, self.signed_in = found["token"], self.signed_in + 1

    async def register(self, external_id: str, **changes: Any) -> str:
        item = line(changes, payment_method="full_payment", vat={"type": "vat10", "sum": 9.09})
        receipt = self.receipt(item, client={"email": "b@example.com", "phone": "79161234567"})
        found = await self._retried("POST", f"{self.group}/sell", self.document(external_id, receipt))
        if found["error"] is not None:
            raise Raised(found["error"]["text"])
        typed(found, uuid=str, status=str)
        return str(found["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        found = await self._retried("GET", f"{self.group}/report/{uuid}")
        assert found["status"] in ("wait", "done", "fail")
        if found["payload"] is None:
            if found["status"] == "wait":
                return None
            raise Raised(found["error"]["text"])
        typed(found["payload"], **PAYLOAD)
        return booked(found["payload"])


class SushiMarket(Client):
    """sushi-market/atol-online-sdk: v5, declared types everywhere, null members left out; HTTP 4xx is an
    exception with the error's text. Its releases with brick/json-mapper raise over a member that they do not
    know; then a refusal with a uuid, null or not, is an exception too."""

    name = "sushi-market/atol-online-sdk"
    version = "v5"
    takes_repeats = False
    renews = False

    async def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"Token": self.token} if self.token else {}
        answer = await self.ask(method, f"/possystem/v5/{path}", body, headers=headers)
        found: Json = answer.json()
        if answer.is_error:
            typed(found, timestamp=str)
            typed(found["error"], code=int, text=str, error_id=str, type=str)
            assert found["error"]["type"] in ("unknown", "system", "driver", "timeout", "agent")
            assert "uuid" in found or set(found) == {"error", "timestamp", "status"}
            raise Raised(found["error"]["text"])
        return found

    async def register(self, external_id: str, **changes: Any) -> str:
        if not self.token:
            body = {"login": self.login, "pass": SECRET, "source": "shop"}
            found = await self._send("POST", "getToken", body)
            assert set(found) == {"token", "timestamp", "error"}
            self.token = found["token"]
            self.signed_in += 1
        item = line(
            changes | {"quantity": 1.0},
            measure=0,
            payment_method="full_payment",
            payment_object=1,
            vat={"type": "none", "sum": 0.0},
            user_data="артикул 7",
        )
        document = self.document(
            external_id, self.receipt(item, cashier="Иванова", cashier_inn="500100732259")
        )
        found = await self._send("POST", f"{self.group}/sell", document | {"ism_optional": True})
        typed(found, uuid=str, timestamp=str, status=str)
        assert set(found) == {"uuid", "timestamp", "status", "error"}
        return str(found["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        found = await self._send("GET", f"{self.group}/report/{uuid}")
        typed(found, uuid=str, timestamp=str, group_code=str, daemon_code=str, device_code=str)
        typed(found, external_id=str, callback_url=str)
        if found["payload"] is None:
            if found["status"] == "wait":
                return None
            raise Raised(found["error"]["text"])
        typed(found["payload"], **PAYLOAD, ofd_inn=str)
        assert set(found["payload"]) <= {*PAYLOAD, "ofd_inn", "ofd_receipt_url", "marks_result"}
        return booked(found["payload"])


class Magento(Client):
    """mygento/kkm: a token per call, statuses 100, 200, 400 and 401 known; it reads ``status`` and ``uuid``
    whatever the error is, so a repeat is the first document."""

    name = "mygento/kkm"
    renews = False  # there is nothing to renew: the next call has a new one

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        base = "/possystem/v4/"
        if not self.token:
            credentials = {"login": self.login, "pass": SECRET}
            found = (await self.ask("POST", f"{base}getToken", credentials, headers=JSON_UTF8)).json()
            if not found.get("token"):
                raise Raised(str(found))
            self.token, self.signed_in = found["token"], self.signed_in + 1
        headers = {"Token": self.token} | (JSON_UTF8 if body is not None else {})
        self.token = ""
        answer = await self.ask(method, base + path, body, headers=headers)
        if answer.status_code not in (100, 200, 400, 401):
            raise Raised(f"Bad response from Atol. Status: {answer.status_code}")
        read: Json = answer.json()
        assert read["timestamp"]
        if read["status"] == "fail":
            raise Raised(read["error"]["text"])
        return read

    async def register(self, external_id: str, **changes: Any) -> str:
        item = line(changes, payment_method="full_payment", payment_object="commodity", vat={"type": "none"})
        receipt = self.receipt(item)
        receipt["company"]["sno"] = "osn"
        return str(
            (await self._call("POST", f"{self.group}/sell", self.document(external_id, receipt)))["uuid"]
        )

    async def report(self, uuid: str) -> Booked | None:
        found = await self._call("GET", f"{self.group}/report/{uuid}")
        return None if found["status"] == "wait" else booked(found["payload"])


class RetailCrm(Client):
    """retailcrm/atol-online-client (Guzzle 3): no media type, the token in the query, errors that are
    ``isset`` or not; after a 4xx it forgets its token, and asks once more on the codes 12, 13 and 14 only."""

    name = "retailcrm/atol-online-client"
    takes_repeats = False
    renews = False

    async def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        answer = await self.http.request(method, f"/possystem/v4/{path}", content=content)
        found: Json = answer.json()
        self.answers.append(found)
        if answer.is_error:
            self.token = ""
        return found

    async def register(self, external_id: str, **changes: Any) -> str:
        if not self.token:
            found = await self._send("POST", "getToken", {"login": self.login, "pass": SECRET})
            if found.get("error") is not None:
                raise Raised(f"{found['error']['code']} {found['error']['text']}")
            self.token, self.signed_in = found["token"], self.signed_in + 1
        item = line(
            changes, payment_method="full_payment", payment_object="commodity", vat={"type": "none", "sum": 0}
        )
        body = self.document(external_id, self.receipt(item))
        found = await self._send("POST", f"{self.group}/sell?token={self.token}", body)
        if found.get("error") is not None:
            raise Raised(found["error"]["text"])
        return str(found["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        found = await self._send("GET", f"{self.group}/report/{uuid}?token={self.token}")
        if found["status"] == "wait":
            return None
        if found.get("error") is not None:
            raise Raised(found["error"]["text"])
        return booked(found["payload"])


class Vlsv(Client):
    """skodnik/atol-online (Guzzle, PSR-18): a media type with GET too, one new token on code 11, and
    declared types whatever the error is; its program looks for the uuid."""

    name = "skodnik/atol-online"

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = JSON_UTF8 | ({"Token": self.token} if self.token else {})
        found: Json = (await self.ask(method, f"/possystem/v4/{path}", body, headers=headers)).json()
        moment(found["timestamp"])
        if found["error"] is not None:
            typed(found["error"], error_id=str, code=int, text=str, type=str)
        return found

    async def _retried(self, method: str, path: str, body: Json | None = None) -> Json:
        if not self.token:
            await self._sign_in()
        found = await self._call(method, path, body)
        if found["error"] is not None and found["error"]["code"] == 11:
            await self._sign_in()
            found = await self._call(method, path, body)
        assert found["status"] in ("wait", "done", "fail")
        return found

    async def _sign_in(self) -> None:
        self.token = ""
        found = await self._call("POST", "getToken", {"login": self.login, "pass": SECRET})
        self.token, self.signed_in = found["token"], self.signed_in + 1

    async def register(self, external_id: str, **changes: Any) -> str:
        item = line(
            {"price": 1000.0, "quantity": 0.3, "sum": 300.0} | changes,
            measurement_unit="кг",
            payment_method="full_payment",
            payment_object="commodity",
            vat={"type": "vat10"},
        )
        document = self.document(external_id, self.receipt(item))
        found = await self._retried("POST", f"{self.group}/sell", document)
        if found["uuid"] is None:
            raise Raised(found["error"]["text"])
        return str(found["uuid"])

    async def report(self, uuid: str) -> Booked | None:
        found = await self._retried("GET", f"{self.group}/report/{uuid}")
        return None if found["status"] == "wait" else booked(found["payload"])


class Axenov(Client):
    """anthonyaxenov/atol-online (Guzzle): ``Content-type`` with GET too; a success has no error and a status
    below 400, and a token is asked for once only."""

    name = "anthonyaxenov/atol-online"
    takes_repeats = False
    renews = False

    async def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"Content-type": "application/json; charset=utf-8"}
        if self.token:
            headers["Token"] = self.token
        answer = await self.ask(method, f"/possystem/v4/{path}", body, headers=headers)
        found: Json = answer.json()
        if found.get("error") or answer.is_error:
            raise Raised(str(found))
        return found

    async def register(self, external_id: str, **changes: Any) -> str:
        if not self.token:
            found = await self._send("POST", "getToken", {"login": self.login, "pass": SECRET})
            self.token, self.signed_in = found["token"], self.signed_in + 1
        item = line(
            {"price": 33.33, "quantity": 3.0, "sum": 99.99} | changes,
            measurement_unit="шт",
            payment_method="full_payment",
            payment_object="commodity",
            vat={"type": "vat20", "sum": 16.67},
            user_data="артикул",
        )
        receipt = self.receipt(item, vats=[{"type": "vat20", "sum": 16.67}], cashier="Кассир")
        return str(
            (await self._send("POST", f"{self.group}/sell", self.document(external_id, receipt)))["uuid"]
        )

    async def report(self, uuid: str) -> Booked | None:
        try:
            found = await self._send("GET", f"{self.group}/report/{uuid}")
        except Raised:  # its poll takes any failure for "not yet"
            if self.answers[-1]["status"] == "wait":
                return None
            raise
        assert found["status"] == "done"
        return booked(found["payload"])


CLIENTS: tuple[type[Client], ...] = (
    Ssitdikov, ItQuasar, Lamoda, SushiMarket, Magento, RetailCrm, Vlsv, Axenov,
)  # fmt: skip
