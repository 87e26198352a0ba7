"""Commands that talk to the service, against a stand-in: what they ask for and what they show."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from tests.support.cli import RECEIPT_ID, StandIn, page, receipt, run, stand_in
from typer.testing import Result

from kkt_adapter.cli.program import app

RECEIPT = f"/v1/kkt/receipt/{RECEIPT_ID}"
HEALTH = {
    "status": "healthy",
    "version": "1.0.0",
    "circuit_breaker_state": "CLOSED",
    "components": {"buffer": {"status": "ok"}, "circuit_breaker": {"state": "CLOSED"}},
}
BUFFER = {
    "total_capacity": 10000,
    "current_queued": 3,
    "percent_full": 0.03,
    "network_status": "online",
    "total_receipts": 1200,
    "pending": 3,
    "syncing": 0,
    "synced": 1197,
    "failed": 0,
    "dlq_size": 0,
    "oldest_receipt": {"id": RECEIPT_ID, "created_at": "2026-03-14T09:00:00Z", "age_hours": 0.01},
    "last_sync": None,
    "alerts": [
        {
            "level": "P2",
            "code": "BREAKER_OPEN",
            "message": "Связь разорвана",
            "message_en": "The connection is broken",
        }
    ],
}
QUESTION = {
    "receipt_id": RECEIPT_ID,
    "what": "print",
    "reason": "two documents fit",
    "baseline": {"fn_number": "9999078902013267", "fd_number": 11},
    "documents": [
        {
            "fd_number": 12,
            "code": 3,
            "total": 100.5,
            "fiscalized_at": "2026-03-14T12:00:00",
            "receipt_key": "ABCDEFGHIJKLMNOP",
        }
    ],
}
KKT = {
    "registers": [
        {
            "register_id": "POS-001",
            "trouble": None,
            "question": QUESTION,
            "device": {
                "state": "ready",
                "fn_days_left": 410,
                "documents_left": 240000,
                "unsent_documents": 0,
                "shift": {"number": 7, "state": "open"},
            },
        },
        {"register_id": "POS-002", "trouble": {"code": "KKT_UNAVAILABLE"}, "question": None, "device": None},
    ]
}
REPORT = {
    "fiscalDocumentNumber": 14,
    "fiscalSign": "3141592653",
    "dateTime": "2026-03-14T20:00:00",
    "reportType": 2,
    "shiftNumber": 7,
    "cashTotal": 100.0,
    "cardTotal": 500.0,
    "totalSales": 600.0,
    "totalRefunds": 0.0,
    "receiptCount": 2,
    "offline": False,
}
LETTER = {
    "id": 5,
    "original_receipt_id": RECEIPT_ID,
    "failed_at": "2026-03-14T12:00:00Z",
    "reason": "max_retries_exceeded",
    "retry_attempts": 20,
    "last_error": "HTTP 422",
    "resolved_at": None,
    "resolved_by": None,
    "resolution": None,
    "note": None,
}


@pytest.fixture
def service() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


def call(service: StandIn, *arguments: str, **environment: str) -> Result:
    return run(app, *arguments, KKT_URL=service.url, **environment)


# --- receipts --------------------------------------------------------------------------------------------


def test_receipts_are_listed_with_the_filters_asked_for(service: StandIn) -> None:
    service.answer("GET", "/v1/kkt/receipts", page(receipt()))
    result = call(
        service, "receipts", "list", "--status", "pending", "--print-state", "printed", "--pos", "POS-001"
    )
    assert result.exit_code == 0
    assert service.last.query == {
        "status": "pending",
        "print_state": "printed",
        "pos_id": "POS-001",
        "limit": "50",
    }
    heads, row = result.stdout.splitlines()
    assert heads.split()[:2] == ["accepted", "receipt"]
    assert row.split()[2:] == [RECEIPT_ID, "POS-001", "sale", "100.5", "printed", "pending", "12"]


def test_a_long_list_is_read_page_by_page(service: StandIn) -> None:
    service.answer(
        "GET",
        "/v1/kkt/receipts",
        page(*[receipt()] * 500, next_cursor="abc"),
        page(*[receipt()] * 100, next_cursor="def"),
    )
    result = call(service, "receipts", "list", "--limit", "600", "--json")
    assert [(asked.query["limit"], asked.query.get("cursor")) for asked in service.asked] == [
        ("500", None),
        ("100", "abc"),
    ]
    shown = json.loads(result.stdout)
    assert len(shown["items"]) == 600
    assert shown["next_cursor"] == "def"


def test_a_list_that_goes_on_says_so(service: StandIn) -> None:
    service.answer("GET", "/v1/kkt/receipts", page(receipt(), next_cursor="abc"))
    assert "raise --limit" in call(service, "receipts", "list", "--limit", "1").stderr


def test_one_receipt_is_shown_whole(service: StandIn) -> None:
    whole = receipt(
        items=[{"name": "Хлеб", "price": 50.25, "quantity": 2, "total": 100.5, "vat_rate": "10"}],
        payments=[{"type": "cash", "amount": 100.5}],
        warnings=[{"code": "VAT_DIFFERS", "field": "items.0", "message": "другая ставка"}],
        attempts=[
            {
                "what": "send",
                "started_at": "2026-03-14T09:00:01Z",
                "ended_at": None,
                "outcome": None,
                "error": "x",
            }
        ],
        events=[{"timestamp": "2026-03-14T09:00:00Z", "level": "info", "event": "receipt_added"}],
    )
    service.answer("GET", RECEIPT, whole)
    shown = call(service, "receipts", "show", RECEIPT_ID).stdout
    for word in ("9999078902013267", "2718281828", "HTTP 500", "Хлеб", "VAT_DIFFERS", "receipt_added"):
        assert word in shown
    assert json.loads(call(service, "receipts", "show", RECEIPT_ID, "--json").stdout) == whole


def test_a_document_is_shown_by_its_bytes_and_a_difference_is_an_exit_code(service: StandIn) -> None:
    found = {
        "fn_number": "9999078902013267",
        "fiscal_doc_number": 12,
        "code": 3,
        "tlv": "03000800fc0302001027",
        "document": {"totalSum": 10000},
        "ticket": "2a08410a",
        "source": "kept",
        "kept_at": "2026-03-14T09:00:00Z",
    }
    path = "/v1/kkt/documents/9999078902013267/12"
    service.answer("GET", path, found)
    assert "03000800fc0302001027" in call(service, "receipts", "document", "9999078902013267", "12").stdout
    for same, code in ((True, 0), (None, 0), (False, 1)):
        fn = {"same": same, "tlv": None, "fiscal_sign": None}
        service.answer("GET", path, found | {"fn": fn})
        result = call(service, "receipts", "document", "9999078902013267", "12", "--compare")
        assert result.exit_code == code, result.stdout


def test_a_receipt_without_a_document_is_shown_too(service: StandIn) -> None:
    service.answer("GET", RECEIPT, receipt(fiscal_doc=None, print_state="print_unknown", printed_at=None))
    result = call(service, "receipts", "show", RECEIPT_ID)
    assert result.exit_code == 0
    assert "print_unknown" in result.stdout
    assert "fiscal sign" not in result.stdout


def test_a_receipt_is_found_by_its_key_and_its_slip_by_its_id(service: StandIn) -> None:
    service.answer("GET", "/v1/kkt/receipt", receipt())
    service.answer_raw(
        "GET", f"{RECEIPT}/slip", status=200, kind="text/plain; charset=utf-8", body="ЧЕК\n".encode()
    )
    assert call(service, "receipts", "show", "--key", "key 1&2", "--slip").stdout == "ЧЕК\n"
    assert service.asked[0].query == {"idempotency_key": "key 1&2"}
    assert service.last.headers["accept"] == "text/plain"


@pytest.mark.parametrize(
    "arguments", [(), (RECEIPT_ID, "--key", "k"), (RECEIPT_ID, "--json", "--slip")], ids=str
)
def test_show_refuses_what_contradicts_itself(service: StandIn, arguments: tuple[str, ...]) -> None:
    assert call(service, "receipts", "show", *arguments).exit_code == 2
    assert service.asked == []


def test_an_id_cannot_leave_its_place_in_the_path(service: StandIn) -> None:
    call(service, "receipts", "show", "../dlq?x")
    assert service.last.path == "/v1/kkt/receipt/..%2Fdlq%3Fx"


def test_a_refused_receipt_is_sent_to_the_register_again(service: StandIn) -> None:
    service.answer("POST", f"{RECEIPT}/reprint", receipt(print_state="print_failed", fiscal_doc=None))
    assert call(service, "receipts", "reprint", RECEIPT_ID).stdout == f"{RECEIPT_ID}: print_failed\n"


def test_adopting_names_the_document_and_the_reason(service: StandIn) -> None:
    service.answer("POST", f"{RECEIPT}/resolve", receipt())
    result = call(service, "receipts", "resolve", RECEIPT_ID, "--adopt", "12", "--reason", "есть на ленте")
    assert result.stdout == f"{RECEIPT_ID}: printed, document 12\n"
    assert service.last.body == {"action": "adopt", "fiscal_doc_number": 12, "reason": "есть на ленте"}


def test_printing_again_names_no_document(service: StandIn) -> None:
    service.answer("POST", f"{RECEIPT}/resolve", receipt(print_state="new", fiscal_doc=None))
    call(service, "receipts", "resolve", RECEIPT_ID, "--print-again", "--reason", "нет на ленте")
    assert service.last.body == {"action": "print_again", "reason": "нет на ленте"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--reason", "x"),
        ("--adopt", "1", "--print-again", "--reason", "x"),
        ("--adopt", "1"),
        ("--adopt", "0"),
    ],
    ids=str,
)
def test_resolving_takes_exactly_one_decision_and_a_reason(
    service: StandIn, arguments: tuple[str, ...]
) -> None:
    assert call(service, "receipts", "resolve", RECEIPT_ID, *arguments).exit_code == 2
    assert service.asked == []


@pytest.mark.parametrize(("answer", "posted"), [("y", True), ("n", False)])
def test_on_a_terminal_the_evidence_is_shown_before_the_decision(
    service: StandIn, answer: str, posted: bool
) -> None:
    service.answer("GET", RECEIPT, receipt(print_state="print_unknown", fiscal_doc=None))
    service.answer("GET", "/v1/kkt/status", KKT)
    service.answer("POST", f"{RECEIPT}/resolve", receipt())
    shown = _on_a_terminal(
        service, answer, "receipts", "resolve", RECEIPT_ID, "--adopt", "12", "--reason", "x"
    )
    assert "two documents fit" in shown
    assert "ABCDEFGHIJKLMNOP" in shown
    assert [asked.method for asked in service.asked].count("POST") == posted


def _on_a_terminal(service: StandIn, answer: str, *arguments: str) -> str:
    """What a program writes to a terminal on which a question is answered."""
    ours, its = pty.openpty()
    environment = {
        **os.environ,
        "KKT_URL": service.url,
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "150",
        "TERM": "xterm",
    }
    command = [sys.executable, "-m", "kkt_adapter", *arguments]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    shown, deadline = b"", time.monotonic() + 90
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed: the program has ended
                break
            if shown.endswith(b"[y/N]: "):
                os.write(ours, f"{answer}\n".encode())
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown.decode()


# --- dead letters ----------------------------------------------------------------------------------------


def test_dead_letters_are_listed(service: StandIn) -> None:
    closed = {**LETTER, "id": 4, "resolved_at": "2026-03-15T00:00:00Z", "resolution": "retried"}
    service.answer("GET", "/v1/kkt/dlq", page(LETTER, closed))
    _, first, second = call(service, "dead-letters", "list").stdout.splitlines()
    assert first.split()[0] == "5"
    assert "max_retries_exceeded" in first
    assert second.endswith("retried")


def test_a_dead_letter_is_shown_with_its_attempts(service: StandIn) -> None:
    attempt = {
        "started_at": "2026-03-14T11:00:00Z",
        "ended_at": None,
        "outcome": "failed",
        "error": "HTTP 422",
    }
    service.answer("GET", "/v1/kkt/dlq/5", {**LETTER, "fiscal_doc": None, "attempts": [attempt]})
    shown = call(service, "dead-letters", "show", "5").stdout
    assert RECEIPT_ID in shown
    assert "Attempts" in shown


def test_a_dead_letter_goes_back_into_the_queue(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/dlq/5/retry", {**LETTER, "resolution": "retried"})
    assert call(service, "dead-letters", "retry", "5").stdout == "5: retried\n"


def test_a_dead_letter_is_closed_with_a_note(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/dlq/5/resolve", {**LETTER, "resolution": "resolved"})
    said = ("--note", "передан", "--outcome", "delivered_otherwise")
    assert call(service, "dead-letters", "resolve", "5", *said).stdout == "5: resolved\n"
    assert service.last.body == {"note": "передан", "outcome": "delivered_otherwise"}
    for missing in (said[:2], said[2:]):
        assert call(service, "dead-letters", "resolve", "5", *missing).exit_code == 2


def test_many_dead_letters_are_counted_first_and_moved_when_the_number_holds(service: StandIn) -> None:
    problem = {"detail": "12 open", "code": "CONFLICT", "id": "e7", "status": 409, "count": 12}
    service.answer_raw(
        "POST",
        "/v1/kkt/dlq/retry",
        status=409,
        kind="application/problem+json",
        body=json.dumps(problem).encode(),
    )
    counted = call(service, "dead-letters", "retry-many", "--error", "http_422")
    assert counted.exit_code == 1
    assert "--expect 12" in counted.stderr
    assert service.last.body == {"filter": {"error": "http_422"}, "expected_count": 0}
    service.answer("POST", "/v1/kkt/dlq/retry", {"matched": 12, "done": 11, "skipped": 1})
    moved = call(service, "dead-letters", "retry-many", "--expect", "12", "--note", "the article was mended")
    assert (moved.exit_code, moved.stdout) == (0, "11 done, 1 closed by others\n")
    assert service.last.body == {"filter": {}, "expected_count": 12, "note": "the article was mended"}


# --- the clock --------------------------------------------------------------------------------------------


def test_a_person_confirms_the_clock_with_a_reason(service: StandIn) -> None:
    assert call(service, "clock", "confirm").exit_code == 2
    report = {
        "believed": True,
        "reason": None,
        "reason_ru": None,
        "now": "2026-05-04T10:00:00Z",
        "believed_at": "2026-05-04T10:00:00Z",
        "confirmed_at": "2026-05-04T10:00:00Z",
        "witnesses": [{"witness": "operator", "apart_s": 3}],
    }
    service.answer("POST", "/v1/admin/clock/confirm", report)
    done = call(service, "clock", "confirm", "--reason", "compared with the watch")
    assert done.exit_code == 0, done.stderr
    assert service.last.body == {"reason": "compared with the watch"}
    assert "believed" in done.stdout
    assert "operator" in done.stdout


# --- sync, status, shifts --------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "query"), [((), {}), (("--force",), {"force": "true"})], ids=str)
def test_sync_reports_what_was_delivered(
    service: StandIn, arguments: tuple[str, ...], query: dict[str, str]
) -> None:
    done = {
        "status": "completed",
        "synced": 3,
        "failed": 1,
        "skipped": 0,
        "remaining": 2,
        "duration_seconds": 0.2,
    }
    service.answer("POST", "/v1/kkt/buffer/sync", done)
    result = call(service, "sync", *arguments)
    assert result.stdout == "Delivered 3, failed attempts 1, remaining 2, 0.2 s.\n"
    assert service.last.query == query


def test_an_open_breaker_is_no_delivery(service: StandIn) -> None:
    skipped = {
        "status": "skipped",
        "synced": 0,
        "failed": 0,
        "skipped": 2,
        "remaining": 2,
        "duration_seconds": 0,
    }
    service.answer("POST", "/v1/kkt/buffer/sync", skipped)
    assert "the breaker is open. 2 wait" in call(service, "sync").stdout


def test_status_shows_health_registers_buffer_and_alerts(service: StandIn) -> None:
    _answer_status(service)
    result = call(service, "status")
    assert result.exit_code == 0
    for word in (
        "healthy",
        "3 / 10000 (0.03 %)",
        "BREAKER_OPEN",
        RECEIPT_ID,
        "KKT_UNAVAILABLE",
        "7 open",
        "410",
    ):
        assert word in result.stdout
    everything = json.loads(call(service, "status", "--json").stdout)
    assert everything == {"health": HEALTH, "buffer": BUFFER, "kkt": KKT}


@pytest.mark.parametrize(
    ("locale", "shown", "hidden"),
    [
        ("ru_RU.UTF-8", "Связь разорвана", "The connection is broken"),
        ("C.UTF-8", "The connection is broken", "Связь разорвана"),
    ],
)
def test_alerts_are_shown_in_the_language_of_the_terminal(
    service: StandIn, locale: str, shown: str, hidden: str
) -> None:
    _answer_status(service)
    page = call(service, "status", LANG=locale).stdout
    assert shown in page
    assert hidden not in page


def test_an_unhealthy_service_is_an_exit_code(service: StandIn) -> None:
    _answer_status(service)
    service.answer_raw(
        "GET",
        "/v1/health",
        status=503,
        kind="application/json",
        body=json.dumps({**HEALTH, "status": "unhealthy"}).encode(),
    )
    result = call(service, "status")
    assert result.exit_code == 1
    assert "unhealthy" in result.stdout


def test_a_degraded_service_and_none_at_all_are_exit_codes_of_their_own(service: StandIn) -> None:
    _answer_status(service)
    service.answer("GET", "/v1/health", {**HEALTH, "status": "degraded"})
    assert call(service, "status").exit_code == 3
    assert call(service, "status", "--url", "http://127.0.0.1:1").exit_code == 4
    assert call(service, "status", "--url", "nowhere").exit_code == 2


def _answer_status(service: StandIn) -> None:
    service.answer("GET", "/v1/health", HEALTH)
    service.answer("GET", "/v1/kkt/buffer/status", BUFFER)
    service.answer("GET", "/v1/kkt/status", KKT)


def test_an_x_report_is_asked_for_one_till(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/x_report", {**REPORT, "reportType": 1, "fiscalDocumentNumber": None})
    result = call(service, "shifts", "x", "--pos", "POS-001")
    assert service.last.body == {"pos_id": "POS-001"}
    assert "X report" in result.stdout
    assert "document" not in result.stdout


def test_a_z_report_carries_the_key_it_is_given_or_one_of_its_own(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/z_report", REPORT)
    result = call(service, "shifts", "z", "--key", "evening-7")
    assert service.last.body == {}
    assert service.last.headers["idempotency-key"] == "evening-7"
    assert "the shift is closed" in result.stdout
    assert json.loads(call(service, "shifts", "z", "--json").stdout) == REPORT
    assert len(service.last.headers["idempotency-key"]) == 36  # one of its own


OPENED = {
    "fiscalDocumentNumber": 15,
    "fiscalSign": "2718281828",
    "dateTime": "2026-03-15T09:00:00",
    "shiftNumber": 4,
    "offline": False,
}


def test_a_shift_is_opened_with_the_key_it_is_given(service: StandIn) -> None:
    service.answer("POST", "/v1/kkt/shift/open", OPENED)
    result = call(service, "shifts", "open", "--pos", "POS-001", "--key", "morning-7")
    assert service.last.body == {"pos_id": "POS-001"}
    assert service.last.headers["idempotency-key"] == "morning-7"
    assert "The shift is open" in result.stdout
    assert json.loads(call(service, "shifts", "open", "--json").stdout) == OPENED


@pytest.mark.parametrize(
    ("options", "decision"),
    [
        (("--adopt", "14"), {"action": "adopt", "fiscal_doc_number": 14}),
        (("--do-again",), {"action": "do_again"}),
    ],
)
def test_a_report_in_doubt_is_settled_with_a_reason(
    service: StandIn, options: tuple[str, ...], decision: dict[str, Any]
) -> None:
    settled = {"register_id": "POS-001", "what": "close_shift", "action": decision["action"]}
    service.answer("POST", "/v1/kkt/shift/resolve", settled)
    result = call(service, "shifts", "resolve", *options, "--reason", "the tape", "--pos", "POS-001")
    assert result.exit_code == 0, result.stderr
    assert service.last.body == {"pos_id": "POS-001", "reason": "the tape"} | decision
    assert "POS-001: close_shift" in result.stdout


@pytest.mark.parametrize("options", [(), ("--adopt", "14", "--do-again"), ("--adopt", "0")])
def test_a_decision_about_a_report_is_one_of_the_two(service: StandIn, options: tuple[str, ...]) -> None:
    result = call(service, "shifts", "resolve", *options, "--reason", "the tape")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


# --- cash ------------------------------------------------------------------------------------------------


CASH = {
    "movement": 57,
    "pos_id": "POS-001",
    "register_id": "KKT-1",
    "type": "cash_out",
    "amount": 400.0,
    "reason": "to the bank",
    "created_at": "2026-03-14T09:00:00Z",
    "state": "unclear",
    "message": "неясно",
}


def test_cash_that_registers_have_not_counted_is_listed(service: StandIn) -> None:
    service.answer("GET", "/v1/pos/cash", {"movements": [CASH]})
    shown = call(service, "cash", "list", "--pos", "POS-001").stdout
    for text in ("57", "KKT-1", "POS-001", "taken out", "400", "to the bank", "unclear"):
        assert text in shown
    assert json.loads(call(service, "cash", "list", "--json").stdout) == {"movements": [CASH]}
    service.answer("GET", "/v1/pos/cash", {"movements": []})
    assert "Nothing waits" in call(service, "cash", "list").stdout


@pytest.mark.parametrize("action", ["done", "send_again"])
def test_an_unclear_movement_is_settled(service: StandIn, action: str) -> None:
    answer = {"movement": 57, "action": action, "reason": "the tape"}
    service.answer("POST", "/v1/pos/cash/57/resolve", answer)
    option = "--" + action.replace("_", "-")
    result = call(service, "cash", "resolve", "57", option, "--reason", "the tape")
    assert result.exit_code == 0, result.stderr
    assert service.last.body == {"action": action, "reason": "the tape"}
    assert f"57: {action}" in result.stdout


@pytest.mark.parametrize("options", [(), ("--done", "--send-again")])
def test_a_decision_about_cash_is_one_of_the_two(service: StandIn, options: tuple[str, ...]) -> None:
    assert call(service, "cash", "resolve", "57", *options, "--reason", "the tape").exit_code == 2


# --- credentials, language, errors -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(("--token", "kkt_secret"), {}), ((), {"KKT_TOKEN": "kkt_secret"}), ((), {"KKT_TOKEN": "kkt_secret\n"})],
    ids=str,
)
def test_the_token_travels_as_bearer(
    service: StandIn, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    service.answer("GET", "/v1/kkt/dlq", page())
    call(service, "dead-letters", "list", *arguments, **environment)
    assert service.last.headers["authorization"] == "Bearer kkt_secret"


def test_without_a_token_nothing_is_claimed(service: StandIn) -> None:
    service.answer("GET", "/v1/kkt/dlq", page())
    call(service, "dead-letters", "list", KKT_TOKEN="")
    assert "authorization" not in service.last.headers


@pytest.mark.parametrize(("locale", "language"), [("ru_RU.UTF-8", "ru"), ("C.UTF-8", "en")])
def test_refusals_are_asked_for_in_the_language_of_the_terminal(
    service: StandIn, locale: str, language: str
) -> None:
    call(service, "dead-letters", "list", LANG=locale)
    assert service.last.headers["accept-language"] == language


def test_a_refusal_is_one_line_and_exit_code_1(service: StandIn) -> None:
    problem = {"detail": "Этот чек уже напечатан.", "code": "CONFLICT", "id": "e7", "status": 409}
    service.answer("POST", f"{RECEIPT}/reprint", problem, status=409)
    result = call(service, "receipts", "reprint", RECEIPT_ID, LANG="ru_RU.UTF-8")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Этот чек уже напечатан. [CONFLICT]\n")


def test_no_service_is_exit_code_2_and_says_how_to_start_it() -> None:
    with stand_in() as gone:
        url = gone.url
    result = run(app, "receipts", "list", "--url", url)
    assert result.exit_code == 2
    assert f"The service is not running at {url}. Start it with: kkt-adapter serve" in result.stderr
    assert "не работает по адресу" in run(app, "sync", "--url", url, LC_ALL="ru_RU.UTF-8").stderr


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html>another server</html>"),
        (302, "text/html", b""),
        (404, "text/html", b"<html>not found</html>"),
        (500, "application/problem+json", b"not json"),
    ],
)
def test_another_server_at_the_address_is_told_from_ours(
    service: StandIn, status: int, kind: str, body: bytes
) -> None:
    service.answer_raw("GET", "/v1/kkt/dlq", status=status, kind=kind, body=body)
    result = call(service, "dead-letters", "list")
    assert result.exit_code == 2
    assert "is not kkt-adapter" in result.stderr


def test_an_impossible_address_is_a_wrong_option() -> None:
    result = run(app, "sync", "--url", "till-7")
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_an_answer_that_never_comes_ends_the_command(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kkt_adapter.cli.client.ANSWER_WITHIN_S", 0.2)
    service.delay_s = 0.6
    result = call(service, "sync")
    assert result.exit_code == 2
    assert "may still be done" in result.stderr


def test_the_groups_stand_alone_too(service: StandIn) -> None:
    from kkt_adapter.cli.dead_letters import dead_letters_app

    assert isinstance(dead_letters_app, typer.Typer)
    service.answer("GET", "/v1/kkt/dlq", page())
    assert run(dead_letters_app, "list", "--url", service.url).exit_code == 0
