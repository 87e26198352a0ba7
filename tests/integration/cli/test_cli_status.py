"""Status, delivery and clock of a service, against a stand-in: what is shown, and the exit codes."""

import json

import pytest
from tests.support.cli import KKT, RECEIPT_ID, StandIn, call

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
