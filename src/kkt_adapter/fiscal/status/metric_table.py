"""Every metric of this room: name, kind, meaning, labels, and where its value comes from.

Values are read when somebody asks (``metrics.py``); nothing here counts. Labels come from the configuration
(device, pos_id, endpoint, target) or from closed sets, so their number is bounded. The page of metrics
(docs/reference/metrics.md) lists the same names; a test compares.
"""

from collections.abc import Iterable

from kkt_adapter.fiscal.alerts.rule import Level
from kkt_adapter.fiscal.heartbeat.answer import AnswerClass
from kkt_adapter.fiscal.heartbeat.service import METRIC_VALUE as PRESENCE_VALUE
from kkt_adapter.fiscal.intake.suspicions import CODES
from kkt_adapter.fiscal.monitoring.legal_clocks import ClockName
from kkt_adapter.fiscal.monitoring.network_mode import METRIC_VALUE as MODE_VALUE
from kkt_adapter.fiscal.monitoring.observation import RegisterObservation, WorkerState
from kkt_adapter.fiscal.status.door_metrics import DOOR_METRICS
from kkt_adapter.fiscal.status.metric import (
    NONE,
    Metric,
    MetricKind,
    Sample,
    Scrape,
    counter,
    counts,
    gauge,
    of_clock,
    of_endpoint,
    of_office,
    of_register,
)
from kkt_adapter.fiscal.store.losses import LossKind
from kkt_adapter.kernel.breaker import METRIC_VALUE as BREAKER_VALUE
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.hysteresis import Presence


def _shift_age(register: RegisterObservation) -> float | None:
    """0 while the shift is closed; nothing while the register is not known."""
    return register.value(ClockName.SHIFT_END) or 0.0 if register.clocks else None


def _undelivered_age(register: RegisterObservation) -> float | None:
    return register.value(ClockName.UNDELIVERED) or 0.0 if register.clocks else None


def _worst_breaker(scrape: Scrape) -> float:
    states = {endpoint.state for endpoint in scrape.endpoints}
    worst = next((s for s in (BreakerState.OPEN, BreakerState.HALF_OPEN) if s in states), BreakerState.CLOSED)
    return BREAKER_VALUE[worst]


def _heartbeat(scrape: Scrape) -> float:
    states = {office.state for office in scrape.seen.offices}
    worst = next((s for s in (Presence.OFFLINE, Presence.UNKNOWN) if s in states), Presence.ONLINE)
    return PRESENCE_VALUE[worst if states else Presence.UNKNOWN]


def _drifts(scrape: Scrape) -> Iterable[Sample]:
    for register in scrape.seen.registers:
        for source, clock in (("register", ClockName.REGISTER_DRIFT), ("operator", ClockName.OPERATOR_DRIFT)):
            value = register.value(clock)
            if value is not None:
                yield {"device": register.register_id, "source": source}, value


def _hlc_drift(scrape: Scrape) -> float:
    """How far the last stamp is ahead of the host's clock: it was set back, or a remote stamp was ahead."""
    return max(0.0, scrape.snapshot.hlc_local_time - scrape.seen.at.timestamp())


def _device_times(scrape: Scrape) -> Iterable[Sample]:
    for register in scrape.seen.registers:
        times = scrape.prints.device_times(register.register_id)
        if times is not None:
            spread = times.receipt
            for quantile, ms in (("0.5", spread.p50_ms), ("0.95", spread.p95_ms), ("0.99", spread.p99_ms)):
                yield {"device": register.register_id, "quantile": quantile}, ms / 1000


def _by_level(scrape: Scrape) -> Iterable[Sample]:
    for level in Level:
        yield {"level": level.value}, sum(alert.level is level for alert in scrape.alerts)


def _error_codes(scrape: Scrape) -> dict[str, int]:
    found = {"timeout": 0}
    for endpoint in scrape.endpoints:
        for code, n in dict(endpoint.stats.errors).items():
            found[code] = found.get(code, 0) + n
    return found


