"""The door itself: an ASGI application for the addresses of ATOL Online."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from kkt_adapter.api.body import (
    BODY,
    body_too_large,
    is_encoded,
    is_json,
    json_object,
    not_json,
    not_plain,
    read_body,
    read_within,
)
from kkt_adapter.api.doors.atol.answers import Json, no_token, registered, report, token_answer
from kkt_adapter.api.doors.atol.errors import AtolError, Code, as_atol
from kkt_adapter.api.doors.atol.marks import marks_result
from kkt_adapter.api.doors.atol.parts import AtolParts
from kkt_adapter.api.doors.atol.paths import NO_VERSION, AskedPath, AtolCall, asked
from kkt_adapter.api.doors.atol.register import register
from kkt_adapter.api.doors.atol.schema import GROUP, KINDS, schema_of
from kkt_adapter.api.doors.atol.sign_in import holder, new_token
from kkt_adapter.api.doors.door import MAX_BODY_BYTES, DoorAnswer, send_answer
from kkt_adapter.api.doors.sender import Answered, check_origin, readable, send_preflight
from kkt_adapter.api.entry.heads import headers_in
from kkt_adapter.fiscal.queries.door_receipts import DoorReceipt
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop
from kkt_adapter.runtime.log import get_logger

log = get_logger("atol")

_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"token, content-type"),
)
SENDER: Final = "kkt.atol_shop"  # key in the ASGI scope: whose token the request carries


class AtolOnlineDoor:
    max_body_bytes = MAX_BODY_BYTES

    def __init__(self, parts: AtolParts) -> None:
        self._parts = parts

    def stop(self) -> None:
        """No answer is held."""

    async def known(self, scope: Scope) -> str | None:
        wanted = asked(scope["path"])
        if wanted is None or wanted.call in (AtolCall.SIGN_IN, AtolCall.UNKNOWN):
            return None
        try:
            shop = await holder(self._parts, scope)
        except (AtolError, AdapterError):  # told when the request is carried out
            return None
        scope[SENDER] = shop
        return shop.id

    def check_head(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        shop = scope.get(SENDER)
        if shop is not None:
            check_origin(shop, headers)
        if is_encoded(headers.get(b"content-encoding")):
            raise not_plain()
        if not is_json(headers.get(b"content-type")):
            raise not_json()

    async def read_body(self, receive: Receive, *, deadline_s: float | None) -> bytes:
        if deadline_s is None:
            body = await read_body(receive)
            if len(body) > self.max_body_bytes:
                raise body_too_large(self.max_body_bytes)
            return body
        return await read_within(receive, most=self.max_body_bytes, deadline_s=deadline_s)

    def refusal(self, error: Exception, scope: Scope) -> DoorAnswer:
        told = as_atol(error)
        wanted = asked(scope["path"])
        answer = self._refused(told, wanted)
        shop = scope.get(SENDER)
        for_page = () if shop is None else readable((shop,), headers_in(scope), door=DoorName.ATOL_ONLINE)
        if wanted is not None and wanted.call is AtolCall.SIGN_IN:
            # sputnik8/atol-rb (lib/atol/transaction/get_token.rb) fails over other letters and shows no cause
            return DoorAnswer(status=told.http, body=jsontext.ascii_only(answer))
        return _answer(told.http, answer, for_page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = asked(scope["path"])
        assert wanted is not None, "the edge sends what is served"
        body: bytes = scope.get(BODY, b"")
        headers = headers_in(scope)
        shops: tuple[Shop, ...] = ()
        if b"origin" in headers:
            shops = await self._parts.shops.all()
            if scope["method"] == "OPTIONS":
                await send_preflight(send, shops, headers, door=DoorName.ATOL_ONLINE, asks=_PREFLIGHT)
                return
        for_page = readable(shops, headers, door=DoorName.ATOL_ONLINE)
        try:
            status, answer = await self._carry_out(wanted, scope, body)
        except AtolError as error:
            log.info("document_refused", code=int(error.code), call=wanted.call.name.lower())
            refused = self.refusal(error, scope)
            await send_answer(send, replace(refused, more=for_page))
            return
        uuid = answer.get("uuid") if wanted.call is AtolCall.REGISTER else None
        if uuid is None:
            await send_answer(send, _answer(status, answer, for_page))
            return
        self._parts.answers.begins(uuid)
        try:
            await send_answer(send, _answer(status, answer, for_page))
        finally:
            self._parts.answers.ends(uuid)

    async def _carry_out(self, wanted: AskedPath, scope: Scope, body: bytes) -> tuple[int, Json]:
        match wanted.call, scope["method"]:
            case AtolCall.SIGN_IN, "GET" | "POST":
                token = await new_token(self._parts, scope, body)
                now = self._parts.clock.now().astimezone()
                return 200, token_answer(token, at=now, version=wanted.version)
            case AtolCall.REPORT, "GET":
                return 200, await self._report(await self._sender(wanted, scope), wanted)
            case _, "GET" if _asks_schema(wanted):
                return 200, schema_of(wanted.version, wanted.operation)
            case AtolCall.REGISTER, "POST":
                shop = await self._sender(wanted, scope)
                return await self._register(shop, wanted, json_object(body))
            case AtolCall.UNKNOWN, _:
                await holder(self._parts, scope)
                raise AtolError(Code.UNKNOWN_OPERATION, _unknown(wanted))
        raise AtolError(Code.BAD_REQUEST, "Такого метода у адреса нет: getToken — GET и POST, report — GET.")

    async def _sender(self, wanted: AskedPath, scope: Scope) -> Shop:
        """The shop, allowed to use the group. Raises AtolError, NotAllowed."""
        shop: Shop = scope.get(SENDER) or await holder(self._parts, scope)
        check_origin(shop, headers_in(scope))
        if wanted.group not in shop.groups:
            raise AtolError(
                Code.FOREIGN_GROUP,
                f"Группа {wanted.group[:64]} не разрешена учётной записи {shop.id}. Добавьте её в groups.",
            )
        return shop

    async def _register(self, shop: Shop, wanted: AskedPath, document: dict[str, Any]) -> tuple[int, Json]:
        done = await register(self._parts, shop, wanted, document)
        now = self._parts.clock.now().astimezone()
        if not done.known:
            return 200, registered(done.uuid, at=now, warnings=done.warnings)
        if shop.duplicate_http == 200:
            return 200, registered(done.uuid, at=now, warnings=done.warnings)
        known = AtolError(
            Code.KNOWN, "Документ с этим external_id уже принят. Запросите его состояние по uuid из ответа."
        )
        return 400, registered(done.uuid, at=now, error=known.body(), warnings=done.warnings)

    async def _report(self, shop: Shop, wanted: AskedPath) -> Json:
        receipt = await self._parts.receipts.by_id(wanted.uuid)
        if receipt is None or not self._may_read(shop, wanted, receipt):
            raise AtolError(
                Code.MISSING_UUID, "Документа с таким uuid нет. Передайте uuid из ответа на регистрацию."
            )
        return await self.told(receipt)

    def _may_read(self, shop: Shop, wanted: AskedPath, receipt: DoorReceipt) -> bool:
        """An account reads its own documents, in the group it sent them to."""
        groups = (wanted.group, *self._parts.groups.earlier_ids(wanted.group))
        return (
            receipt.door == DoorName.ATOL_ONLINE
            and receipt.account in (shop.id, *shop.was)
            and receipt.group in groups
        )

    async def told(self, receipt: DoorReceipt) -> Json:
        """The report of a receipt, and the body of its callback."""
        registration = await self._parts.receipts.registration(receipt.register_id)
        now = self._parts.clock.now().astimezone()
        return report(
            receipt,
            at=now,
            registration=registration,
            url=self._parts.link_of(receipt.id),
            marks=await self._marks(receipt),
        )

    async def _marks(self, receipt: DoorReceipt) -> list[Json]:
        marks, document = receipt.facts.get("marks"), receipt.document
        if not marks or document is None:
            return []
        tlv = await self._parts.tlv_of(document["fn_number"], document["fiscal_doc_number"])
        return marks_result(marks, tlv)

    def _refused(self, told: AtolError, wanted: AskedPath | None) -> Json:
        now = self._parts.clock.now().astimezone()
        if wanted is not None and wanted.call is AtolCall.SIGN_IN:
            return no_token(told.body(), at=now, version=wanted.version)
        asks = wanted is not None and wanted.call is AtolCall.REPORT
        # A report that cannot be given says nothing of the receipt: a shop that reads "fail" sells it anew.
        status = "wait" if asks and told.code is not Code.MISSING_UUID else "fail"
        answer = registered(None, at=now, status=status, error=told.body())
        if wanted is not None and asks:
            answer |= {"uuid": wanted.uuid, "group_code": wanted.group, "payload": None}
            answer |= {"daemon_code": "kkt-adapter", "device_code": "", "external_id": "", "callback_url": ""}
        return answer


def _asks_schema(wanted: AskedPath) -> bool:
    """``/v4/schema/sell``: told to anybody. Registrations in a group of this name are POST."""
    return wanted.group == GROUP and wanted.operation in KINDS


def _unknown(wanted: AskedPath) -> str:
    if wanted.version == NO_VERSION:
        return "Такого адреса нет: /possystem/v4 или /possystem/v5, затем getToken, либо группа и операция."
    if wanted.version not in (4, 5):
        return "Версии протокола: v4 (ФФД 1.05) и v5 (ФФД 1.2). Замените версию в адресе."
    return (
        f"Операция {wanted.operation[:64]!r} неизвестна в v{wanted.version}. Допустимы sell, sell_refund, "
        "sell_correction, buy, buy_refund, buy_correction, в v5 ещё sell_refund_correction и "
        "buy_refund_correction."
    )


def _answer(status: int, answer: Json, for_page: Answered = ()) -> DoorAnswer:
    return DoorAnswer(status=status, body=jsontext.encode(answer).encode(), more=for_page)
