"""What ``doctor`` looks at. Nothing here changes anything, and the service may be running meanwhile.

Each check answers with findings, bad ones with cause and remedy; none raises.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from kkt_adapter.cli.checks.device_checkup import look_at_device
from kkt_adapter.cli.checks.findings import CheckFinding, bad, good, warn
from kkt_adapter.fiscal.housekeeping.daily import BACKUP, last_done
from kkt_adapter.fiscal.kkt.virtual import fn_path
from kkt_adapter.fiscal.store import clock_rows
from kkt_adapter.fiscal.store.tables import counters, receipts
from kkt_adapter.kernel.errors import AdapterError, StorageError, Text
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.runtime.db.backup import check as read_whole
from kkt_adapter.runtime.db.migrate import refuse_newer
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.runtime.leases.rows import leases
from kkt_adapter.settings import RegisterSettings, Settings

BUILT_IN = datetime(2025, 1, 1, tzinfo=UTC)  # a clock before this has never been set
AHEAD = timedelta(minutes=2)  # what rows and FNs may be ahead of the clock
ROOM_MB = 1_000  # under this a disk is worth a word, low mark or not
DATABASE_S = 10.0  # to answer
FN_DAYS, UNSENT_DAYS = 30, 20  # alerts.md: warn
COPY_AGE = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the database says, for several checks."""

    written_at: datetime  # the newest HLC stamp
    unprinted: int
    unknown: int
    print_failed: int
    undelivered: int
    dead_letters: int
    holders: dict[str, str]  # register -> host and pid of the process that drives it
    copied_at: datetime | None
    believed_at: datetime | None = None  # when the service last believed the clock


def check_disk(settings: Settings) -> list[CheckFinding]:
    """Is there room, and may we write?"""
    folder = settings.data_dir
    existing = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path("/"))
    if not existing.is_dir():
        return [
            bad(
                "disk",
                Text(f"{existing} is not a directory", f"{existing}: не каталог"),
                Text(
                    "name another data_dir, or move that file",
                    "укажите другой data_dir или уберите этот файл",
                ),
            )
        ]
    if not os.access(existing, os.W_OK):
        return [
            bad(
                "disk",
                Text(f"{existing} cannot be written", f"{existing}: нет права записи"),
                Text(
                    "let the service's user write there, or name another data_dir",
                    "дайте пользователю службы право записи или укажите другой data_dir",
                ),
            )
        ]
    free_mb = shutil.disk_usage(existing).free // 1_000_000
    found = Text(f"{free_mb} MB free at {folder}", f"свободно {free_mb} МБ в {folder}")
    remedy = Text("free some space, or move data_dir", "освободите место или перенесите data_dir")
    if settings.disk_low_mb and free_mb < settings.disk_low_mb:
        return [bad("disk", found, remedy)]
    if free_mb < ROOM_MB:
        return [warn("disk", found, remedy)]
    return [good("disk", found.en, found.ru)]


def check_clock(now: datetime, rows: Rows | None) -> list[CheckFinding]:
    """Is the wall clock set, and not behind what was written already?"""
    shown = now.astimezone().isoformat(timespec="seconds")
    set_it = Text(
        "set the clock and keep it by NTP: timedatectl set-ntp true",
        "установите время и включите NTP: timedatectl set-ntp true",
    )
    if now < BUILT_IN:
        return [bad("clock", Text(f"it shows {shown}", f"показывает {shown}"), set_it)]
    if rows is not None and rows.written_at > now + AHEAD and not _was_set_right(rows, now):
        late = rows.written_at.astimezone().isoformat(timespec="seconds")
        found = Text(
            f"it shows {shown}, but rows were written at {late}: it was set back",
            f"показывает {shown}, но есть записи от {late}: часы переведены назад",
        )
        return [warn("clock", found, set_it)]
    return [good("clock", f"it shows {shown}", f"показывает {shown}")]


