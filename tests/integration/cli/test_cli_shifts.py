"""Commands about shifts and cash, against a stand-in: reports, keys, and what a person decides."""

import json
from typing import Any

import pytest
from tests.support.cli import StandIn, call

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
