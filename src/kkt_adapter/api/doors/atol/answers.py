"""What clients of ATOL Online read: every key of the schema is always there, null where nothing is known."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kkt_adapter.api.doors.atol.errors import Code, error_body
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.fiscal.queries.door_receipts import DoorOutcome, DoorReceipt
from kkt_adapter.kernel.money import rubles

Json = dict[str, Any]

DAEMON: Final = "kkt-adapter"
_V5: Final = 5


def moment(at: datetime) -> str:
    """``dd.mm.yyyy HH:MM:SS``, the form of every time of the protocol."""
    return f"{at:%d.%m.%Y %H:%M:%S}"


def token_answer(token: str, *, at: datetime, version: int) -> Json:
    """``code`` and ``text`` are of versions before v5, whose clients may raise over what they do not know:
    sushi-market/atol-online-sdk (src/V5/AtolOnlineApi.php, with brick/json-mapper) does."""
    answer: Json = {"error": None, "token": token, "timestamp": moment(at)}
    return answer if version == _V5 else answer | {"code": 0, "text": ""}


def no_token(error: Json, *, at: datetime, version: int) -> Json:
    """The same for a refused getToken."""
    answer: Json = {"error": error, "timestamp": moment(at)}
    if version == _V5:
        return answer | {"status": "fail"}
    return answer | {"token": "", "code": 2, "text": error["text"]}


def registered(
    uuid: str | None,
    *,
    at: datetime,
    status: str = "wait",
    error: Json | None = None,
    warnings: Mapping[str, str] | None = None,
) -> Json:
    answer: Json = {"uuid": uuid, "timestamp": moment(at), "status": status, "error": error}
    if warnings:
        answer["warnings"] = dict(warnings)
    return answer


def report(
    receipt: DoorReceipt,
    *,
    at: datetime,
    registration: Registration | None,
    url: str | None,
    marks: Sequence[Json] = (),
) -> Json:
    """The result of a receipt, and the body of its callback."""
    answer: Json = {
        "uuid": receipt.id,
        "external_id": receipt.client_key,
        "group_code": receipt.group or "",
        "timestamp": moment(at),
        "status": receipt.outcome.value,
        "error": None,
        "daemon_code": DAEMON,
        "device_code": receipt.register_id,
        "callback_url": receipt.facts.get("callback_url") or "",
        "payload": None,
    }
    if receipt.facts.get("warnings"):
        answer["warnings"] = receipt.facts["warnings"]
    match receipt.outcome:
        case DoorOutcome.WAIT:
            answer["error"] = error_body(
                Code.NO_STATE_YET, "Чек ещё в работе, состояния пока нет. Повторите запрос позже."
            )
        case DoorOutcome.FAIL:
            answer["error"] = error_body(
                Code.INTERNAL,
                f"Касса не напечатала чек: {receipt.error or 'причина не указана'}",
                kind="driver",
            )
        case DoorOutcome.DONE:
            answer["payload"] = _payload(receipt, registration, url)
            if marks:
                answer["payload"]["marks_result"] = list(marks)
    return answer


def _payload(receipt: DoorReceipt, registration: Registration | None, url: str | None) -> Json:
    document = receipt.document or {}
    payload: Json = {
        "total": Decimal(rubles(receipt.total_kop)),
        "fns_site": "" if registration is None else registration.fns_site,
        "fn_number": document["fn_number"],
        "shift_number": document["shift_number"],
        "receipt_datetime": moment(datetime.fromisoformat(document["fiscal_datetime"])),
        "fiscal_receipt_number": document["receipt_number"],
        "fiscal_document_number": document["fiscal_doc_number"],
        "ecr_registration_number": document["rn_kkt"],
        "fiscal_document_attribute": int(document["fiscal_sign"]),
        "ofd_inn": "" if registration is None else registration.ofd_inn,
    }
    if url:
        payload["ofd_receipt_url"] = url
    return payload