def _was_set_right(rows: Rows, now: datetime) -> bool:
    """Are the stamps from a time when the clock was ahead, and has the service believed it since?"""
    believed = rows.believed_at
    return believed is not None and believed <= now + AHEAD and believed < rows.written_at - AHEAD


def check_database(settings: Settings) -> tuple[list[CheckFinding], Rows | None]:
    """Can it be read whole, and what waits in it?"""
    path = sqlite_path(settings.database)
    if path is not None:
        if not path.exists():
            return [good("database", f"{path}: made at the start", f"{path}: появится при старте")], None
        try:
            report = read_whole(path)
        except AdapterError as error:
            return [bad("database", error.detail, _restore())], None
        if not report.ok:
            what = "; ".join((*report.damage, *report.broken_references)[:3])
            return [bad("database", Text(f"{path}: {what}", f"{path}: {what}"), _restore())], None
    try:
        rows = asyncio.run(_read_rows(settings))
    except _TooNew as error:
        remedy = Text(
            "install the newer version of the program again", "верните более новую версию программы"
        )
        return [bad("database", error.cause.detail, remedy)], None
    except AdapterError as error:
        remedy = Text("look at DATABASE_URL, and at the server", "проверьте DATABASE_URL и сам сервер")
        return [bad("database", error.detail, remedy)], None
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        remedy = Text("start the service once: it makes its tables", "запустите службу: она создаст таблицы")
        return [warn("database", Text(reason, reason), remedy)], None
    name = path if path is not None else "PostgreSQL"
    return [good("database", f"{name}, sound", f"{name}, исправна"), *_waiting(rows)], rows


class _TooNew(Exception):
    """The database was opened by a newer program."""

    def __init__(self, cause: AdapterError) -> None:
        super().__init__(cause.detail.en)
        self.cause = cause


async def _read_rows(settings: Settings) -> Rows:
    database = open_database(settings.database)
    try:
        async with asyncio.timeout(DATABASE_S):
            return await database.read(_rows)
    finally:
        await database.close()


def _rows(conn: Connection) -> Rows:
    try:
        refuse_newer(conn)
    except StorageError as error:
        raise _TooNew(error) from error
    totals = conn.execute(select(counters)).one()
    unknown = select(func.count()).where(receipts.c.print_state == "print_unknown")
    held = conn.execute(select(leases).where(leases.c.owner != "", leases.c.name.like("lane:%")))
    return Rows(
        written_at=datetime.fromtimestamp(totals.hlc_local_time, UTC),
        unprinted=totals.unprinted,
        unknown=int(conn.execute(unknown).scalar_one()),
        print_failed=totals.print_failed,
        undelivered=totals.pending + totals.syncing,
        dead_letters=totals.dlq_open,
        holders={row.name.removeprefix("lane:"): f"{row.host}, pid {row.pid}" for row in held},
        copied_at=last_done(conn, BACKUP),
        believed_at=clock_rows.load(conn).believed_at,
    )


def _waiting(rows: Rows) -> list[CheckFinding]:
    """What a person should know of, and what to do about it."""
    found = []
    if rows.unknown:
        found.append(
            bad(
                "receipts",
                Text(f"unknown outcome: {rows.unknown}", f"исход неизвестен: {rows.unknown}"),
                Text(
                    "kkt-adapter receipts list --print-state print_unknown, then receipts resolve",
                    "kkt-adapter receipts list --print-state print_unknown, затем receipts resolve",
                ),
            )
        )
    if rows.print_failed:
        found.append(
            warn(
                "receipts",
                Text(f"refused by their register: {rows.print_failed}", f"ККТ отказала: {rows.print_failed}"),
                Text(
                    "kkt-adapter receipts list --print-state print_failed, then receipts reprint",
                    "kkt-adapter receipts list --print-state print_failed, затем receipts reprint",
                ),
            )
        )
    if rows.dead_letters:
        found.append(
            warn(
                "receipts",
                Text(f"dead letters: {rows.dead_letters}", f"недоставленных: {rows.dead_letters}"),
                Text("kkt-adapter dead-letters list", "kkt-adapter dead-letters list"),
            )
        )
    return found


