"""What ``doctor`` says of the database's identity, of lost receipts, and of the clock; changes nothing."""

import asyncio

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from kkt_adapter.bootstrap.identity import examine
from kkt_adapter.cli.checks.findings import CheckFinding, bad, good, warn
from kkt_adapter.fiscal.store import clock_rows, losses
from kkt_adapter.fiscal.store.clock_rows import ClockState
from kkt_adapter.fiscal.store.losses import Loss, LossKind
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.identity import Identity, IdentityStart, StartRefused, load_memory, refusal
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.settings import Settings

DATABASE_S = 10.0
Guards = tuple[Identity | None, tuple[Loss, ...], ClockState]

_TWO = Text(
    "mount the disk or correct the path; else kkt-adapter db restore FILE, or kkt-adapter db begin",
    "подключите диск или исправьте путь; иначе kkt-adapter db restore FILE или kkt-adapter db begin",
)
_NEXT = {
    IdentityStart.NEW: Text("none yet: made at the start", "ещё нет: появится при старте"),
    IdentityStart.ADOPTED: Text("none yet: written by the next start", "ещё нет: запишет следующий запуск"),
    IdentityStart.BEGUN: Text("the next start begins a new shop", "следующий запуск начнёт новый магазин"),
    IdentityStart.RESTORED: Text(
        "a copy was put back: the next start takes it over", "копия возвращена: её примет следующий запуск"
    ),
}


def check_identity(settings: Settings) -> list[CheckFinding]:
    """Would a start go on with the database that is there, and what does it say of losses and the clock?"""
    try:
        start = asyncio.run(examine(settings))
    except AdapterError:
        return []  # the check of the database says it
    if isinstance(start, StartRefused):
        said = refusal(settings.database.split("@")[-1], start)
        return [bad("identity", said.detail, _TWO)]
    if start in _NEXT:
        return [good("identity", _NEXT[start].en, _NEXT[start].ru)]
    try:
        known, lost, clock = asyncio.run(_read(settings))
    except (AdapterError, SQLAlchemyError, TimeoutError):
        return []
    found = [] if known is None else [_identity(known, start, settings)]
    return [*found, *(_loss(loss) for loss in lost), *_clock(clock)]


async def _read(settings: Settings) -> Guards:
    database = open_database(settings.database)
    now = SystemClock().now()

    def read(conn: Connection) -> Guards:
        return identity.read(conn), losses.open_losses(conn, now=now), clock_rows.load(conn)

    try:
        async with asyncio.timeout(DATABASE_S):
            return await database.read(read)
    finally:
        await database.close()


def _identity(known: Identity, start: IdentityStart, settings: Settings) -> CheckFinding:
    at = f"{known.uuid}, {known.epoch}, {known.changes}"
    if start is IdentityStart.WENT_BACK:
        before = load_memory(settings.data_dir).known
        was = "-" if before is None else f"{before.epoch}, {before.changes}"
        return bad(
            "identity",
            Text(
                f"an earlier state of itself: {at}; it was {was}", f"прежнее состояние базы: {at}; было {was}"
            ),
            Text(
                "if a newer database exists, put it back; else start: RECEIPTS_LOST says what to compare",
                "если есть более новая база, верните её; иначе запустите: RECEIPTS_LOST скажет, что сверить",
            ),
        )
    return good("identity", f"{at} (database, epoch, changes)", f"{at} (база, эпоха, изменений)")


def _loss(loss: Loss) -> CheckFinding:
    numbers = f"{loss.fn_number} {loss.first}..{loss.last}".strip()
    if loss.kind is LossKind.OTHERS:
        return warn(
            "receipts",
            Text(
                f"printed by others: {loss.count} ({numbers})", f"оформлено другими: {loss.count} ({numbers})"
            ),
            Text("find who prints on this register", "выясните, кто печатает на этой ККТ"),
        )
    return bad(
        "receipts",
        Text(f"lost by the database: {loss.count} ({numbers})", f"потеряно базой: {loss.count} ({numbers})"),
        Text(
            "compare them with the sales, then kkt-adapter db confirm-loss",
            "сверьте с продажами, затем kkt-adapter db confirm-loss",
        ),
    )


def _clock(state: ClockState) -> list[CheckFinding]:
    if not state.behind:
        return []
    return [
        warn(
            "clock",
            Text("it was found behind and is not known to be right", "отставали и ещё не подтверждены"),
            Text("set it, or kkt-adapter clock confirm", "установите время или kkt-adapter clock confirm"),
        )
    ]
