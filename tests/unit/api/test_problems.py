"""The one error body."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import kkt_adapter.catalog
import kkt_adapter.fiscal
import kkt_adapter.runtime
from kkt_adapter.api.error_codes import CODE_OF_STATUS, ROWS
from kkt_adapter.api.problems import (
    MAX_ERRORS,
    Problem,
    RefusedByStatus,
    RequestInvalid,
    code_of,
    problem,
)
from kkt_adapter.kernel.errors import (
    AdapterError,
    BufferFull,
    IdempotencyConflict,
    IdempotencyInProgress,
    InvalidInput,
    KktUnavailable,
    NotAuthenticated,
    RateLimited,
    ReceiptInvalid,
    SourceThrottled,
    StorageError,
    Text,
    Violation,
)

ID = "8d4f6f5e-0d0c-4e8a-9a63-0d6f2a3d9b11"
DOCS = Path(__file__).parents[3] / "docs" / "reference"


def body_of(answer: Problem) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.body)
    return body


def in_english(error: Exception) -> Problem:
    return problem(error, language="en", request_id=ID)


def all_errors(root: type[AdapterError] = AdapterError) -> Iterator[type[AdapterError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("kkt_adapter."):
            yield from all_errors(child)


def test_every_class_of_the_tree_has_a_row() -> None:
    assert all(package.__name__ for package in (kkt_adapter.catalog, kkt_adapter.fiscal, kkt_adapter.runtime))
    assert {error.code for error in all_errors()} <= set(ROWS)


def test_every_code_is_in_the_reference_with_its_status() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    documented = {
        code: int(status) for code, status in re.findall(r"^\| `([A-Z_]+)` \| (\d{3}) \|", text, re.M)
    }
    assert documented == {code: row.status for code, row in ROWS.items()}


def test_every_status_of_the_framework_leads_to_a_code_with_that_status() -> None:
    assert {status: ROWS[code].status for status, code in CODE_OF_STATUS.items()} == {
        status: status for status in CODE_OF_STATUS
    }


def test_the_body_has_the_members_of_rfc_9457_and_ours() -> None:
    answer = in_english(IdempotencyConflict("key taken", "ключ занят", receipt_id="r-1"))
    assert body_of(answer) == {
        "type": "urn:kkt-adapter:problem:IDEMPOTENCY_CONFLICT",
        "title": "The key belongs to another receipt",
        "status": 409,
        "detail": "key taken",
        "code": "IDEMPOTENCY_CONFLICT",
        "id": ID,
        "receipt_id": "r-1",
    }
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == str(len(answer.body)).encode()


def test_russian_readers_get_russian_texts() -> None:
    violation = Violation(
        field="items.0.price",
        code="c",
        message=Text("bad", "плохо"),
        remedy=Text("mend", "исправьте"),
        tag=1079,
    )
    answer = problem(ReceiptInvalid((violation,)), language="ru", request_id=ID)
    body = body_of(answer)
    assert body["detail"] == "items.0.price: плохо"
    assert body["errors"] == [
        {"field": "items.0.price", "message": "плохо", "code": "c", "tag": 1079, "remedy": "исправьте"}
    ]
    assert dict(answer.headers)[b"content-language"] == b"ru"


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (BufferFull("Buffer full: 1/1"), 60),
        (IdempotencyInProgress("wait"), 2),
        (BufferFull("x", retry_after=7), 7),
        (RateLimited("x", retry_after=0.2), 1),  # the header has whole seconds, and 0 would mean "at once"
        (RateLimited("x", retry_after_s=2.1), 3),
        (SourceThrottled("x", retry_after_s=7.5), 8),
        (SourceThrottled("x"), 60),
        (RateLimited("x", retry_after=float("nan")), 1),
        (RateLimited("x", retry_after="soon"), 1),
        (RateLimited("x", retry_after=-5), 1),
        (IdempotencyConflict("x"), None),
    ],
)
def test_retry_after_is_in_header_and_body(error: AdapterError, seconds: int | None) -> None:
    answer = in_english(error)
    header = dict(answer.headers).get(b"retry-after")
    assert header == (None if seconds is None else str(seconds).encode())
    assert body_of(answer).get("retry_after") == seconds


@pytest.mark.parametrize(
    "error", [RuntimeError("password=1"), KeyError("/etc/secret"), AdapterError("secret")]
)
def test_what_nobody_foresaw_tells_nothing_but_its_id(error: Exception) -> None:
    answer = in_english(error)
    assert (answer.status, answer.code) == (500, "INTERNAL")
    assert body_of(answer)["id"] == ID
    assert b"secret" not in answer.body
    assert b"password" not in answer.body


def test_an_error_of_an_unknown_code_is_internal() -> None:
    class Strange(AdapterError):
        code = "STRANGE"

    try:
        assert code_of(Strange("x")) == "INTERNAL"
    finally:
        del Strange


def test_an_error_without_text_says_the_title() -> None:
    assert body_of(in_english(RefusedByStatus("NOT_READY")))["detail"] == "The service is not ready"


def test_a_401_says_how_to_sign_in() -> None:
    assert dict(in_english(NotAuthenticated("x")).headers)[b"www-authenticate"] == b"Bearer"


def test_facts_never_overwrite_the_standard_members() -> None:
    answer = body_of(
        in_english(IdempotencyConflict("x", status=200, id="other", reason=Text("why", "почему")))
    )
    assert (answer["status"], answer["id"], answer["reason"]) == (409, ID, "why")


def test_facts_of_any_kind_are_shown() -> None:
    answer = in_english(IdempotencyConflict("x", total=Decimal("1.10"), text="\ud800", path=Path("p")))
    assert body_of(answer)["total"] == "1.10"


def test_a_field_named_by_a_plain_refusal_becomes_an_entry_of_errors() -> None:
    assert body_of(in_english(InvalidInput("too short", field="password")))["errors"] == [
        {"field": "password", "message": "too short", "code": "invalid"}
    ]


def test_a_flood_of_findings_is_cut_and_counted() -> None:
    one = Violation(field="f", code="c", message=Text("m", "м"))
    body = body_of(in_english(RequestInvalid((one,) * (MAX_ERRORS + 7))))
    assert len(body["errors"]) == MAX_ERRORS
    assert body["errors_left_off"] == 7


def test_no_path_address_or_server_text_is_answered() -> None:
    storage = StorageError(
        'The database is away (FATAL: no user "kkt" at 10.0.0.5). Look at /var/lib/kkt/a.db.'
    )
    register = KktUnavailable("no answer from tcp://10.0.0.5:7778", where="10.0.0.5:7778")
    for error in (storage, register):
        body = problem(error, language="en", request_id="1").body.decode()
        assert "10.0.0.5" not in body
        assert "/var" not in body
        assert "FATAL" not in body
    own = InvalidInput("/a/b is not a till", field="pos_id")  # the client's own text comes back as it was
    assert "/a/b is not a till" in problem(own, language="en", request_id="1").body.decode()
