"""What is done once a day and once per database: forgetting, and the copy of the database."""

from datetime import timedelta

from kkt_adapter.bootstrap.core import Core
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.housekeeping.backup import DailyCopy
from kkt_adapter.fiscal.housekeeping.daily import BACKUP, RETENTION, Daily, Forgetting
from kkt_adapter.runtime.db.urls import sqlite_path


def daily_services(core: Core, watch: ClockWatch) -> list[Daily]:
    settings, database, clock, leases = core.settings, core.database, core.clock, core.storage.leases
    forgetting = Forgetting(
        database=database,
        clock=clock,
        receipts_live=timedelta(days=settings.retention_days),
        may_forget=watch.may_forget,
        documents_live=timedelta(days=settings.document_days),
        back_offices=[office.name for office in settings.back_offices if office.enabled],
    )
    services = [
        Daily(
            RETENTION,
            forgetting.forget,
            lease=leases.lease(RETENTION),
            database=database,
            clock=clock,
            may=watch.believed,
        )
    ]
    file = sqlite_path(settings.database)
    if file is not None and settings.backup_keep:
        copies = DailyCopy(
            file,
            settings.copies_dir,
            keep=settings.backup_keep,
            low_mb=settings.disk_low_mb,
            clock=clock,
            believed=watch.believed,
        )
        services.append(
            Daily(BACKUP, copies.copy, lease=leases.lease(BACKUP), database=database, clock=clock)
        )
    return services
