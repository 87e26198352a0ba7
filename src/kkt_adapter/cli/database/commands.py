"""``kkt-adapter db``: copies of the database, and whether it is sound.

A copy is made and checked while the service runs; putting one back needs the service stopped, which the
lock beside the database file proves. PostgreSQL has its own tools, and these commands say so.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kkt_adapter.cli.database.opening import FAILED, DataDir
from kkt_adapter.cli.screen import busy, complain, line, plain, table
from kkt_adapter.cli.texts import said, say
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import AdapterError, StorageError

if TYPE_CHECKING:
    from kkt_adapter.runtime.db.backup import CheckReport
    from kkt_adapter.runtime.db.protocol import Database

db_app = typer.Typer(name="db", help="Back up, restore and check the database.", no_args_is_help=True)

BACKUP_DIR = "backups"  # in the data directory, beside the daily ones
KEEP_ALL = 1_000_000  # copies made by hand push nothing out; the daily backup keeps the newest seven


@db_app.command("backup")
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="File or directory to write; default: directory backups in the data directory.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Copy the database, running or not, and check the copy."""
    from kkt_adapter.runtime.db.backup import back_up

    now = SystemClock().now()
    with _reported():
        directory, database = _sqlite(data_dir)
        with busy(say("Copying the database", "Копирование базы данных")):
            if file is None or file.is_dir():
                made = back_up(database, file or directory / BACKUP_DIR, now=now, keep=KEEP_ALL)
            else:
                made = _back_up_to(file, database)
    size_mb = made.stat().st_size / 1_000_000
    line(say(f"{made}: {size_mb:.1f} MB, checked", f"{made}: {size_mb:.1f} МБ, проверена"))


@db_app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Put a copy in the place of the database; the service must be stopped. The old one is kept aside."""
    import kkt_adapter.cli.database.copies as db_copies

    with _reported():
        directory, database = _sqlite(data_dir)
        facts = db_copies.facts_of(file, directory)
        line(said(facts.shown(SystemClock().now())))
        if database.exists() and not yes:
            typer.confirm(
                say(f"Replace {database} by {file}", f"Заменить {database} копией {file}"),
                abort=True,
                err=True,
            )
        with busy(say("Checking and restoring", "Проверка и восстановление")):
            aside = db_copies.put_back(file, database, directory, reason=reason)
    line(say(f"{database} restored from {file}", f"{database} восстановлена из {file}"))
    if aside is not None:
        line(say(f"The old database is at {aside}", f"Прежняя база данных: {aside}"))
    line(
        say(
            "Receipts accepted after the copy was made are not in it. Compare with the register's documents.",
            "Чеков, принятых после создания копии, в ней нет. Сверьте с документами ККТ.",
        )
    )


@db_app.command("begin")
def begin(
    sure: Annotated[
        bool,
        typer.Option("--yes-this-is-a-new-shop", help="Receipts and keys of before are to be forgotten."),
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Let the next start begin a new shop where a database is missing, empty or another one."""
    import kkt_adapter.cli.database.copies as db_copies
    from kkt_adapter.settings import load_settings

    if not sure:
        complain(
            say(
                "A new shop knows no earlier receipt: a till that asks again for one gets a second document. "
                "Say --yes-this-is-a-new-shop if that is meant.",
                "Новый магазин не знает прежних чеков: на повторный запрос кассы будет второй документ. "
                "Если это и нужно, добавьте --yes-this-is-a-new-shop.",
            )
        )
        raise typer.Exit(2)
    with _reported():
        db_copies.begin(load_settings(overrides={"data_dir": data_dir}), reason=reason)
    line(
        say(
            "Decided: the next start begins a new shop. Start the service.",
            "Решено: следующий запуск начнёт новый магазин. Запустите службу.",
        )
    )


