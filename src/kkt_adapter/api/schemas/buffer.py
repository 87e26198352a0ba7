"""Answers about the buffer, its worker and back offices: from what they read to the published names."""

from typing import TYPE_CHECKING

from kkt_adapter.fiscal.alerts.board import Alert
from kkt_adapter.fiscal.delivery.worker_status import LastPass, ManualSync, WorkerStatus
from kkt_adapter.fiscal.heartbeat import service as heartbeat
from kkt_adapter.fiscal.status.reports import BufferStatus
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.timefmt import iso, iso_of

if TYPE_CHECKING:  # shapes for the description, which is loaded late
    from kkt_adapter.api.schemas.answers import buffer as known
    from kkt_adapter.api.schemas.answers.offices import HeartbeatStatus, OfficeShown


def counts_answer(status: BufferStatus) -> "known.BufferCounts":
    snapshot, totals = status.snapshot, status.snapshot.fill.totals
    oldest: known.OldestReceipt | None = None
    if snapshot.oldest is not None:
        receipt_id, accepted_at = snapshot.oldest
        oldest = {
            "id": receipt_id,
            "created_at": iso_of(accepted_at),
            "age_hours": round((status.as_of - accepted_at).total_seconds() / 3600, 2),
        }
    last = snapshot.last_sync
    return {
        "total_capacity": snapshot.fill.capacity,
        "configured_capacity": snapshot.fill.configured,
        "current_queued": totals.undelivered,
        "percent_full": snapshot.fill.percent,
        "network_status": status.network.value,
        "total_receipts": totals.total,
        "pending": totals.pending,
        "syncing": totals.syncing,
        "synced": totals.synced,
        "failed": totals.failed,
        "unprinted": totals.unprinted,
        "print_failed": totals.print_failed,
        "dlq_size": totals.dlq_open,
        "oldest_receipt": oldest,
        "last_sync": None
        if last is None
        else {
            "timestamp": iso_of(last.at),
            "synced_count": last.synced,
            "failed_count": last.failed,
            "duration_seconds": last.duration_s,
        },
        "buffer_count": totals.undelivered,
        "buffer_percent": snapshot.fill.percent,
        "cb_state": status.breaker.value,
    }


def buffer_answer(status: BufferStatus) -> "known.BufferStatus":
    return {**counts_answer(status), "alerts": [_brief(alert) for alert in status.alerts]}


def _brief(alert: Alert) -> "known.BriefAlert":
    return {
        "level": alert.level.value,
        "code": alert.rule.code,
        "message": alert.message.ru,
        "message_en": alert.message.en,
        "subject": alert.subject,
        "since": iso_of(alert.since),
    }


def sync_answer(done: ManualSync) -> "known.SyncResult":
    return {
        "status": "skipped" if done.skipped_all else "completed",
        "synced": done.synced,
        "failed": done.failed,
        "skipped": done.skipped,
        "remaining": done.remaining,
        "duration_seconds": round(done.duration_s, 3),
        "message": done.message,
    }


def reset_answer(state: BreakerState) -> "known.BreakerReset":
    return {"status": "reset", "circuit_breaker_state": state.value}


def worker_answer(status: WorkerStatus) -> "known.WorkerStatus":
    return {
        "running": status.task.value == "running",
        "task_status": status.task.value,
        "last_pass": None if status.last_pass is None else _pass(status.last_pass),
        "last_success_at": iso(status.last_success_at),
        "consecutive_failures": status.failed_passes,
        "next_run_at": iso(status.next_run_at),
        "lock": {"backend": status.lock_backend, "held": status.lock_held},
        "pending": status.pending,
    }


def _pass(last: LastPass) -> "known.LastPass":
    return {
        "at": iso_of(last.at),
        "synced": last.synced,
        "failed": last.failed,
        "skipped": last.skipped,
        "duration_seconds": round(last.duration_s, 3),
    }


def heartbeat_answer(status: heartbeat.HeartbeatStatus) -> "HeartbeatStatus":
    state = status.state
    return {
        "configured": bool(status.targets),
        "running": status.running,
        "sends": status.sends,
        "state": state.presence.value,
        "consecutive_successes": state.successes,
        "consecutive_failures": state.failures,
        "last_success_at": iso(state.last_success_at),
        "last_error": None if state.last_error is None else state.last_error.en,
        "targets": [_office(target) for target in status.targets],
    }


def _office(office: heartbeat.OfficeStatus) -> "OfficeShown":
    state = office.state
    return {
        "name": office.name,
        "profile": office.profile.value,
        "url": office.url,
        "state": state.presence.value,
        "consecutive_successes": state.successes,
        "consecutive_failures": state.failures,
        "last_success_at": iso(state.last_success_at),
        "last_error": None if state.last_error is None else state.last_error.en,
        "last_answer": None if state.last_class is None else state.last_class.value,
        "acked_event_id": state.acked_event_id,
        "next_call_at": iso(state.next_call_at),
    }
