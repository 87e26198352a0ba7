"""What every part of the product is made with."""

from dataclasses import dataclass

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers
from kkt_adapter.bootstrap.storage import Storage, open_storage
from kkt_adapter.fiscal.store.events import EventWriter
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.integrity import Walk
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.supervisor import Supervisor
from kkt_adapter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """``demo``: tills that nobody configured get virtual registers of their own. ``supervisor`` runs nothing
    until everything is put together."""

    settings: Settings
    demo: bool
    clock: Clock
    seams: Seams
    closers: Closers
    storage: Storage
    disk: DiskMark
    event_writer: EventWriter
    supervisor: Supervisor

    @property
    def database(self) -> Database:
        return self.storage.database

    @property
    def adapter_id(self) -> str:
        """Who we are to others."""
        return self.settings.adapter_id or self.storage.adapter_id


async def open_core(
    settings: Settings,
    *,
    demo: bool,
    clock: Clock,
    seams: Seams,
    closers: Closers,
    walk: Walk | None = None,
) -> Core:
    """Open the database. ``walk``: begun through it.

    Raises:
        SettingsInvalid: the data directory cannot be used, or the database is not the one that belongs here.
        StorageError: the database is damaged, newer than this program, or cannot be reached.
    """
    storage = await open_storage(settings, seams=seams, clock=clock, closers=closers, walk=walk)
    return Core(
        settings=settings,
        demo=demo,
        clock=clock,
        seams=seams,
        closers=closers,
        storage=storage,
        disk=DiskMark(settings.data_dir, mark_mb=settings.disk_low_mb, clock=clock),
        event_writer=EventWriter(storage.database),
        supervisor=Supervisor((), clock=clock),
    )
