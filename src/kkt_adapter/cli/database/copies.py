"""What ``db restore``, ``db begin`` and ``db confirm-loss`` ask and write down."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from sqlalchemy import Connection

from kkt_adapter.bootstrap.identity import examine, look_at_file
from kkt_adapter.cli.database.opening import run_on_database
from kkt_adapter.fiscal.store import losses
from kkt_adapter.fiscal.store.losses import Loss
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import AdapterError, StorageError, Text
from kkt_adapter.runtime.db.backup import restore
from kkt_adapter.runtime.db.identity import (
    DatabaseFound,
    Decided,
    Decision,
    StartRefused,
    change_memory,
    load_memory,
)
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite_file import lock_path
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.runtime.file_lock import hold_alone
from kkt_adapter.settings import Settings

HOUR_S, DAY_S = 3600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFacts:
    """What a copy says of itself."""

    name: str
    receipts: int  # accepted up to then and not forgotten
    written_at: datetime | None  # its newest receipt; None: it has none

    def shown(self, now: datetime) -> Text:
        if self.written_at is None:
            return Text(f"{self.name}: receipts: {self.receipts}", f"{self.name}: чеков: {self.receipts}")
        age_s = int((now - self.written_at).total_seconds())
        when = self.written_at.astimezone().isoformat(timespec="minutes")
        old = (
            Text(f"{age_s // DAY_S} days", f"{age_s // DAY_S} дн.")
            if age_s >= DAY_S
            else Text(f"{age_s / HOUR_S:.1f} h", f"{age_s / HOUR_S:.1f} ч")
        )
        return Text(
            f"{self.name}: receipts: {self.receipts}, the newest of {when}, {old.en} ago",
            f"{self.name}: чеков: {self.receipts}, последний от {when}, {old.ru} назад",
        )


def facts_of(copy: Path, data_dir: Path) -> CopyFacts:
    """Only a database of ours, and of this shop, is put back.

    Raises:
        StorageError: it is something else; the text says what.
    """
    if not copy.is_file():
        raise StorageError(f"There is no file {copy}.", f"Нет файла {copy}.")
    found = look_at_file(copy, ())
    if found.kind is not DatabaseFound.OURS:
        empty = found.kind is DatabaseFound.MISSING
        raise StorageError(
            f"{copy} is no copy of a database of kkt-adapter: "
            f"{'it is empty' if empty else 'it has other tables'}. Nothing was changed.",
            f"{copy} — не копия базы kkt-adapter: {'файл пуст' if empty else 'в нём другие таблицы'}. "
            "Ничего не изменено.",
        )
    known = load_memory(data_dir).known
    if known is not None and found.identity is not None and found.identity.uuid != known.uuid:
        raise StorageError(
            f"{copy} is a copy of another shop's database ({found.identity.uuid}); this data directory "
            f"belongs to {known.uuid}. Nothing was changed.",
            f"{copy} — копия базы другого магазина ({found.identity.uuid}); этот каталог данных принадлежит "
            f"{known.uuid}. Ничего не изменено.",
        )
    return _count(copy)


def _count(copy: Path) -> CopyFacts:
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as raw:
        ((receipts,),) = raw.execute("SELECT count(*) FROM receipts").fetchall()
        ((newest,),) = raw.execute("SELECT max(created_at) FROM receipts").fetchall()
    written_at = None if newest is None else datetime.fromtimestamp(newest / 1000, UTC)
    return CopyFacts(name=copy.name, receipts=receipts, written_at=written_at)


def decide(data_dir: Path, what: Decided, *, reason: str, file: Path | None = None) -> None:
    """Leave a decision for the next start.

    Raises:
        StorageError: the data directory cannot be written.
    """
    decision = Decision(
        what=what,
        by=who(),
        reason=reason,
        at=SystemClock().now().isoformat(timespec="seconds"),
        file=None if file is None else str(file),
    )
    try:
        change_memory(data_dir, lambda memory: replace(memory, decision=decision))
    except OSError as error:
        raise StorageError(
            f"{data_dir} cannot be written: {error.strerror}", f"{data_dir}: нет записи: {error.strerror}"
        ) from error


def put_back(copy: Path, database: Path, data_dir: Path, *, reason: str) -> Path | None:
    """Put a copy in the place of the database; see `restore`. The decision comes first: without it the copy
    may pass for the state that was there, if nothing had been counted since it was made. One that no copy
    followed does no harm.

    Raises:
        StorageError: nothing was changed.
    """
    before = load_memory(data_dir).decision
    decide(data_dir, Decided.RESTORE, reason=reason, file=copy)
    try:
        return restore(copy, database, now=SystemClock().now())
    except StorageError:
        with suppress(AdapterError, OSError):
            change_memory(data_dir, lambda memory: replace(memory, decision=before))
        raise


def begin(settings: Settings, *, reason: str) -> None:
    """Decide that a new shop begins.

    Raises:
        StorageError: the database belongs here and needs no such decision, is foreign, or is in use.
    """
    start = asyncio.run(examine(settings))
    if not isinstance(start, StartRefused):
        raise StorageError(
            "The database is there and belongs to this data directory: there is nothing to begin. "
            "To leave it for good, stop the service and move it away first.",
            "База данных на месте и принадлежит этому каталогу данных: начинать нечего. Чтобы расстаться "
            "с ней, остановите службу и сначала уберите файл базы.",
        )
    path = sqlite_path(settings.database)
    if path is not None and path.exists() and path.stat().st_size:
        _refuse_unfit(path)
    decide(settings.data_dir, Decided.BEGIN, reason=reason)


def _refuse_unfit(path: Path) -> None:
    if look_at_file(path, ()).kind is DatabaseFound.FOREIGN:
        raise StorageError(
            f"{path} is a database of another program: move it away first.",
            f"{path} — база другой программы: сначала уберите её.",
        )
    held = hold_alone(lock_path(path))
    if held is None:
        raise StorageError(
            f"Database {path.name} is in use. Stop the service first.",
            f"База данных {path.name} используется. Сначала остановите службу.",
        )
    held.release()


def confirm_loss(data_dir: Path | None, *, reason: str) -> tuple[Loss, ...]:
    """Raises typer.Exit when the database cannot be used."""
    now, by = SystemClock().now(), who()

    async def work(database: Database) -> tuple[Loss, ...]:
        def write(conn: Connection) -> tuple[Loss, ...]:
            return losses.confirm_losses(conn, at=now, by=by, reason=reason)

        return await database.write(write)

    return run_on_database(data_dir, work)


def who() -> str:
    """The system's user, for the audit trail."""
    try:
        return f"cli:{getuser()}"
    except (KeyError, OSError):
        return "cli"
