"""The plumbing of metrics: a registry of our own, never the library's global one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Sample = tuple[Mapping[str, str], float]


def new_registry(*, about_the_process: bool = True) -> CollectorRegistry:
    """An empty registry, with memory, CPU and garbage collection of this process if wanted."""
    registry = CollectorRegistry(auto_describe=True)
    if about_the_process:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry) -> tuple[bytes, str]:
    """The body of ``GET /metrics`` and its content type."""
    return generate_latest(registry), CONTENT_TYPE_LATEST


def add_gauge(
    registry: CollectorRegistry,
    name: str,
    help_text: str,
    *,
    read: Callable[[], Iterable[Sample]],
    labels: Sequence[str] = (),
) -> None:
    """A gauge that is read when it is asked for; ``read`` must be quick and must not block."""
    registry.register(_ReadOnDemand(lambda: GaugeMetricFamily(name, help_text, labels=labels), labels, read))


def add_counter(
    registry: CollectorRegistry,
    name: str,
    help_text: str,
    *,
    read: Callable[[], Iterable[Sample]],
    labels: Sequence[str] = (),
) -> None:
    """Like `add_gauge`, for a number that some object counts itself; ``name`` may leave out ``_total``."""
    registry.register(
        _ReadOnDemand(lambda: CounterMetricFamily(name, help_text, labels=labels), labels, read)
    )


class _ReadOnDemand(Collector):
    def __init__(
        self,
        family: Callable[[], GaugeMetricFamily | CounterMetricFamily],
        labels: Sequence[str],
        read: Callable[[], Iterable[Sample]],
    ) -> None:
        self._family = family
        self._labels = tuple(labels)
        self._read = read

    def describe(self) -> Iterator[Metric]:
        """Names only, so that registering does not read."""
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        for labels, value in self._read():
            family.add_metric([labels[name] for name in self._labels], value)
        yield family
