"""``kkt-adapter catalog``: the product catalogue, straight in the database, service running or not.

A run started here is worked on here, or by a running service if that one has the lease; either way the bar
shows it. Breaking off leaves the run interrupted with everything stored, and the service goes on with it.
Where the vendor's credentials are the service's alone (in its environment, or its demo mode), the service is
asked for the run, and breaking off only ends the watching.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kkt_adapter.cli.database.opening import FAILED, DataDir, run_on_database
from kkt_adapter.cli.screen import facts, line, moment, plain, table
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.catalog.parts import CatalogParts
    from kkt_adapter.catalog.runs import PageResult, RunRecord
    from kkt_adapter.runtime.db.protocol import Database

T = TypeVar("T")

LOOK_S = 0.5  # between looks whether a service has begun the run it was asked for
TAKEN_WITHIN_S = 15.0  # services look for work every two seconds

catalog_app = typer.Typer(name="catalog", help="The product catalogue.", no_args_is_help=True)


@catalog_app.command("sync")
def sync(
    full: Annotated[bool, typer.Option("--full", help="Start afresh instead of resuming.")] = False,
    force_sweep: Annotated[
        bool, typer.Option("--force-sweep", help="Lift the limit on how many products may vanish.")
    ] = False,
    page: Annotated[
        int | None, typer.Option("--page", min=1, max=100_000, help="Read this one page only.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Read the vendor's catalogue now and show how it goes."""
    if page is not None:
        _show_page(_with_parts(data_dir, lambda parts, _: parts.sync.sync_page(page, by=_who())))
        return
    run = _with_parts(
        data_dir,
        lambda parts, others: _sync(parts, others=others, full=full, force_sweep=force_sweep),
    )
    _show_run(run)
    if run.status.value != "succeeded":
        raise typer.Exit(FAILED)


@catalog_app.command("runs")
def runs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20, data_dir: DataDir = None
) -> None:
    """The newest runs, slots that were missed or skipped included."""
    listing = _with_parts(data_dir, lambda parts, _: parts.sync.runs(limit=limit))
    table(
        (
            say("started", "начат"),
            say("trigger", "причина"),
            say("status", "состояние"),
            say("reason", "почему"),
            say("products", "товаров"),
            say("new", "новых"),
            say("changed", "изменено"),
            say("vanished", "исчезло"),
            say("seconds", "секунд"),
            say("run", "запуск"),
        ),
        (
            (
                moment((run.started_at or run.created_at).isoformat()),
                run.trigger.value,
                run.status.value,
                run.reason,
                run.products_synced,
                run.new,
                run.updated,
                run.vanished,
                f"{run.duration_seconds:.1f}",
                run.run_id,
            )
            for run in listing.runs
        ),
    )


@catalog_app.command("status")
def status(data_dir: DataDir = None) -> None:
    """When the next run is, how the last one went, and what the catalogue holds."""

    async def look(parts: "CatalogParts", _: bool) -> None:
        from kkt_adapter.catalog.reads.catalogue import ProductQuery, StatusFilter

        schedule, state = await parts.schedule.status(), await parts.reads.state()
        active = await parts.reads.search(ProductQuery(limit=1, include_total=True))
        gone = await parts.reads.search(
            ProductQuery(limit=1, include_total=True, status=StatusFilter.VANISHED)
        )
        (coming,) = await parts.schedule.next_fires(1)
        last = schedule.last_run
        facts(
            (
                (say("daily run", "ежедневно"), f"{schedule.schedule.text()} UTC"),
                (say("set by", "задано"), schedule.schedule.changed_by),
                (say("next run", "следующий запуск"), moment(coming.isoformat())),
                (say("a run is going on", "идёт загрузка"), _yes(schedule.sync_running)),
                (say("last run", "последний запуск"), last and last.status.value),
                (
                    say("ended", "завершён"),
                    last and last.finished_at and moment(last.finished_at.isoformat()),
                ),
                (say("products", "товаров"), active.total),
                (say("vanished", "исчезло"), gone.total),
                (say("revision", "ревизия"), state.revision),
                (say("read last", "прочитан"), state.synced_at and moment(state.synced_at.isoformat())),
            )
        )

    _with_parts(data_dir, look)


async def _sync(parts: "CatalogParts", *, others: bool, full: bool, force_sweep: bool) -> "RunRecord":
    """Start a run and follow it to its end; ``others``: a service works on the same data directory."""
    if parts.worker is None and others:
        asked = await parts.sync.ask(by=_who(), full=full, force_sweep=force_sweep)
        await _taken(parts, asked)
        return await _follow(parts, asked)
    started = await parts.sync.start(by=_who(), full=full, force_sweep=force_sweep)
    assert parts.worker is not None  # without a source the start above is refused
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(parts.worker.run(stop))
        try:
            return await _follow(parts, started)
        finally:
            stop.set()  # also when broken off: the worker then leaves the run interrupted


