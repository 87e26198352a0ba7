"""What the status pages read: how every part is, at one moment. Values only; nothing here asks anybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kkt_adapter.fiscal.alerts.board import Alert
from kkt_adapter.fiscal.alerts.rule import Level
from kkt_adapter.fiscal.delivery.worker_status import WorkerStatus
from kkt_adapter.fiscal.heartbeat.service import OfficesReport
from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.monitoring.legal_clocks import LegalClock
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMode
from kkt_adapter.fiscal.monitoring.observation import WorkerState
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot
from kkt_adapter.fiscal.queries.sales_today import SalesOfToday
from kkt_adapter.fiscal.store.counters import Fill
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.errors import AdapterError


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferReport:
    """``fill`` and ``as_of`` are None while the database does not answer."""

    word: str
    fill: Fill | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerReport:
    """The worst of the operators' breakers; counts are the highest of any."""

    state: BreakerState
    failure_count: int
    success_count: int
    last_failure_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseReport:
    usable: bool
    dialect: str  # of SQLAlchemy
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesReport:
    """``registers``: the word of each. ``told_at``: what each said of itself is at least as new as that."""

    word: str
    registers: Mapping[str, str]
    told_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorReport:
    word: str
    state: BreakerState
    last_ok_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorsReport:
    word: str
    endpoints: Mapping[str, OperatorReport]
    heard_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReport:
    """``endpoints``: whether each answers."""

    mode: NetworkMode
    since: datetime | None
    endpoints: Mapping[str, bool]
    checked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    state: WorkerState
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisReport:
    word: str
    asked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    buffer: BufferReport
    breaker: BreakerReport
    database: DatabaseReport
    devices: DevicesReport
    operators: OperatorsReport
    network: NetworkReport
    offices: OfficesReport
    worker: WorkerReport
    redis: RedisReport


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """``trouble``: every part and peer that is not as it should be."""

    status: str  # healthy, degraded, unhealthy
    version: str
    maintenance: str | None  # why it is on
    trouble: tuple[str, ...]
    components: Components

    @property
    def usable(self) -> bool:
        """Whether the database is."""
        return self.components.database.usable


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferStatus:
    snapshot: Snapshot
    as_of: datetime
    network: NetworkMode
    breaker: BreakerState
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterClocks:
    register_id: str
    as_of: datetime | None
    clocks: tuple[LegalClock, ...]
    state: KktState | None
    trouble: AdapterError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSnapshot:
    """Everything at once; ``alerts`` counts by level."""

    at: datetime
    health: HealthReport
    buffer: BufferStatus
    worker: WorkerStatus
    registers: tuple[RegisterClocks, ...]
    alerts: Mapping[Level, int]
    sales: SalesOfToday
