"""Commands about receipts, against a stand-in: lists, one receipt, printing again, what a person decides."""

import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest
from tests.support.cli import KKT, RECEIPT, RECEIPT_ID, StandIn, call, page, receipt


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
