"""The text of ``GET /metrics``, as prometheus_client writes it. Loaded with the first scrape."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from kkt_adapter.fiscal.status.metric import Metric, MetricKind, Scrape
from kkt_adapter.fiscal.status.metric_table import METRICS
from kkt_adapter.kernel.histogram import HistogramSnapshot as Counted
from kkt_adapter.runtime.metrics import exposition, new_registry


class MetricText:
    def __init__(self) -> None:
        self._registry = new_registry()
        self._collector = _Table(METRICS)
        self._registry.register(self._collector)

    def of(self, scrape: Scrape) -> tuple[bytes, str]:
        """The text and its content type."""
        self._collector.scrape = scrape
        return exposition(self._registry)


class _Table(Collector):
    """All metrics of the table; none before the first look."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.scrape: Scrape | None = None
        self._metrics = tuple(metrics)

    def describe(self) -> Iterator[Family]:
        """Names only, so that registering does not read."""
        return (_family(metric) for metric in self._metrics)

    def collect(self) -> Iterator[Family]:
        scrape = self.scrape
        for metric in self._metrics:
            yield _family(metric) if scrape is None else _filled(metric, scrape)


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
    match metric.kind:
        case MetricKind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        case MetricKind.COUNTER:
            return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
        case MetricKind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)


def _filled(metric: Metric, scrape: Scrape) -> Family:
    family = _family(metric)
    if isinstance(family, HistogramMetricFamily):
        for labels, counted in metric.observed(scrape):
            values = [labels[name] for name in metric.labels]
            family.add_metric(values, buckets=_buckets(counted), sum_value=counted.total)
    else:
        for labels, value in metric.read(scrape):
            family.add_metric([labels[name] for name in metric.labels], float(value))
    return family


def _buckets(counted: Counted) -> list[tuple[str, float]]:
    bounds = [*(str(float(bound)) for bound in counted.bounds), "+Inf"]
    return list(zip(bounds, accumulate(counted.counts), strict=True))
