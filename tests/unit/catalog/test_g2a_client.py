"""What a refusal means, and how long the source asks to wait."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kkt_adapter.catalog.g2a.client import euro, refusal, retry_after_s
from kkt_adapter.kernel.errors import (
    CatalogError,
    PageBeyondCeiling,
    SourceAuthFailed,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)
from kkt_adapter.runtime.http import HttpAnswer

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def answer(
    status: int, code: str = "", headers: dict[str, str] | None = None, body: bytes = b""
) -> HttpAnswer:
    said = body or json.dumps({"status": "ERROR", "message": "m", "code": code}).encode()
    return HttpAnswer(status=status, headers=headers or {}, body=said)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "AUTH01", SourceAuthFailed),  # sources disagree about the status: the code decides
        (403, "AUTH01", SourceAuthFailed),
        (401, "AUTH02", SourceAuthFailed),
        (401, "AUTH03", SourceAuthFailed),
        (401, "AUTH04", SourceAuthFailed),
        (401, "", SourceAuthFailed),
        (400, "BR03", SourceThrottled),
        (429, "", SourceThrottled),
        (400, "PR02", PageBeyondCeiling),
        (400, "BR08", SourceRefused),
        (404, "WRONGURL", SourceRefused),
        (302, "", SourceMalformed),
        (408, "BR08", SourceMalformed),
        (500, "API00", SourceUnavailable),
        (500, "", SourceUnavailable),
        (502, "", SourceUnavailable),
        (503, "", SourceUnavailable),
        (504, "", SourceUnavailable),
        (400, "ERR99", SourceUnavailable),
    ],
)
def test_the_code_decides_first_then_the_status(status: int, code: str, kind: type[CatalogError]) -> None:
    assert type(refusal(answer(status, code), now=NOW)) is kind


@pytest.mark.parametrize(
    ("code", "word"),
    [("AUTH01", "G2A_AUTH"), ("AUTH02", "G2A_EMAIL"), ("AUTH03", "allow-list"), ("AUTH04", "privilege")],
)
def test_a_refused_sign_in_names_what_to_check(code: str, word: str) -> None:
    error = refusal(answer(401, code), now=NOW)
    assert word in error.detail.en
    assert word in error.detail.ru


@pytest.mark.parametrize("status", [204, 206, 301, 308, 400, 401, 403, 404, 405, 408, 410, 418, 451])
@pytest.mark.parametrize("body", [b"", b"<html>Who are you?</html>", b"[]", b"null"])
def test_what_is_not_said_by_the_vendor_is_asked_for_again(status: int, body: bytes) -> None:
    error = refusal(HttpAnswer(status=status, headers={}, body=body), now=NOW)
    assert type(error) is SourceMalformed
    assert "G2A_BASE_URL" in error.detail.en
    assert "G2A_BASE_URL" in error.detail.ru


def test_a_503_that_names_a_pause_is_one() -> None:
    error = refusal(answer(503, headers={"Retry-After": "7"}), now=NOW)
    assert isinstance(error, SourceThrottled)
    assert error.retry_after_s == 7.0


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"code": 7}', b"\xff\xfe"])
def test_a_body_of_any_shape_is_judged_by_its_status(body: bytes) -> None:
    assert isinstance(refusal(answer(503, body=body), now=NOW), SourceUnavailable)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "Mon, 02 Mar 2026 09:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({}, None),
        ({"X-RateLimit-Reset": "12"}, 12.0),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 9)}, 9.0),
        ({"Retry-After": "3", "X-RateLimit-Reset": "12"}, 3.0),
    ],
)
def test_retry_after_in_both_forms(headers: dict[str, str], seconds: Any) -> None:
    assert retry_after_s(headers, now=NOW) == seconds


def test_money_for_the_query_is_decimal_text() -> None:
    assert [euro(0), euro(5), euro(499), euro(100_000)] == ["0.00", "0.05", "4.99", "1000.00"]
