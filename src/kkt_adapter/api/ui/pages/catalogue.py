"""The catalogue: products with search and facets, one product with its history, runs and their schedule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.schemas.shown.products import product_answer
from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.catalog.reads.catalogue import HistoryEntry, HistoryField, RunChange
from kkt_adapter.catalog.reads.query import ProductQuery, Sort, StatusFilter
from kkt_adapter.catalog.schedule.times import DailyTime
from kkt_adapter.kernel.errors import InvalidInput
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.roles import Role

SHOWN = 50  # products on a page
FACETS = 12  # values of a facet that are offered
RUNS = 20
CHANGES = 200  # of one run that are listed
HISTORY = 500  # changes of one product that are drawn and listed
NEXT_FIRES = 3
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


async def products(visit: Visit) -> Response:
    asked = _query(visit)
    found = await visit.services.catalog.reads.search(asked)
    listing = await visit.services.catalog.sync.runs(limit=1)
    return visit.page(
        "catalogue.html",
        found=found,
        shown=[product_answer(one) for one in found.items],
        facets=await visit.services.catalog.reads.facets(),
        asked=asked,
        run=next(iter(listing.runs), None),
        most_facets=FACETS,
        sorts=list(Sort),
        statuses=list(StatusFilter),
        filter=_kept(visit),
    )


async def product(visit: Visit) -> Response:
    product_id = visit.request.path_params["product_id"]
    reads = visit.services.catalog.reads
    found = await reads.product(product_id)
    history = (await reads.history(product_id, limit=HISTORY)).entries
    return visit.page(
        "product.html",
        product=product_answer(found),
        history=history,
        prices=_series(history, HistoryField.PRICE, "min_price", visit.zone),
        stock=_series(history, HistoryField.STOCK, "qty", visit.zone),
    )


async def runs(visit: Visit) -> Response:
    catalog = visit.services.catalog
    status = await catalog.schedule.status()
    return visit.page(
        "runs.html",
        runs=(await catalog.sync.runs(limit=RUNS)).runs,
        status=status,
        at=_local(visit, status.schedule),
        fires=await catalog.schedule.next_fires(NEXT_FIRES) if status.scheduler_running else (),
        may_run=visit.may(Role.MANAGER),
        may_move=visit.may(Role.ADMIN),
        new_key=random_id,
    )


async def run(visit: Visit) -> Response:
    run_id = visit.request.path_params["run_id"]
    sync = visit.services.catalog.sync
    found = await sync.run(run_id)
    changes: Sequence[RunChange] = ()
    if found.started_at is not None:
        until = found.finished_at or visit.now
        changes = await visit.services.catalog.reads.changes_of_run(
            run_id, since=found.created_at, until=until, limit=CHANGES
        )
    return visit.page(
        "run.html",
        run=found,
        errors=await sync.errors(run_id),
        changes=changes,
        most_changes=CHANGES,
        may_run=visit.may(Role.MANAGER),
    )


async def start(visit: Visit) -> Response:
    key = visit.form.get("key", "")
    begun = await visit.services.catalog.sync.start(
        by=visit.name, full="full" in visit.form, key=f"ui-{key[:64]}" if key else None
    )
    return visit.done(f"/catalogue/runs/{begun.run_id}", "said.run.started")


async def cancel(visit: Visit) -> Response:
    run_id = visit.request.path_params["run_id"]
    await visit.services.catalog.sync.cancel(run_id, by=visit.name)
    return visit.done(f"/catalogue/runs/{run_id}", "said.run.cancelled")


async def move(visit: Visit) -> Response:
    """Another time of day, by the clock of the pages."""
    time = _TIME.fullmatch(visit.form.get("time", "").strip())
    if time is None:
        raise InvalidInput("A time of day, as 04:30.", "Время вида 04:30.", field="time")
    local = visit.now.astimezone(visit.zone).replace(hour=int(time[1]), minute=int(time[2]))
    wanted = local.astimezone(UTC)
    await visit.services.catalog.schedule.put(wanted.hour, wanted.minute, by=visit.name)
    return visit.done("/catalogue/runs", "said.schedule.moved")


async def reset(visit: Visit) -> Response:
    await visit.services.catalog.schedule.delete(by=visit.name)
    return visit.done("/catalogue/runs", "said.schedule.moved")


def _local(visit: Visit, daily: DailyTime) -> str:
    """The daily time as the clock of the pages shows it now."""
    at = visit.now.astimezone(UTC).replace(hour=daily.hour, minute=daily.minute)
    return f"{at.astimezone(visit.zone):%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A chart: names of the points, oldest first, and their values."""

    names: Sequence[str]
    values: Sequence[float]


def _series(history: Sequence[HistoryEntry], field: HistoryField, column: str, zone: tzinfo) -> Series | None:
    """What a column was over time; None while it never changed. Drawing is no reckoning: floats will do."""
    steps = [entry for entry in reversed(history) if entry.field in (field, column) and entry.field == column]
    points = [
        (entry.at.astimezone(zone).strftime("%d.%m.%y"), entry.new)
        for entry in steps
        if entry.new is not None
    ]
    if steps and steps[0].old is not None:
        points.insert(0, ("…", steps[0].old))
    if len(points) < 2:
        return None
    return Series(names=[name for name, _ in points], values=[float(value) for _, value in points])


def _query(visit: Visit) -> ProductQuery:
    def one(name: str) -> tuple[str, ...]:
        value = visit.query.get(name, "").strip()
        return (value,) if value else ()

    asked = visit.query
    return ProductQuery(
        q=asked.get("q", "").strip(),
        platform=one("platform"),
        region=one("region"),
        category=one("category"),
        in_stock=True if asked.get("in_stock") else None,
        status=_member(StatusFilter, asked.get("status"), StatusFilter.ACTIVE),
        sort=_member(Sort, asked.get("sort"), Sort.NAME),
        limit=SHOWN,
        cursor=asked.get("cursor") or None,
        include_total=True,
    )


def _member(kind: Any, said: str | None, otherwise: Any) -> Any:
    return kind(said) if said in set(kind) else otherwise


def _kept(visit: Visit) -> dict[str, str]:
    names = ("q", "platform", "region", "category", "in_stock", "status", "sort")
    return {name: visit.query.get(name, "") for name in names}


_READ = NEEDS[Action.CATALOGUE_READ].role
ROUTES = (
    page("/catalogue", products, need=_READ, nav="catalogue"),
    page("/catalogue/products/{product_id}", product, need=_READ),
    page("/catalogue/runs", runs),
    page("/catalogue/runs/{run_id}", run),
    action("/catalogue/start", start, need=Role.MANAGER),
    action("/catalogue/runs/{run_id}/cancel", cancel, need=Role.MANAGER),
    action("/catalogue/schedule", move, need=Role.ADMIN),
    action("/catalogue/schedule/reset", reset, need=Role.ADMIN),
)
