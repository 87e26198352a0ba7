"""Answers of the catalogue: products, their changes, and the runs that read them."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.units import Count, Euros, Moment, NextCursor, Seconds

RunStatusName = Literal[
    "queued", "running", "succeeded", "partial", "failed", "cancelled", "interrupted", "abandoned", "missed",
    "skipped",
]  # fmt: skip
TriggerName = Literal["daily", "manual", "page"]
Revision = Annotated[int, Field(ge=0, description="Rises with every change of the catalogue.")]


class PriceLimit(TypedDict):
    min: Euros | None
    max: Euros | None


class ProductCore(TypedDict):
    """A product as the source described it last; prices in euros."""

    id: str
    name: str
    slug: str | None
    type: str | None
    platform: str | None
    region: str | None
    developer: str | None
    publisher: str | None
    release_date: Annotated[str | None, Field(description="A day, as the source gives it.")]
    currency: Literal["EUR"]
    min_price: Euros | None
    retail_min_price: Euros | None
    retail_min_base_price: Euros | None
    price_limit: PriceLimit
    qty: Annotated[int, Field(ge=0, description="In stock.")]
    available_to_buy: bool | None
    sellable: Annotated[bool, Field(description="Active, available and in stock.")]
    images: list[Any]
    thumbnail: str | None
    small_image: str | None
    cover_image: str | None
    videos: list[dict[str, str | None]]
    categories: list[dict[str, str | None]]
    restrictions: dict[str, bool]
    requirements: dict[str, dict[str, str | None]]
    source_updated_at: Annotated[str | None, Field(description="As the source gives it.")]
    first_seen_at: Moment
    changed_at: Moment
    status: Annotated[
        Literal["active", "vanished"], Field(description="vanished: the source has it no more.")
    ]


class ProductShown(ProductCore):
    last_seen_at: Moment
    vanished_at: Moment | None


class ProductPage(TypedDict):
    items: list[ProductShown]
    next_cursor: NextCursor
    catalogue_revision: Revision
    synced_at: Annotated[Moment | None, Field(description="End of the last complete run.")]
    total: NotRequired[Annotated[int, Field(ge=0, description="Only with include_total.")]]


class HistoryEntryShown(TypedDict):
    id: str
    field: str
    old: Annotated[str | int | bool | None, Field(description="Euros as text, or a number in stock.")]
    new: Annotated[str | int | bool | None, Field(description="Euros as text, or a number in stock.")]
    at: Moment
    run_id: str | None


class ProductHistory(TypedDict):
    items: list[HistoryEntryShown]
    next_cursor: NextCursor


class FacetCount(TypedDict):
    value: str | None
    count: Count


class ProductFacets(TypedDict):
    platform: list[FacetCount]
    region: list[FacetCount]
    category: list[FacetCount]
    catalogue_revision: Revision


class ProductChange(TypedDict):
    """``product`` as it is now; null: it vanished."""

    revision: Revision
    kind: Annotated[str, Field(description="What happened, for example changed or vanished.")]
    id: str
    product: ProductCore | None


class ProductChanges(TypedDict):
    changes: list[ProductChange]
    next_revision: Revision
    more: bool


class RunShown(TypedDict):
    """One run. ``duration_seconds`` is working time; the last five members only while it is in progress."""

    run_id: str
    job_id: str
    trigger: TriggerName
    triggered_by: str
    node: str | None
    slot: Moment | None
    generation: Count
    status: RunStatusName
    reason: str | None
    error: str | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    duration_seconds: Seconds
    resumed_from: str | None
    blocked_by: str | None
    pages_total: Count
    pages_processed: Count
    products_total: Count
    products_synced: Count
    new: Count
    updated: Count
    unchanged: Count
    vanished: Count
    reappeared: Count
    held: Count
    skipped_items: Count
    errors: Count
    retries: Count
    throttled: Count
    bytes: Annotated[int, Field(ge=0, description="Bytes read from the source.")]
    requests: Count
    percent: NotRequired[Annotated[float, Field(description="Percent of the pages.")]]
    pages_per_second: NotRequired[Annotated[float | None, Field(description="Pages a second so far.")]]
    eta_seconds: NotRequired[Seconds | None]
    phase: NotRequired[Literal["reading", "verifying", "sweeping"] | None]
    cancel_requested: NotRequired[bool]


class RunPage(TypedDict):
    items: list[RunShown]
    next_cursor: NextCursor


class RunErrorShown(TypedDict):
    kind: Annotated[str, Field(description="page: given up; item: one entry skipped.")]
    page: int | None
    product_id: str | None
    reason: str
    at: Moment


class RunErrors(TypedDict):
    run_id: str
    items: list[RunErrorShown]
    total: Count


class RunStarted(TypedDict):
    job_id: str
    run_id: str
    status: Literal["scheduled"]
    message: str
    triggered_by: str


class RunCancelled(TypedDict):
    run_id: str
    status: RunStatusName
    message: str


class PageRead(TypedDict):
    """One page of the source, read and stored."""

    status: Literal["completed"]
    run_id: str
    page: Annotated[int, Field(ge=1)]
    last_page: Count
    products_fetched: Count
    products_saved: Count
    new: Count
    updated: Count
    unchanged: Count
    errors: Count
    duration_seconds: Seconds


class DailyTimeShown(TypedDict):
    hour: Annotated[int, Field(ge=0, le=23, description="Hour of the day, UTC.")]
    minute: Annotated[int, Field(ge=0, le=59, description="Minute of that hour.")]
    timezone: Literal["UTC"]
    source: Annotated[str, Field(description="env: the environment; api: somebody moved it.")]


class LastRun(TypedDict):
    run_id: str
    trigger: TriggerName
    status: RunStatusName
    finished_at: Moment | None


class SchedulerShown(TypedDict):
    """``degraded``: the last run did not succeed, none did for 26 hours, or the log cannot be written."""

    scheduler_running: bool
    status: str
    total_jobs: Count
    daily_sync_scheduled: bool
    daily_sync_next_run: Moment | None
    schedule: DailyTimeShown
    sync_running: bool
    last_run: LastRun | None
    log_file_ok: bool


class JobShown(TypedDict):
    id: str
    name: str
    trigger: str
    next_run_time: Moment | None
    status: str
    run_id: str | None


class JobList(TypedDict):
    jobs: list[JobShown]
    total_jobs: Count


class JobWithRuns(JobShown):
    last_run: RunShown | None
    progress: Annotated[RunShown | None, Field(description="The run in progress.")]


class OneJob(TypedDict):
    job: JobWithRuns


class DailyMoved(TypedDict):
    message: str
    new_schedule: Annotated[str, Field(description="Time of day, UTC.")]
    next_run_time: Moment | None
    rescheduled_by: str
    source: str
