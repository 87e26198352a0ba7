"""What is done once a day and once per database: forgetting, and the copy of the database."""

from datetime import timedelta

from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.housekeeping.backup import DailyCopy
from kkt_adapter.fiscal.housekeeping.daily import BACKUP, RETENTION, Daily
from kkt_adapter.fiscal.housekeeping.forgetting import Forgetting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.settings import Settings


def daily_services(
    settings: Settings, *, database: Database, leases: DatabaseLeases, clock: Clock, watch: ClockWatch
) -> list[Daily]:
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
