"""What an answer of the HTTP profile means, and how a receipt is written."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from kkt_adapter.fiscal.ofd.gateway import HttpReply
from kkt_adapter.fiscal.ofd.http import json_bytes, read_answer
from kkt_adapter.kernel.errors import OfdError, OfdProtocolError, OfdRejected, OfdUnavailable
from kkt_adapter.runtime.http import HttpAnswer

RECEIPT = "01890a5d-ac96-774b-bcce-b302099a8057"
DOCUMENT = ("9999078900000001", "12", "3812345678")  # FN, number, sign
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PAGE = b"<!doctype html><title>Please log in</title>"


def reply_of(status: int, body: Any = b"", **headers: str) -> HttpReply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    answer = HttpAnswer(status=status, headers=named, body=raw)
    return read_answer(RECEIPT, answer, document=DOCUMENT, now=NOW)


def failure(status: int, body: Any = b"", **headers: str) -> OfdError:
    with pytest.raises(OfdError) as caught:
        reply_of(status, body, **headers)
    return caught.value


def test_accepted_brings_the_operators_id_and_time():
    reply = reply_of(200, {"status": "accepted", "ofd_id": "A-1", "timestamp": 1772442000})
    assert reply == HttpReply(ofd_id="A-1", timestamp=1772442000)


@pytest.mark.parametrize(
    ("content", "ofd_id", "timestamp"),
    [
        ({}, None, None),
        ({"ofd_id": 77, "timestamp": 1772442000.9}, "77", 1772442000),
        ({"ofd_id": "", "timestamp": "soon"}, None, None),
        ({"ofd_id": True, "timestamp": True}, None, None),
        ({"ofd_id": ["x"], "timestamp": -1}, None, None),
        ({"ofd_id": "x" * 500, "timestamp": 1772442000000}, "x" * 127 + "…", None),  # ms: not ours
    ],
)
def test_strange_details_of_an_acceptance_are_left_out_not_fatal(
    content: dict[str, Any], ofd_id: str | None, timestamp: int | None
):
    assert reply_of(200, {"status": "accepted", **content}) == HttpReply(ofd_id=ofd_id, timestamp=timestamp)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "exists", "receipt_id": RECEIPT, "ofd_id": "A-1"},
        {"error": f"receipt {RECEIPT} was accepted before", "ofd_id": "A-1"},
        {"error": {"details": [f"duplicate: {RECEIPT.upper()}."]}, "ofd_id": "A-1"},
    ],
)
def test_a_conflict_that_names_the_receipt_is_success(body: dict[str, Any]):
    assert reply_of(409, body) == HttpReply(ofd_id="A-1", timestamp=None, duplicate=True)


def test_a_conflict_that_names_the_receipt_in_plain_words_is_success_too():
    assert reply_of(409, f"already there: {RECEIPT}".encode()).duplicate


@pytest.mark.parametrize(
    "body",
    [
        {
            "receipt_id": "another",
            "fn_number": "9999078900000001",
            "fiscal_doc_number": 12,
            "sign": "3812345678",
        },
        b"document 12 of FN 9999078900000001, sign 3812345678, was accepted before",
    ],
)
def test_a_conflict_that_names_the_document_is_success_whatever_receipt_it_was_accepted_for(body: Any):
    assert reply_of(409, body).duplicate


@pytest.mark.parametrize("missing", DOCUMENT)
def test_a_conflict_about_another_document_is_a_rejection(missing: str):
    named = [word for word in DOCUMENT if word != missing]
    assert isinstance(failure(409, {"error": f"{' '.join(named)} was accepted before"}), OfdRejected)


@pytest.mark.parametrize("status", [400, 402, 404, 405, 406, 409, 410, 413, 415, 418, 422, 423, 451, 499])
@pytest.mark.parametrize(
    "body", [{"error": "no"}, b"no", b"", b"\xff\xfe"], ids=["json", "text", "none", "bytes"]
)
def test_any_other_4xx_rejects_this_receipt(status: int, body: Any):
    error = failure(status, body)
    assert isinstance(error, OfdRejected)
    assert error.error_code == f"http_{status}"


@pytest.mark.parametrize("other", ["1" + RECEIPT, RECEIPT + "-2", RECEIPT[:-1], "01890a5d"])
def test_a_conflict_about_another_receipt_is_a_rejection(other: str):
    assert isinstance(failure(409, {"error": "exists", "receipt_id": other}), OfdRejected)


def test_a_rejection_carries_the_operators_own_words():
    error = failure(422, {"error": "unknown item"})
    assert "unknown item" in error.detail.en
    assert "unknown item" in error.detail.ru


@pytest.mark.parametrize(
    "status", [100, 201, 202, 204, 301, 302, 304, 307, 401, 403, 408, 425, 429, 500, 501, 502, 503, 504, 599]
)
@pytest.mark.parametrize("body", [{"status": "accepted"}, b"no", b""], ids=["json", "text", "none"])
def test_channel_failures_by_status(status: int, body: Any):
    error = failure(status, body)
    assert type(error) is OfdUnavailable
    assert error.error_code == f"http_{status}"


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 409, 503])
@pytest.mark.parametrize("marked", [True, False], ids=["declared", "undeclared"])
def test_a_web_page_is_never_the_operator_whatever_its_status(status: int, marked: bool):
    body = b"\n  " + PAGE + RECEIPT.encode()
    headers = {"Content_Type": "text/html; charset=utf-8"} if marked else {}
    error = failure(status, body, **headers)
    assert type(error) is OfdProtocolError
    assert error.error_code == "not_json"


@pytest.mark.parametrize(
    ("body", "error_code"),
    [
        (b"", "not_json"),
        (b"OK", "not_json"),
        (b'{"status":"acc', "not_json"),  # cut
        (b'["accepted"]', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'"accepted"', "not_json"),
        (b"{}", "not_accepted"),
        (b'{"status":"error"}', "not_accepted"),
        (b'{"status":"queued"}', "not_accepted"),
    ],
)
def test_only_a_plain_accepted_is_an_acceptance(body: bytes, error_code: str):
    error = failure(200, body)
    assert type(error) is OfdProtocolError
    assert error.error_code == error_code


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("17", 17.0),
        ("0", 0.0),
        ("301", 300.0),
        ("99999999999999999999", 300.0),
        ("Mon, 02 Mar 2026 09:01:30 GMT", 90.0),
        ("Mon, 02 Mar 2026 12:01:30 +0300", 90.0),
        ("Mon, 02 Mar 2026 10:00:00 GMT", 300.0),
        ("Sun, 01 Mar 2026 09:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 09:01:30 -0000", 90.0),
        ("later", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_five_minutes(text: str, seconds: float | None):
    error = failure(429, b"", Retry_After=text)
    assert isinstance(error, OfdUnavailable)
    assert error.retry_after_s == seconds


def test_retry_after_belongs_to_429_alone():
    error = failure(503, b"", Retry_After="17")
    assert isinstance(error, OfdUnavailable)
    assert error.retry_after_s is None


@given(st.integers(100, 599), st.binary(max_size=100), st.text(max_size=30), st.text(max_size=30))
def test_any_answer_is_a_reply_or_an_operator_error(status: int, body: bytes, kind: str, retry: str):
    headers = CIMultiDict({"Content-Type": kind, "Retry-After": retry})
    try:
        read_answer(RECEIPT, HttpAnswer(status=status, headers=headers, body=body), now=NOW)
    except OfdError as error:
        assert error.detail.ru


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("100", "100.00"),
        ("97.5", "97.50"),
        ("97.75", "97.75"),
        ("0", "0.00"),
        ("-0.1", "-0.10"),
        ("1E+3", "1000.00"),
        ("0.250", "0.25"),
        ("1.234567", "1.234567"),
        ("90071992547409.93", "90071992547409.93"),
    ],
)
def test_money_is_written_with_two_decimals_and_nothing_is_rounded(number: str, text: str):
    assert json_bytes({"total": Decimal(number)}) == b'{"total":' + text.encode() + b"}"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_numbers_survive_the_way_there_and_back(number: Decimal):
    assert json.loads(json_bytes([number]), parse_float=Decimal) == [number]


def test_everything_else_is_ordinary_json():
    body = {
        "имя": 'Хлеб "Бородинский"\n',
        "flag": True,
        "none": None,
        "count": 3,
        "list": [[], {}],
        "pair": (1,),
    }
    assert json.loads(json_bytes(body)) == {**body, "pair": [1]}


@pytest.mark.parametrize("value", [1.5, object(), b"x", {1: 2}, {"deep": [{"float": 0.1}]}])
def test_binary_floats_and_foreign_types_do_not_go_out(value: Any):
    with pytest.raises(TypeError):
        json_bytes(value)


def test_what_is_not_a_number_does_not_go_out():
    with pytest.raises(ValueError, match="not a number"):
        json_bytes(Decimal("NaN"))