def check_copies(settings: Settings, now: datetime, rows: Rows | None) -> list[CheckFinding]:
    """Was the database copied lately?"""
    if sqlite_path(settings.database) is None:
        text = Text("PostgreSQL is copied by its own tools", "PostgreSQL копируется своими средствами")
        return [good("backup", text.en, text.ru)]
    remedy = Text(
        "kkt-adapter db backup; the service makes one a day unless backup_keep = 0 or the disk is full",
        "kkt-adapter db backup; служба делает копию раз в день, если не backup_keep = 0 и есть место",
    )
    if rows is None:
        return []
    if rows.copied_at is None or now - rows.copied_at > COPY_AGE:
        when = "never" if rows.copied_at is None else rows.copied_at.isoformat(timespec="minutes")
        return [warn("backup", Text(f"last copy: {when}", f"последняя копия: {when}"), remedy)]
    when = rows.copied_at.astimezone().isoformat(timespec="minutes")
    return [good("backup", f"last copy {when}", f"последняя копия {when}")]


def check_register(
    settings: Settings, register: RegisterSettings, now: datetime, rows: Rows | None
) -> list[CheckFinding]:
    """A virtual register's FN, read from its file. A device is asked itself, unless a running service has it:
    it takes one connection at a time."""
    subject = f"register {register.id}"
    holder = None if rows is None else rows.holders.get(register.id)
    driven = Text("", "") if holder is None else Text(f", driven by {holder}", f", ведёт {holder}")
    kind: str = register.driver
    if kind != "virtual":
        if holder is None:
            return look_at_device(register, now)
        found = Text(f"{kind}{driven.en}", f"{kind}{driven.ru}")
        return [good(subject, f"{found.en}: see kkt-adapter status", f"{found.ru}: см. kkt-adapter status")]
    path = fn_path(settings.fn_dir, RegisterId(register.id))
    if not path.exists():
        return [good(subject, "virtual; its FN begins at the start", "виртуальная; ФН появится при старте")]
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as raw:
            last, confirmed, unsent_at = raw.execute(
                "SELECT fd_number, confirmed, first_unsent_at FROM state"
            ).fetchone()
            (valid_until,) = raw.execute("SELECT valid_until FROM fn").fetchone()
    except (sqlite3.Error, TypeError, ValueError) as error:
        remedy = Text(
            "an FN cannot be made again: restore the file, or begin a new FN as the service's message says",
            "ФН нельзя создать заново: восстановите файл или начните новый ФН, как говорит служба",
        )
        return [bad(subject, Text(f"{path}: {error}", f"{path}: {error}"), remedy)]
    findings = []
    days = (date.fromisoformat(valid_until) - now.date()).days
    if days <= FN_DAYS:
        remedy = Text("plan its replacement", "запланируйте замену ФН")
        findings.append(
            warn(subject, Text(f"FN valid for {days} days", f"ФН действует ещё {days} дн."), remedy)
        )
    waits = last - confirmed
    since = None if unsent_at is None else datetime.fromtimestamp(unsent_at, UTC)
    if waits and since is not None and (now - since).days >= UNSENT_DAYS:
        remedy = Text(
            "restore the connection to the operator: the FN blocks after 30 days",
            "восстановите связь с ОФД: через 30 дней ФН заблокируется",
        )
        text = Text(
            f"{waits} documents undelivered since {since:%Y-%m-%d}",
            f"не передано {waits} с {since:%Y-%m-%d}",
        )
        findings.append(warn(subject, text, remedy))
    text = Text(
        f"virtual FN, document {last}, {waits} undelivered{driven.en}",
        f"виртуальный ФН, документ {last}, не передано {waits}{driven.ru}",
    )
    return [good(subject, text.en, text.ru), *findings]


def _restore() -> Text:
    return Text(
        "stop the service, keep a copy of the file, then kkt-adapter db restore with the newest backup",
        "остановите службу, сохраните файл и выполните kkt-adapter db restore с последней копией",
    )
