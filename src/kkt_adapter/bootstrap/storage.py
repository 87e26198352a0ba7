"""What everything else stands on: the data directory, the database, and what this process may hold."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from kkt_adapter.bootstrap.identity import look_around, refuse_another_file, settle_identity
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers
from kkt_adapter.fiscal.store.runtime_settings import read_setting, store_setting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.db.identity import DirectoryMemory, Identity
from kkt_adapter.runtime.db.integrity import Walk, refuse_damaged
from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings
from kkt_adapter.runtime.file_lock import FileLock, ProcessLocks
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.runtime.leases.pass_lock import PassLock, ProcessPassLock
from kkt_adapter.runtime.leases.peers import Peers
from kkt_adapter.settings import Settings

ADAPTER_ID = "adapter_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The open database, and who we are in it. ``owner`` names this process in leases and claims."""

    database: Database
    adapter_id: str
    identity: Identity
    memory: DirectoryMemory
    owner: str
    locks: ProcessLocks
    peers: Peers
    leases: DatabaseLeases
    pass_lock: PassLock


async def open_storage(
    settings: Settings, *, seams: Seams, clock: Clock, closers: Closers, walk: Walk | None = None
) -> Storage:
    """Open the database, migrated, and take this process's lock file. ``walk``: begun through the database.

    Raises:
        SettingsInvalid: the data directory cannot be used, or the database is not the one that belongs here.
        StorageError: the database is damaged, newer than this program, or cannot be reached.
    """
    _make_data_dir(settings.data_dir)
    owner = random_id()
    locks = ProcessLocks(settings.data_dir)
    closers.append(_hold(locks, owner).release)  # let go last: whoever sees it free may take our work over

    await asyncio.to_thread(refuse_damaged, settings.database, begun=walk)
    around = await asyncio.to_thread(look_around, settings)
    await asyncio.to_thread(refuse_another_file, settings, around)
    await asyncio.to_thread(migrate, settings.database)
    database: Database = seams.database(
        open_database(
            settings.database,
            sqlite=SqliteSettings(wal_autocheckpoint_pages=settings.wal_autocheckpoint_pages),
        )
    )
    closers.append(database.close)
    known, memory = await settle_identity(settings, around, database=database, clock=clock)
    adapter_id = await database.write(lambda c: _adapter_id(c, clock))
    pass_lock = _pass_lock(settings, clock, expiry_s=seams.lock_expiry_s)
    closers.append(pass_lock.close)
    return Storage(
        database=database,
        adapter_id=adapter_id,
        identity=known,
        memory=memory,
        owner=owner,
        locks=locks,
        peers=Peers(locks, owner=owner, on_server=database.dialect != "sqlite", clock=clock),
        leases=DatabaseLeases(database, owner=owner, clock=clock, holder_ended=locks.ended),
        pass_lock=pass_lock,
    )


def _make_data_dir(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(
            f"data_dir (KKT_DATA_DIR) = {path}: {error.strerror}",
            f"data_dir (KKT_DATA_DIR) = {path}: {error.strerror}",
        ) from error


def _hold(locks: ProcessLocks, owner: str) -> FileLock:
    with suppress(OSError):
        locks.tidy()
    return locks.hold(owner)


def _adapter_id(conn: Connection, clock: Clock) -> str:
    """This adapter's id, made once."""
    stored = read_setting(conn, ADAPTER_ID)
    if stored is not None:
        return stored
    made = random_id()
    store_setting(conn, ADAPTER_ID, made, at=clock.now(), by=None)
    return made


def _pass_lock(settings: Settings, clock: Clock, *, expiry_s: int) -> PassLock:
    if not settings.redis:
        return ProcessPassLock()
    from kkt_adapter.runtime.leases.pass_lock_redis import RedisPassLock  # the extra ``redis``

    return RedisPassLock(settings.redis, clock=clock, expiry_s=expiry_s)
