"""``kkt-adapter sync`` and ``status``: deliver now; how the service is."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service, service_url
from kkt_adapter.cli.screen import busy, facts, json_line, line, moment, table
from kkt_adapter.cli.texts import say

UNHEALTHY, DEGRADED, NOT_REACHABLE = 1, 3, 4  # exit codes of ``status``, for supervisors and cron

_Json = Mapping[str, Any]


def sync(
    force: Annotated[
        bool, typer.Option("--force", help="Ignore due times, and try once through an open breaker.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Deliver waiting receipts to the operator now; takes at most 25 s."""
    with open_service(url, token) as service, busy(say("Delivering", "Передача в ОФД")):
        result = service.buffer.sync(force=True if force else None)
    if as_json:
        json_line(result)
        return
    if result["status"] == "skipped":
        line(
            say(
                f"Nothing was sent: the breaker is open. {result['remaining']} wait; try with --force.",
                f"Ничего не передано: предохранитель разомкнут. Ждут: {result['remaining']}; есть --force.",
            )
        )
        return
    line(
        say(
            f"Delivered {result['synced']}, failed attempts {result['failed']}, "
            f"remaining {result['remaining']}, {result['duration_seconds']} s.",
            f"Передано {result['synced']}, неудачных попыток {result['failed']}, "
            f"осталось {result['remaining']}, {result['duration_seconds']} с.",
        )
    )


def status(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show health, registers, buffer and alerts. Exit code: 0 healthy, 1 unhealthy, 3 degraded, 4 not
    reachable."""
    with open_service(url, token, no_service=NOT_REACHABLE) as service:
        health = service.health.health()
        if not as_json:
            _show_health(health, service_url(url))
        buffer = service.buffer.buffer_status()
        registers = service.register.status()
    if as_json:
        json_line({"health": health, "buffer": buffer, "kkt": registers})
    else:
        _show_registers(registers["registers"])
        _show_buffer(buffer)
    code = {"unhealthy": UNHEALTHY, "degraded": DEGRADED}.get(health["status"])
    if code is not None:
        raise typer.Exit(code)


def _show_health(health: _Json, url: str) -> None:
    facts(
        (
            (say("service", "служба"), f"kkt-adapter {health['version']}"),
            (say("address", "адрес"), url),
            (say("health", "состояние"), health["status"]),
            (say("breaker", "предохранитель"), health["circuit_breaker_state"]),
            (say("maintenance", "обслуживание"), health.get("maintenance")),
        )
    )
    table(
        (say("part", "часть"), say("state", "состояние"), say("checked", "проверено")),
        (
            (name, part.get("status", part.get("state")), moment(part.get("last_check")))
            for name, part in health["components"].items()
        ),
    )


def _show_registers(registers: Sequence[_Json]) -> None:
    table(
        (
            say("register", "ККТ"),
            say("state", "состояние"),
            say("shift", "смена"),
            say("FN days left", "дней ФН"),
            say("documents left", "осталось ФД"),
            say("unsent", "не передано"),
            say("needs a decision", "ждёт решения"),
        ),
        (_register(register) for register in registers),
        title=say("Registers", "ККТ"),
    )


def _register(register: _Json) -> tuple[object, ...]:
    device, trouble, question = register["device"] or {}, register["trouble"], register["question"]
    shift = device.get("shift") or {}
    return (
        register["register_id"],
        trouble["code"] if trouble else device.get("state"),
        f"{shift['number']} {shift['state']}" if shift else "",
        device.get("fn_days_left"),
        device.get("documents_left"),
        device.get("unsent_documents"),
        question and (question["receipt_id"] or question["what"]),
    )


def _show_buffer(buffer: _Json) -> None:
    oldest, last = buffer["oldest_receipt"], buffer["last_sync"]
    capacity = buffer["total_capacity"] or say("no limit", "без предела")
    facts(
        (
            (say("network", "сеть"), buffer["network_status"]),
            (say("waiting", "ждут"), f"{buffer['current_queued']} / {capacity} ({buffer['percent_full']} %)"),
            (say("oldest", "старейший"), oldest and f"{moment(oldest['created_at'])} {oldest['id']}"),
            (say("receipts", "чеков"), buffer["total_receipts"]),
            (say("delivered", "доставлено"), buffer["synced"]),
            (say("failed", "не доставлено"), buffer["failed"]),
            (say("dead letters", "в DLQ"), buffer["dlq_size"]),
            (say("not printed", "не напечатано"), buffer.get("unprinted")),
            (say("refused by the register", "отклонено ККТ"), buffer.get("print_failed")),
            (say("last sync", "последняя передача"), last and _last_sync(last)),
        ),
        title=say("Buffer", "Буфер"),
    )
    if buffer["alerts"]:
        table(
            (say("level", "уровень"), say("code", "код"), say("message", "сообщение")),
            (
                (
                    alert["level"],
                    alert["code"],
                    say(alert.get("message_en", alert["message"]), alert["message"]),
                )
                for alert in buffer["alerts"]
            ),
            title=say("Alerts", "Тревоги"),
        )


def _last_sync(last: _Json) -> str:
    counted = say(
        f"delivered {last['synced_count']}, failed {last['failed_count']}",
        f"передано {last['synced_count']}, неудачно {last['failed_count']}",
    )
    return f"{moment(last['timestamp'])}, {counted}"
