"""The parts list of the catalogue, for the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kkt_adapter.catalog.reads.catalogue import CatalogReads
from kkt_adapter.catalog.run_log.log_file import LogFile
from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.schedule.daily import DailySchedule
from kkt_adapter.catalog.service import CatalogService
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.catalog.sync.control import CatalogSync
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.lease import Leases
from kkt_adapter.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from kkt_adapter.catalog.sync.page_run import PageRuns
    from kkt_adapter.catalog.sync.worker import RunWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogParts:
    """``service`` runs under the supervisor; the others are for routes and commands.

    ``worker`` (None without a source) is a part of the service; alone it is for a process without a schedule.
    """

    sync: CatalogSync
    schedule: DailySchedule
    reads: CatalogReads
    service: CatalogService
    worker: "RunWorker | None"


def build_catalog(
    db: Database,
    settings: CatalogSettings,
    *,
    clock: Clock,
    data_dir: Path,
    node: str,
    leases: Leases,
    source: ProductSource | None = None,
    beside_service: bool = False,
    believed: Callable[[], bool] = lambda: True,
) -> CatalogParts:
    """Put the catalogue together; opens nothing until the service runs or something is asked.

    ``node`` is what people call this process. ``leases`` must be of the same database. ``source`` replaces
    the one that the settings describe (tests, demonstration). ``beside_service``: another process takes
    receipts on the same database, so that runs here always give way. ``believed``: may the wall clock be
    believed? While not, no slot is dealt with, nothing vanishes and nothing is forgotten.
    """
    redactor = Redactor(settings.client_secret.get_secret_value())
    sync_log = SyncLog(LogFile(settings.log_file), clock=clock, redactor=redactor)
    work, schedule_changed = Wakeup(clock), Wakeup(clock)
    worker: RunWorker | None = None
    pages: PageRuns | None = None
    if source is not None or settings.source_configured:
        from kkt_adapter.catalog.working import begin_working  # the code of runs, only where there are any

        source, worker, pages = begin_working(
            db,
            settings,
            clock=clock,
            node=node,
            leases=leases,
            source=source,
            beside_service=beside_service,
            believed=believed,
            redactor=redactor,
            sync_log=sync_log,
            work=work,
        )
    sync = CatalogSync(db, settings, clock=clock, sync_log=sync_log, wakeup=work, worker=worker, pages=pages)
    schedule = DailySchedule(
        db,
        settings,
        clock=clock,
        sync_log=sync_log,
        wakeup=schedule_changed,
        configured=source is not None,
        work=work,
        believed=believed,
    )
    reads = CatalogReads(db, clock=clock, data_dir=data_dir)
    service = CatalogService(schedule, worker, source, wakeup=schedule_changed, clock=clock)
    return CatalogParts(sync=sync, schedule=schedule, reads=reads, service=service, worker=worker)
