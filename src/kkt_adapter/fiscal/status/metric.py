"""What a metric is: its name, kind, meaning and labels, and how its samples are read of one scrape."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kkt_adapter.fiscal.alerts.board import Alert
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.worker import WorkerStats
from kkt_adapter.fiscal.heartbeat.answer import AnswerClass
from kkt_adapter.fiscal.intake.accept import IntakeStats
from kkt_adapter.fiscal.monitoring.legal_clocks import ClockName
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMode
from kkt_adapter.fiscal.monitoring.observation import Observation, RegisterObservation
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.kernel.histogram import HistogramSnapshot as Counted
from kkt_adapter.runtime.connection_counts import ConnectionCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """Everything one answer is made of, read at one moment."""

    seen: Observation
    snapshot: Snapshot
    prints: PrintStats
    intake: IntakeStats
    worker: WorkerStats
    endpoints: Sequence[Endpoint]
    alerts: Sequence[Alert]
    mode: NetworkMode
    lock_available: bool
    last_pass_at: datetime | None
    started_at: datetime
    disk_free_bytes: int
    log_lines_dropped: int
    connections: ConnectionCounts
    version: str


Sample = tuple[Mapping[str, str], float]
NONE: Mapping[str, str] = {}


class MetricKind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """``read`` gives the samples of gauges and counters, ``observed`` those of histograms."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    read: Callable[[Scrape], Iterable[Sample]] = lambda scrape: ()
    observed: Callable[[Scrape], Iterable[tuple[Mapping[str, str], Counted]]] = lambda scrape: ()


def gauge(name: str, help: str, read: Callable[[Scrape], float]) -> Metric:
    return Metric(name=name, kind=MetricKind.GAUGE, help=help, read=lambda scrape: [(NONE, read(scrape))])


def counter(name: str, help: str, read: Callable[[Scrape], float]) -> Metric:
    return Metric(name=name, kind=MetricKind.COUNTER, help=help, read=lambda scrape: [(NONE, read(scrape))])


def counts(name: str, help: str, label: str, read: Callable[[Scrape], Mapping[str, int]]) -> Metric:
    """A counter over the values of one label."""
    return Metric(
        name=name,
        kind=MetricKind.COUNTER,
        help=help,
        labels=(label,),
        read=lambda scrape: [({label: value}, n) for value, n in dict(read(scrape)).items()],
    )


def of_register(name: str, help: str, read: Callable[[RegisterObservation], float | None]) -> Metric:
    def samples(scrape: Scrape) -> Iterable[Sample]:
        for register in scrape.seen.registers:
            value = read(register)
            if value is not None:
                yield {"device": register.register_id}, value

    return Metric(name=name, kind=MetricKind.GAUGE, help=help, labels=("device",), read=samples)


def of_clock(name: str, help: str, clock: ClockName) -> Metric:
    return of_register(name, help, lambda register: register.value(clock))


def of_endpoint(name: str, help: str, read: Callable[[Endpoint], float]) -> Metric:
    return Metric(
        name=name,
        kind=MetricKind.GAUGE,
        help=help,
        labels=("endpoint",),
        read=lambda scrape: [({"endpoint": e.name}, read(e)) for e in scrape.endpoints],
    )


def of_office(name: str, help: str, answer: AnswerClass) -> Metric:
    return Metric(
        name=name,
        kind=MetricKind.GAUGE,
        help=help,
        labels=("target",),
        read=lambda scrape: [({"target": o.name}, o.answer is answer) for o in scrape.seen.offices],
    )