async def _taken(parts: "CatalogParts", asked: "RunRecord") -> None:
    """Wait until a service has begun the run.

    Raises:
        SourceNotConfigured: none has; the run is cancelled again.
    """
    from kkt_adapter.catalog.runs import RunStatus
    from kkt_adapter.kernel.errors import NotRunning

    waiting = (RunStatus.QUEUED, RunStatus.INTERRUPTED)
    for _ in range(int(TAKEN_WITHIN_S / LOOK_S)):
        if (await parts.sync.run(asked.run_id)).status not in waiting:
            return
        await asyncio.sleep(LOOK_S)
    if asked.status is RunStatus.QUEUED:
        with suppress(NotRunning):  # begun in the last moment
            await parts.sync.cancel(asked.run_id, by=_who())
    if (await parts.sync.run(asked.run_id)).status not in (RunStatus.RUNNING, RunStatus.SUCCEEDED):
        raise parts.sync.not_configured()


async def _follow(parts: "CatalogParts", started: "RunRecord") -> "RunRecord":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    run = started
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %  {task.fields[detail]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        shown = bar.add_task(say("Catalogue", "Каталог"), total=100.0, detail="")
        async for run in parts.sync.progress(started.run_id):
            detail = f"{run.pages_processed}/{run.pages_total} {run.phase or run.status}"
            bar.update(shown, completed=run.percent, detail=detail)
    return run


def _with_parts(data_dir: Path | None, work: "Callable[[CatalogParts, bool], Awaitable[T]]") -> T:
    """``work`` also gets told whether another process is alive on the same data directory."""
    from kkt_adapter.catalog.parts import build_catalog
    from kkt_adapter.kernel.clock import SystemClock
    from kkt_adapter.kernel.ids import random_id
    from kkt_adapter.runtime.file_lock import ProcessLocks
    from kkt_adapter.runtime.leases.database import DatabaseLeases
    from kkt_adapter.settings import load_settings

    async def on_database(db: "Database") -> T:
        settings = load_settings(overrides={"data_dir": data_dir})
        clock, owner, locks = SystemClock(), random_id(), ProcessLocks(settings.data_dir)
        alive = locks.hold(owner)
        others = await asyncio.to_thread(locks.others_alive, owner)
        parts = build_catalog(
            db,
            settings.catalog,
            clock=clock,
            data_dir=settings.data_dir,
            node=f"cli-{owner[:8]}",
            leases=DatabaseLeases(db, owner=owner, clock=clock, holder_ended=locks.ended),
            beside_service=others,
            believed=lambda: False,  # nobody to ask here: forgetting is left to the service
        )
        try:
            return await work(parts, others)
        finally:
            await parts.service.close_source()
            alive.release()

    return run_on_database(data_dir, on_database)


def _show_run(run: "RunRecord") -> None:
    facts(
        (
            (say("run", "запуск"), run.run_id),
            (say("status", "состояние"), run.status.value),
            (say("reason", "почему"), run.reason),
            (say("error", "ошибка"), run.error),
            (say("products", "товаров"), run.products_synced),
            (say("new", "новых"), run.new),
            (say("changed", "изменено"), run.updated),
            (say("unchanged", "без изменений"), run.unchanged),
            (say("vanished", "исчезло"), run.vanished),
            (say("held back", "удержано"), run.held or None),
            (say("skipped entries", "пропущено записей"), run.skipped_items or None),
            (say("pages", "страниц"), f"{run.pages_processed}/{run.pages_total}"),
            (say("seconds", "секунд"), f"{run.duration_seconds:.2f}"),
        )
    )


def _show_page(result: "PageResult") -> None:
    line(
        plain(
            say(
                f"page {result.page} of {result.last_page}: {result.products_saved} saved, {result.new} new, "
                f"{result.updated} changed, {result.errors} errors",
                f"страница {result.page} из {result.last_page}: сохранено {result.products_saved}, новых "
                f"{result.new}, изменено {result.updated}, ошибок {result.errors}",
            )
        )
    )


def _yes(value: bool) -> str:
    return say("yes", "да") if value else say("no", "нет")


def _who() -> str:
    """Whom the run record names."""
    with suppress(OSError, KeyError):  # a user id without a name
        return f"cli:{getuser()}"
    return "cli"
