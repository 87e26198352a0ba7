"""The one error body of the product: problem details (RFC 9457), from any error to bytes."""

import json
import math
from dataclasses import dataclass
from typing import Any

from kkt_adapter.api.error_codes import INTERNAL_DETAIL, ROWS, ErrorRow
from kkt_adapter.api.negotiation import Language
from kkt_adapter.kernel.discretion import discreet, discreet_json
from kkt_adapter.kernel.errors import AdapterError, InvalidInput, ReceiptInvalid, Text, Violation

MEDIA_TYPE = b"application/problem+json"
TYPE_PREFIX = "urn:kkt-adapter:problem:"
WHOLE_BODY = "body"  # `field` of a finding about the body as a whole
CLOSING = frozenset({408, 413, 431})  # what still comes on the connection is not the next request
MAX_ERRORS = 100  # bad fields shown; the rest is counted in `errors_left_off`

Headers = list[tuple[bytes, bytes]]


class RequestInvalid(InvalidInput):
    """A body, header or query that does not fit; every finding at once."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        first, more = violations[0].message, len(violations) - 1
        super().__init__(
            first.en + (f" (and {more} more)" if more else ""),
            first.ru + (f" (и ещё {more})" if more else ""),
        )
        self.violations = violations


class RefusedByStatus(AdapterError):
    """A refusal that has only its code: of the edge, or of the framework."""

    def __init__(self, code: str, en: str = "", ru: str = "", **facts: Any) -> None:
        super().__init__(en, ru, **facts)
        self.row_code = code
        self.headers: Headers = []  # beside those of every error


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    status: int
    code: str
    headers: Headers
    body: bytes


def code_of(error: Exception) -> str:
    """The code under which an error is answered; INTERNAL for whatever has no row."""
    if isinstance(error, RefusedByStatus):
        code = error.row_code
    else:
        code = error.code if isinstance(error, AdapterError) else "INTERNAL"
    return code if code in ROWS else "INTERNAL"


def problem(error: Exception, *, language: Language, request_id: str) -> Problem:
    """What the client gets for an error. Nothing of an INTERNAL one but its id leaves the process."""
    code = code_of(error)
    row = ROWS[code]
    facts: dict[str, Any] = {}
    detail = INTERNAL_DETAIL if code == "INTERNAL" else row.title
    if isinstance(error, AdapterError) and code != "INTERNAL":
        facts = dict(error.facts)
        detail = _detail(error) if error.detail.en else row.title
        if not isinstance(error, InvalidInput):  # there, what looks like a place is the client's own text
            detail = discreet(error, detail)
    asked_s = facts.pop("retry_after", getattr(error, "retry_after_s", None))
    retry_after_s = _retry_after(row, facts.pop("retry_after_s", asked_s))
    members: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": _said(row.title, language),
        "status": row.status,
        "detail": _said(detail, language),
        "code": code,
        "id": request_id,
    }
    _add_errors(members, error, facts, language)
    if retry_after_s is not None:
        members["retry_after"] = retry_after_s
    for name, value in facts.items():
        members.setdefault(name, discreet_json(_said(value, language) if isinstance(value, Text) else value))
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":"), default=str)
    encoded = body.encode("utf-8", "replace")
    own = error.headers if isinstance(error, RefusedByStatus) else []
    return Problem(
        status=row.status,
        code=code,
        headers=[*_headers(row, encoded, language, retry_after_s), *own],
        body=encoded,
    )


def _detail(error: AdapterError) -> Text:
    """What an error says; a finding about a field says which."""
    if isinstance(error, (RequestInvalid, ReceiptInvalid)) and error.violations[0].field != WHOLE_BODY:
        field = error.violations[0].field
        return Text(f"{field}: {error.detail.en}", f"{field}: {error.detail.ru}")
    return error.detail


def _said(text: Text, language: Language) -> str:
    return text.ru if language == "ru" else text.en


def _retry_after(row: ErrorRow, asked_s: object) -> int | None:
    """Whole seconds, at least one; what the error asks for goes before the row."""
    if isinstance(asked_s, (int, float)) and math.isfinite(asked_s) and asked_s >= 0:
        return max(1, math.ceil(asked_s))
    return row.retry_after_s


def _add_errors(members: dict[str, Any], error: Exception, facts: dict[str, Any], language: Language) -> None:
    if isinstance(error, (RequestInvalid, ReceiptInvalid)):
        members["errors"] = [_finding(v, language) for v in error.violations[:MAX_ERRORS]]
        if len(error.violations) > MAX_ERRORS:
            members["errors_left_off"] = len(error.violations) - MAX_ERRORS
    elif isinstance(error, InvalidInput) and isinstance(facts.get("field"), str):
        finding = Violation(field=facts.pop("field"), code="invalid", message=error.detail)
        members["errors"] = [_finding(finding, language)]


def _finding(violation: Violation, language: Language) -> dict[str, Any]:
    finding: dict[str, Any] = {
        "field": violation.field,
        "message": _said(violation.message, language),
        "code": violation.code,
    }
    if violation.tag is not None:
        finding["tag"] = violation.tag
    if violation.remedy is not None:
        finding["remedy"] = _said(violation.remedy, language)
    return finding


def _headers(row: ErrorRow, body: bytes, language: Language, retry_after_s: int | None) -> Headers:
    headers = [
        (b"content-type", MEDIA_TYPE),
        (b"content-length", str(len(body)).encode()),
        (b"content-language", language.encode()),
    ]
    if row.status in CLOSING:
        headers.append((b"connection", b"close"))
    if row.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    return headers
