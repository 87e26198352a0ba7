"""What re-enacted clients of ATOL Online share: a shop's program, and how readers of declared types read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import httpx2
from tests.support.doors.shops import STAMP

Json = dict[str, Any]

JSON_UTF8 = {"Content-Type": "application/json; charset=utf-8"}


class Raised(Exception):
    """What the client's program is given instead of a result."""


@dataclass(frozen=True)
class Booked:
    """What a client writes down of a document."""

    fd_number: int
    total: Decimal


@dataclass
class Client:
    """A shop's program. ``register`` gives the uuid, ``report`` what it books; None: it asks again later."""

    http: httpx2.AsyncClient
    inn: str
    name: ClassVar[str] = ""
    version: ClassVar[str] = "v4"
    takes_repeats: ClassVar[bool] = True  # a repeated external_id gives the first uuid, else it raises
    renews: ClassVar[bool] = True  # a token that does not hold any more is replaced by itself
    group: str = "POS-001"
    token: str = ""
    signed_in: int = 0
    answers: list[Json] = field(default_factory=list)

    @property
    def login(self) -> str:
        return f"{self.name.split('/')[0].lower()}-login"

    async def register(self, external_id: str, **changes: Any) -> str:
        raise NotImplementedError

    async def report(self, uuid: str) -> Booked | None:
        raise NotImplementedError

    async def ask(
        self, method: str, path: str, body: Json | None = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        answer = await self.http.request(method, path, json=body, headers=headers)
        self.answers.append(answer.json())
        return answer

    def receipt(self, item: Json, **more: Any) -> Json:
        total = item["sum"]
        return {
            "client": {"email": "buyer@example.com"},
            "company": {
                "email": "shop@example.com",
                "inn": self.inn,
                "payment_address": "https://shop.example",
            },
            "items": [item],
            "payments": [{"type": 1, "sum": total}],
            "total": total,
        } | more

    def document(self, external_id: str, receipt: Json) -> Json:
        return {"external_id": external_id, "receipt": receipt, "service": {}, "timestamp": STAMP}


def line(changes: Json, **fields: Any) -> Json:
    return {"name": "Чайник", "price": 100.0, "quantity": 1, "sum": 100.0, **fields} | changes


def booked(payload: Json) -> Booked:
    return Booked(fd_number=payload["fiscal_document_number"], total=Decimal(str(payload["total"])))


def typed(found: Json, **members: type) -> None:
    """As a reader of declared types: every member is there and of its type; a float may come as an int."""
    for name, kind in members.items():
        value = found[name]
        kinds = (int, float) if kind is float else (kind,)
        assert isinstance(value, kinds), f"{name}: {value!r}"
        assert not isinstance(value, bool), name


PAYLOAD: Mapping[str, type] = {
    "fiscal_receipt_number": int,
    "shift_number": int,
    "receipt_datetime": str,
    "total": float,
    "fn_number": str,
    "ecr_registration_number": str,
    "fiscal_document_number": int,
    "fiscal_document_attribute": int,
    "fns_site": str,
}


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y %H:%M:%S")  # noqa: DTZ007 - as the clients do