@db_app.command("confirm-loss")
def confirm_loss(
    reason: Annotated[str, typer.Option("--reason", help="What was done about it; kept in the audit trail.")],
    data_dir: DataDir = None,
) -> None:
    """End the alert about lost receipts: they were compared with the registers' documents."""
    import kkt_adapter.cli.database.copies as db_copies

    found = db_copies.confirm_loss(data_dir, reason=reason)
    for loss in found:
        line(f"{loss.kind} {loss.fn_number} {loss.first}..{loss.last}: {loss.count}")
    line(say(f"confirmed: {len(found)}", f"подтверждено: {len(found)}"))


@db_app.command("check")
def check(data_dir: DataDir = None) -> None:
    """Read the whole database, follow its references, and count again what it keeps totals of."""
    with _reported(), busy(say("Checking", "Проверка")):
        address = _address(data_dir)
        findings = _damage(address)
        wrong = {} if findings else asyncio.run(_wrong_totals(address))
    for finding in findings:
        complain(plain(finding))
    if wrong:
        table(
            (say("total", "итог"), say("kept", "хранится"), say("counted", "насчитано")),
            ((name, kept, counted) for name, (kept, counted) in wrong.items()),
            title=say("Totals that disagree with the receipts", "Итоги, не совпадающие с чеками"),
        )
    if findings or wrong:
        raise typer.Exit(FAILED)
    line(say("The database is sound.", "База данных исправна."))


def _address(data_dir: Path | None) -> str:
    from kkt_adapter.settings import load_settings

    return load_settings(overrides={"data_dir": data_dir}).database


def _sqlite(data_dir: Path | None) -> tuple[Path, Path]:
    """The data directory and the database file.

    Raises:
        StorageError: the database is PostgreSQL.
    """
    from kkt_adapter.runtime.db.urls import sqlite_path
    from kkt_adapter.settings import load_settings

    settings = load_settings(overrides={"data_dir": data_dir})
    path = sqlite_path(settings.database)
    if path is None:
        raise StorageError(
            "The database is PostgreSQL: use pg_dump and pg_restore.",
            "База данных — PostgreSQL: используйте pg_dump и pg_restore.",
        )
    return settings.data_dir, path


def _back_up_to(file: Path, database: Path) -> Path:
    """Under this very name; made beside it first, so that a half copy never bears the name."""
    from kkt_adapter.runtime.db.backup import back_up

    if file.exists():
        raise StorageError(f"{file} exists already.", f"{file} уже существует.")
    if not file.parent.is_dir():
        raise StorageError(f"There is no directory {file.parent}.", f"Нет каталога {file.parent}.")
    try:
        with tempfile.TemporaryDirectory(prefix=".kkt-backup-", dir=file.parent) as draft:
            made = back_up(database, Path(draft), now=SystemClock().now())
            return made.rename(file)
    except OSError as error:
        raise StorageError(
            f"{file} cannot be written: {error.strerror}.", f"Не удаётся записать {file}: {error.strerror}."
        ) from error


def _damage(address: str) -> tuple[str, ...]:
    from kkt_adapter.runtime.db.backup import check as read_whole
    from kkt_adapter.runtime.db.urls import sqlite_path

    path = sqlite_path(address)
    if path is None:
        return ()  # PostgreSQL guards its own files
    report: CheckReport = read_whole(path)
    return report.damage + report.broken_references


async def _wrong_totals(address: str) -> dict[str, tuple[int, int]]:
    """Raises StorageError when the database has no schema of ours yet."""
    from sqlalchemy.exc import SQLAlchemyError

    from kkt_adapter.fiscal.store.counters import verify
    from kkt_adapter.runtime.db.open import open_database

    database: Database = open_database(address)
    try:
        return await database.read(verify)
    except SQLAlchemyError as error:
        reason = plain(error).partition("[SQL")[0].strip()
        raise StorageError(
            f"The database has no tables of this version yet: start the service once ({reason}).",
            f"В базе данных ещё нет таблиц этой версии: запустите службу один раз ({reason}).",
        ) from error
    finally:
        await database.close()


@contextmanager
def _reported() -> Iterator[None]:
    """An error of ours is one line and exit code 1."""
    try:
        yield
    except AdapterError as error:
        complain(said(error.detail))
        raise typer.Exit(FAILED) from error
