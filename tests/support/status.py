"""What the status pages read, of a small shop without trouble: for tests of the edge."""

from datetime import UTC, datetime

from kkt_adapter.fiscal.delivery.worker_status import ManualSync, WorkerStatus
from kkt_adapter.fiscal.heartbeat.service import OfficesReport
from kkt_adapter.fiscal.lifecycle import WorkerTask
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMode
from kkt_adapter.fiscal.monitoring.observation import WorkerState
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot
from kkt_adapter.fiscal.status import reports
from kkt_adapter.fiscal.store.counters import Counts, Fill
from kkt_adapter.kernel.breaker import BreakerState

AT = datetime(2026, 3, 14, 9, 5, tzinfo=UTC)
OPERATOR = "relay:ofd.example:7777"
FILL = Fill(
    totals=Counts(total=3, pending=3, syncing=0, synced=0, failed=0, dlq_open=0, unprinted=0, print_failed=0),
    capacity=10_000,
    configured=10_000,
)


def health_report(*, usable: bool = True) -> reports.HealthReport:
    """One operator hangs, whatever the database does."""
    return reports.HealthReport(
        verdict="healthy" if usable else "unhealthy",
        version="1.0.0",
        maintenance=None,
        trouble=(f"ofd:{OPERATOR}",),
        components=reports.Components(
            buffer=reports.BufferReport(word="ok", fill=FILL, as_of=AT)
            if usable
            else reports.BufferReport(word="unknown", fill=None, as_of=None),
            breaker=reports.BreakerReport(
                state=BreakerState.CLOSED, failure_count=0, success_count=0, last_failure_at=None
            ),
            database=reports.DatabaseReport(usable=usable, dialect="sqlite", read_at=AT if usable else None),
            devices=reports.DevicesReport(word="ok", registers={"POS-001": "ok"}, told_at=AT),
            operators=reports.OperatorsReport(
                word="hanging",
                endpoints={
                    OPERATOR: reports.OperatorReport(
                        word="hanging", state=BreakerState.CLOSED, last_ok_at=AT, last_error=None
                    )
                },
                heard_at=AT,
            ),
            network=reports.NetworkReport(
                mode=NetworkMode.ONLINE, since=AT, endpoints={OPERATOR: True}, checked_at=AT
            ),
            offices=OfficesReport(
                word="ok", targets={"erp": "ok"}, last_success_at=AT, last_error=None, called_at=AT
            ),
            worker=reports.WorkerReport(state=WorkerState.RUNNING, as_of=AT),
            redis=reports.RedisReport(word="not_configured", asked_at=None),
        ),
    )


def buffer_status() -> reports.BufferStatus:
    return reports.BufferStatus(
        snapshot=Snapshot(
            fill=FILL,
            hlc_local_time=1773478800,
            oldest=("01890a5d-ac96-774b-bcce-b302099a8057", AT),
            last_sync=None,
            maintenance=None,
            mismatches=(),
            unclear_cash=(),
            cash_kop={},
            last_event_id=0,
        ),
        as_of=AT,
        network=NetworkMode.ONLINE,
        breaker=BreakerState.CLOSED,
        alerts=(),
    )


def worker_status() -> WorkerStatus:
    return WorkerStatus(
        task=WorkerTask.RUNNING,
        last_pass=None,
        last_success_at=None,
        failed_passes=0,
        next_run_at=None,
        lock_backend="process",
        lock_held=False,
        pending=3,
    )


def manual_sync() -> ManualSync:
    return ManualSync(
        skipped_all=False, synced=0, failed=0, skipped=0, remaining=0, duration_s=0.1, message="-"
    )