def _operator_alarms(scrape: Scrape) -> dict[str, int]:
    found = {"11": 0, "14": 0, "other": 0}
    for endpoint in scrape.endpoints:
        for code, n in dict(endpoint.stats.alarms).items():
            found[code] += n
    return found


METRICS: tuple[Metric, ...] = (
    # The buffer.
    gauge("kkt_buffer_size", "Undelivered receipts (pending and syncing)", lambda s: s.seen.undelivered),
    gauge(
        "kkt_buffer_capacity",
        "Undelivered receipts the buffer takes; 0: no limit",
        lambda s: s.snapshot.fill.capacity,
    ),
    gauge("kkt_buffer_percent_full", "0..100", lambda s: s.seen.percent),
    gauge(
        "kkt_oldest_receipt_age_seconds",
        "Age of the oldest undelivered receipt; 0: none",
        lambda s: s.seen.oldest_pending_age_s or 0.0,
    ),
    gauge(
        "kkt_unprinted_receipts",
        "Accepted receipts without a document",
        lambda s: s.snapshot.fill.totals.unprinted,
    ),
    gauge("kkt_dlq_size", "Unresolved dead letters", lambda s: s.seen.dlq_open),
    gauge("kkt_disk_free_bytes", "Free space where the data is", lambda s: s.disk_free_bytes),
    gauge(
        "kkt_disk_low_mark_bytes",
        "Receipts are refused below; 0: never",
        lambda s: s.seen.disk_mark_bytes,
    ),
    gauge(
        "kkt_short_secrets",
        "Signing secrets of fewer than 24 bytes",
        lambda s: len(s.seen.short_secrets),
    ),
    *DOOR_METRICS,
    counter(
        "kkt_log_lines_dropped_total",
        "Log lines that nobody will read: the queue was full or the write failed",
        lambda s: s.log_lines_dropped,
    ),
    gauge("kkt_http_connections", "Open connections of clients", lambda s: s.connections.open),
    counts(
        "kkt_http_connections_refused_total",
        "Connections of clients that were refused or ended, by reason",
        "reason",
        lambda s: s.connections.refused,
    ),
    # Delivery.
    gauge("kkt_circuit_breaker_state", "Worst end point: 0 closed, 1 open, 2 half-open", _worst_breaker),
    of_endpoint("kkt_ofd_endpoint_state", "0 closed, 1 open, 2 half-open", lambda e: BREAKER_VALUE[e.state]),
    of_endpoint("kkt_ofd_token_refused", "1: the last answer was 401 or 403", lambda e: e.token_refused),
    counts(
        "kkt_operator_alarms_total",
        "Documents that an operator took and found fault with, by response code",
        "code",
        _operator_alarms,
    ),
    gauge("kkt_network_mode", "0 online, 1 degraded, 2 offline", lambda s: MODE_VALUE[s.mode]),
    gauge("kkt_lock_available", "0: Redis is configured and cannot be reached", lambda s: s.lock_available),
    gauge(
        "kkt_worker_up",
        "1: the delivery worker runs and its passes come",
        lambda s: s.seen.worker is WorkerState.RUNNING,
    ),
    gauge(
        "kkt_worker_last_pass_timestamp_seconds",
        "When the last finished pass began, Unix time; 0: none yet",
        lambda s: 0.0 if s.last_pass_at is None else s.last_pass_at.timestamp(),
    ),
    gauge(
        "kkt_worker_pass_running_seconds",
        "Age of the pass that runs; 0: none",
        lambda s: s.seen.pass_running_s or 0.0,
    ),
    gauge(
        "kkt_last_sync_age_seconds",
        "Since a receipt was last delivered, or since the start",
        lambda s: s.seen.last_sync_age_s,
    ),
    gauge(
        "kkt_maintenance_overdue",
        "1: maintenance is on and should be over",
        lambda s: (
            s.seen.maintenance is not None
            and s.seen.maintenance.until is not None
            and s.seen.at > s.seen.maintenance.until
        ),
    ),
    # Registers.
    gauge(
        "kkt_groups_cannot_sell",
        "Groups of which no register would print now",
        lambda s: sum(group.cannot_sell is not None for group in s.seen.groups),
    ),
    of_register("kkt_register_ready", "0: something keeps it from printing", lambda r: r.trouble is None),
    of_register(
        "kkt_register_blocked", "1: it cannot fiscalise until a person acts", lambda r: r.blocked is not None
    ),
    of_register(
        "kkt_print_unknown", "1: an unknown outcome waits for a person", lambda r: r.undecided is not None
    ),
    of_clock("kkt_fiscal_memory_days_left", "Days until the FN expires", ClockName.FN_EXPIRY),
    of_clock("kkt_fn_documents_left", "Documents the FN still takes", ClockName.FN_DOCUMENTS),
    Metric(
        name="kkt_receipt_device_seconds",
        kind=MetricKind.GAUGE,
        help="All device commands of a receipt, over the newest 200 receipts since the start",
        labels=("device", "quantile"),
        read=_device_times,
    ),
    of_register("kkt_fn_unsent_documents", "Documents the FN keeps for the operator", lambda r: r.unsent),
    of_register(
        "kkt_undelivered_document_age_seconds", "Age of the oldest of them; 0: none", _undelivered_age
    ),
    of_register("kkt_shift_age_seconds", "Age of the open shift; 0: closed", _shift_age),
    Metric(
        name="kkt_clock_drift_seconds",
        kind=MetricKind.GAUGE,
        help="That clock less the host's",
        labels=("device", "source"),
        read=_drifts,
    ),
    gauge("kkt_hlc_drift_seconds", "The last HLC stamp ahead of the host's clock", _hlc_drift),
    # Tills and back offices.
    Metric(
        name="pos_session_cash_balance",
        kind=MetricKind.GAUGE,
        help="Cash in the till by its open session, rubles",
        labels=("pos_id",),
        read=lambda s: [({"pos_id": till}, kop / 100) for till, kop in s.snapshot.cash_kop.items()],
    ),
    gauge(
        "pos_session_mismatches",
        "Open sessions whose balance is not the sum of their movements",
        lambda s: len(s.seen.mismatches),
    ),
    gauge(
        "pos_unsynced_transactions",
        "Events that the slowest back office has not acknowledged",
        lambda s: max((office.waiting for office in s.seen.offices), default=0),
    ),
    gauge("kkt_heartbeat_state", "Worst back office: 0 unknown or none, 1 online, 2 offline", _heartbeat),
    Metric(
        name="kkt_back_office_state",
        kind=MetricKind.GAUGE,
        help="0 unknown, 1 online, 2 offline",
        labels=("target",),
        read=lambda s: [({"target": o.name}, PRESENCE_VALUE[o.state]) for o in s.seen.offices],
    ),
    of_office("kkt_back_office_token_refused", "1: it refuses our token", AnswerClass.REFUSED_TOKEN),
    of_office(
        "kkt_back_office_other_instance",
        "1: another adapter reports under our adapter_id",
        AnswerClass.OTHER_INSTANCE,
    ),
    gauge(
        "kkt_clock_doubted",
        "1 while the host's clock cannot be believed and nothing is deleted",
        lambda s: s.seen.clock_doubt is not None,
    ),
    gauge(
        "kkt_receipts_lost",
        "Findings that the database has lost receipts, until a person confirms them",
        lambda s: sum(loss.kind is not LossKind.OTHERS for loss in s.seen.losses),
    ),
    gauge(
        "kkt_printed_by_others",
        "Receipts of the last day on our registers that another program printed",
        lambda s: sum(loss.count for loss in s.seen.losses if loss.kind is LossKind.OTHERS),
    ),
    gauge(
        "kkt_altered_documents",
        "Documents of the last day that say something else than was asked for",
        lambda s: len(s.seen.altered),
    ),
    # The program.
    Metric(
        name="kkt_alerts",
        kind=MetricKind.GAUGE,
        help="Alerts that are on, by level; INFO: not for long enough yet",
        labels=("level",),
        read=_by_level,
    ),
    gauge(
        "kkt_start_timestamp_seconds",
        "When the service started, Unix time",
        lambda s: s.started_at.timestamp(),
    ),
    Metric(
        name="kkt_build_info",
        kind=MetricKind.GAUGE,
        help="Always 1",
        labels=("version",),
        read=lambda s: [({"version": s.version}, 1)],
    ),
    # Counters.
    counts(
        "kkt_receipts_total",
        "Receipts posted: printed in time, buffered, or refused",
        "status",
        lambda s: {
            "printed": s.intake.printed,
            "buffered": s.intake.buffered,
            "refused": sum(s.intake.refused.values()),
        },
    ),
    counts(
        "kkt_receipt_suspicions_total",
        "Receipts taken although they look like a mistake or a fraud, by the code of the warning",
        "code",
        lambda s: dict.fromkeys(CODES, 0) | s.intake.suspicions,
    ),
    counts(
        "kkt_receipts_synced_total",
        "Delivery attempts: synced or failed",
        "status",
        lambda s: {"synced": s.worker.synced, "failed": s.worker.failed},
    ),
    counter(
        "kkt_circuit_breaker_opens_total",
        "Openings of all breakers",
        lambda s: sum(e.breaker.opens_total for e in s.endpoints),
    ),
    counter(
        "kkt_circuit_breaker_failures_total",
        "Channel failures, those that breakers count",
        lambda s: sum(e.stats.failures for e in s.endpoints),
    ),
    counter(
        "kkt_heartbeat_failures_total",
        "Calls to back offices that failed",
        lambda s: sum(o.failures for o in s.seen.offices),
    ),
    counts("kkt_ofd_errors_total", "Failed deliveries by the operator's answer", "error_code", _error_codes),
    counts(
        "kkt_print_errors_total",
        "Receipts a register did not print",
        "reason",
        lambda s: s.prints.print_errors,
    ),
    counter(
        "kkt_idempotent_replays_total",
        "Posts answered with a first answer again",
        lambda s: s.intake.replayed,
    ),
    counter(
        "kkt_sync_lock_conflicts_total",
        "Passes that found the pass lock taken",
        lambda s: s.worker.lock_conflicts,
    ),
    # Histograms.
    Metric(
        name="kkt_receipt_latency_seconds",
        kind=MetricKind.HISTOGRAM,
        help="From accepted to printed",
        observed=lambda s: [(NONE, s.prints.latency_s.snapshot())],
    ),
    Metric(
        name="kkt_print_duration_seconds",
        kind=MetricKind.HISTOGRAM,
        help="The register's own time for a document, written down included",
        labels=("device",),
        observed=lambda s: [({"device": d}, h.snapshot()) for d, h in dict(s.prints.print_s).items()],
    ),
    Metric(
        name="kkt_device_command_seconds",
        kind=MetricKind.HISTOGRAM,
        help="One command to the register, for receipts that were printed",
        labels=("device",),
        observed=lambda s: [({"device": d}, h.snapshot()) for d, h in dict(s.prints.command_s).items()],
    ),
    Metric(
        name="kkt_sync_duration_seconds",
        kind=MetricKind.HISTOGRAM,
        help="Passes of the delivery worker",
        observed=lambda s: [(NONE, s.worker.pass_s.snapshot())],
    ),
    Metric(
        name="kkt_ofd_request_seconds",
        kind=MetricKind.HISTOGRAM,
        help="Requests that an operator answered",
        labels=("endpoint",),
        observed=lambda s: [({"endpoint": e.name}, e.stats.request_s.snapshot()) for e in s.endpoints],
    ),
)
