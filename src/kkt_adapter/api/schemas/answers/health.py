"""Answers about the whole: health, status at a look, alerts, legal clocks, sales of today."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.answers.buffer import (
    AlertLevel,
    BreakerName,
    BufferCounts,
    NetworkName,
    WorkerStatus,
)
from kkt_adapter.api.schemas.answers.registers import Trouble
from kkt_adapter.api.schemas.units import Count, Day, Moment, Percent, RegisterId, Rubles, Said, words

HealthWord = Annotated[str, words("healthy", "degraded", "unhealthy")]


class Root(TypedDict):
    """Where everything is: paths of this service."""

    message: str
    version: str
    docs: str
    health: str
    status: str


class Alive(TypedDict):
    status: Annotated[str, words("ok")]


class Ready(TypedDict):
    status: Annotated[str, words("ready")]


class BufferHealth(TypedDict):
    """Without the database only ``status``, which is ``unknown`` then."""

    status: Annotated[str, words("ok", "full", "unknown")]
    percent_full: NotRequired[Percent]
    dlq_size: NotRequired[Count]
    pending: NotRequired[Count]
    last_check: NotRequired[Moment]


class BreakerHealth(TypedDict):
    """The worst of the operators' circuit breakers."""

    state: BreakerName
    failure_count: Count
    success_count: Count
    last_failure: Moment | None


class DatabaseHealth(TypedDict):
    status: Annotated[str, words("ok", "down")]
    type: Annotated[str, words("SQLite", "PostgreSQL")]
    mode: str
    durability: str
    last_check: Moment | None


class DevicesHealth(TypedDict):
    """``registers``: of each ``ok``, ``hanging`` or the code of its trouble; the first 100.

    ``catalogue only``: no register is configured, and receipts are refused.
    """

    status: Annotated[str, words("ok", "hanging", "trouble", "catalogue only")]
    registers: dict[str, str]
    last_check: Moment | None


class OperatorHealth(TypedDict):
    status: Annotated[str, words("ok", "failing", "hanging", "down")]
    state: BreakerName
    last_ok: Moment | None
    last_error: str | None


class OperatorsHealth(TypedDict):
    status: Annotated[str, words("ok", "failing", "hanging", "down")]
    endpoints: dict[str, OperatorHealth]
    last_check: Moment | None


class NetworkHealth(TypedDict):
    """``endpoints``: whether each answers."""

    status: NetworkName
    since: Moment | None
    endpoints: dict[str, bool]
    last_check: Moment | None


OfficeWord = Annotated[str, words("ok", "failing", "hanging", "down", "unknown", "not_configured")]


class OfficesHealth(TypedDict):
    """Back offices; without any only ``status`` and ``last_check``."""

    status: OfficeWord
    targets: NotRequired[dict[str, OfficeWord]]
    last_success_at: NotRequired[Moment | None]
    last_error: NotRequired[str | None]
    last_check: Moment | None


class WorkerHealth(TypedDict):
    status: Annotated[str, words("running", "overdue", "dead")]
    last_check: Moment


class RedisHealth(TypedDict):
    status: Annotated[str, words("ok", "lost", "hanging", "not_configured")]
    last_check: Moment | None


class Components(TypedDict):
    buffer: BufferHealth
    circuit_breaker: BreakerHealth
    database: DatabaseHealth
    kkt: DevicesHealth
    ofd: OperatorsHealth
    network: NetworkHealth
    odoo: OfficesHealth
    sync_worker: WorkerHealth
    redis: RedisHealth


class HealthReport(TypedDict):
    """``trouble`` names every part and peer that is not as it should be."""

    status: HealthWord
    version: str
    circuit_breaker_state: BreakerName
    maintenance: Annotated[str | None, Field(description="Why maintenance is on; null: it is off.")]
    trouble: list[str]
    components: Components


class HealthWords(TypedDict):
    """What is told without a token: each part by its word, ``trouble`` by part."""

    status: HealthWord
    version: str
    circuit_breaker_state: BreakerName
    maintenance: Annotated[Annotated[str, words("on")] | None, Field(description="null: it is off.")]
    trouble: list[str]
    components: dict[str, dict[str, str]]


class LegalClockShown(TypedDict):
    """One of the limits of time or number that a register and its FN are under."""

    name: Annotated[str, Field(description="shift_end, undelivered, fn_documents, fn_expiry ...")]
    unit: Annotated[
        Annotated[str, words("s", "d", "documents")], Field(description="Seconds, days or documents.")
    ]
    value: Annotated[float | None, Field(description="How far the clock is, in `unit`.")]
    limit: Annotated[float | None, Field(description="Where the law or the FN stops, in `unit`.")]
    left: Annotated[float | None, Field(description="What is left of `limit`, in `unit`.")]
    per_day: Annotated[float | None, Field(description="How fast it goes: `unit` a day.")]
    reached_at: Moment | None


class RegisterClocks(TypedDict):
    register_id: RegisterId
    as_of: Moment | None
    clocks: list[LegalClockShown]


class ClocksShown(TypedDict):
    registers: list[RegisterClocks]


class RegisterSnapshot(RegisterClocks):
    state: Annotated[str | None, Field(description="State of the device; null: not known yet.")]
    trouble: Trouble | None


class SalesBrief(TypedDict):
    date: Day
    total_revenue: Rubles
    total_count: Annotated[int, Field(ge=0, description="Sales.")]


class HourOfSales(TypedDict):
    hour: Annotated[int, Field(ge=0, le=23, description="Of the register's wall clock.")]
    revenue: Rubles
    count: Annotated[int, Field(ge=0, description="Sales.")]


class SalesOfToday(SalesBrief):
    """Revenue is sales less refunds."""

    refund_count: Count
    hourly_data: list[HourOfSales]


class StatusSnapshot(TypedDict):
    """The parts are those of their own routes; ``alerts`` counts by level."""

    status: HealthWord
    version: str
    time: Moment
    maintenance: str | None
    network: NetworkHealth
    circuit_breaker: BreakerHealth
    operators: OperatorsHealth
    back_offices: OfficesHealth
    buffer: BufferCounts
    worker: WorkerStatus
    registers: list[RegisterSnapshot]
    alerts: dict[AlertLevel, Count]
    sales_today: SalesBrief


class AlertToCome(TypedDict):
    level: AlertLevel
    at: Moment


class AlertShown(TypedDict):
    """INFO: the condition has not lasted long enough; ``becomes`` says what it would be, and when."""

    level: AlertLevel
    code: str
    subject: Annotated[str, Field(description="What it is about: a register, an end point; may be empty.")]
    message: Said
    action: Said
    timestamp: Moment
    since: Moment
    becomes: AlertToCome | None
    runbook: Annotated[str, Field(description="Page of the documentation.")]


class PastAlert(TypedDict):
    id: Annotated[int, Field(ge=1)]
    level: AlertLevel
    code: str
    subject: Annotated[str, Field(description="What it is about: a register, an end point; may be empty.")]
    message: Said
    started_at: Moment
    ended_at: Annotated[Moment | None, Field(description="null: it is still on.")]


class AlertHistory(TypedDict):
    items: list[PastAlert]
