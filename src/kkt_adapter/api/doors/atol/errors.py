"""Errors as clients of ATOL Online know them.

Codes, types and HTTP statuses: ATOL Online v4, document 5.23, table of errors. Code 1 is never given:
django-atol answers it with the same receipt under a new external_id. Clients know the statuses 200, 400 and
401, and repeat after 5xx.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from kkt_adapter.api.problems import RefusedByStatus, RequestInvalid, code_of
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import (
    AdapterError,
    InvalidInput,
    NotAllowed,
    RateLimited,
    ReceiptInvalid,
    StorageError,
    Violation,
)
from kkt_adapter.kernel.ids import random_id

MAX_FINDINGS = 10  # told in one text
MAX_TEXT = 2000


class Code(IntEnum):
    MISSING_TOKEN = 10
    EXPIRED_TOKEN = 11
    WRONG_LOGIN = 12
    LOGIN_INVALID = 13
    BLOCKED = 14
    FOREIGN_GROUP = 20
    WRONG_VERSION = 21
    MISSING_UUID = 30
    UNKNOWN_OPERATION = 31
    INVALID = 32
    KNOWN = 33
    NO_STATE_YET = 34
    BAD_REQUEST = 40
    MEDIA_TYPE = 41
    SERVER = 50
    INTERNAL = 2005  # in a report: the receipt failed
    WRONG_INN = 2009


_HTTP = {
    Code.MISSING_TOKEN: 401,
    Code.EXPIRED_TOKEN: 401,
    Code.WRONG_LOGIN: 401,
    Code.BLOCKED: 403,
    Code.FOREIGN_GROUP: 401,
    Code.WRONG_VERSION: 401,
    Code.MEDIA_TYPE: 415,
    Code.SERVER: 500,
}
_LATER = frozenset({"REQUEST_TIMEOUT", "RATE_LIMITED", "OVERLOADED"})


class AtolError(Exception):
    """A refusal in the protocol's words. ``text`` is for people, Russian."""

    def __init__(self, code: Code, text: str, *, kind: str = "system", http: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.kind = kind
        self.http = http or _HTTP.get(code, 400)

    def body(self) -> dict[str, Any]:
        return error_body(self.code, self.text, kind=self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFinding:
    """What is wrong with one field, by its JSON path, and what to do."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def error_body(code: int, text: str, *, kind: str = "system") -> dict[str, Any]:
    return {"error_id": random_id(), "code": int(code), "text": text[:MAX_TEXT], "type": kind}


def invalid(findings: list[FieldFinding]) -> AtolError:
    """32 with every finding, at most ``MAX_FINDINGS`` of them in words."""
    told = "; ".join(str(one) for one in findings[:MAX_FINDINGS])
    more = len(findings) - MAX_FINDINGS
    return AtolError(Code.INVALID, told + (f"; и ещё {more}" if more > 0 else ""))


def finding(violation: Violation) -> FieldFinding:
    """A finding of the core, its field named as the client wrote it."""
    text = violation.message.ru.rstrip(".")
    if violation.remedy is not None:
        text = f"{text}. {violation.remedy.ru.rstrip('.')}"
    return FieldFinding(path=violation.field, text=text)


def as_atol(error: Exception) -> AtolError:
    """Any refusal of ours as one of the protocol."""
    match error:
        case AtolError():
            return error
        case ReceiptInvalid():
            return invalid([finding(one) for one in error.violations])
        case RequestInvalid():
            return AtolError(Code.BAD_REQUEST, "; ".join(one.message.ru for one in error.violations[:3]))
        case RateLimited():
            return AtolError(Code.BLOCKED, error.detail.ru)
        case NotAllowed():
            return AtolError(Code.BLOCKED, error.detail.ru)
        case RefusedByStatus():
            return _by_status(error)
        case InvalidInput():
            return AtolError(Code.INVALID, error.detail.ru)
        case StorageError():
            said = discreet(error, error.detail).ru
            return AtolError(
                Code.SERVER, f"{said} Принят ли чек, неизвестно: повторите запрос с тем же external_id."
            )
        case AdapterError():
            said = discreet(error, error.detail).ru.removesuffix(" Чек не принят.")
            return AtolError(Code.SERVER, f"{said} Чек не принят, повторите запрос с тем же external_id.")
    return AtolError(Code.SERVER, "Внутренняя ошибка адаптера. Повторите запрос с тем же external_id.")


def _by_status(error: RefusedByStatus) -> AtolError:
    code, text = code_of(error), error.detail.ru or "Запрос не выполнен."
    if code == "UNSUPPORTED_MEDIA_TYPE":
        return AtolError(Code.MEDIA_TYPE, text)
    if code in _LATER:
        return AtolError(Code.SERVER, f"{text} Повторите запрос с тем же external_id.")
    return AtolError(Code.BAD_REQUEST, text)
