"""Metrics of the doors that shops come through."""

from collections.abc import Iterable

from kkt_adapter.fiscal.status.metric import Metric, MetricKind, Sample, Scrape, counter, counts, gauge


def _commands(scrape: Scrape) -> Iterable[Sample]:
    for (command, status), n in sorted(scrape.seen.commands.items()):
        yield {"command": command, "status": str(status)}, n


DOOR_METRICS: tuple[Metric, ...] = (
    counts(
        "kkt_callbacks_total",
        "Calls back to shops by what became of them",
        "result",
        lambda s: {
            "done": s.seen.callbacks_done,
            "failed": s.seen.callbacks_failed,
            "given_up": s.seen.callbacks_given_up,
        },
    ),
    gauge(
        "kkt_callbacks_failing_seconds",
        "For how long every call back to a shop has failed; 0: one got through",
        lambda s: s.seen.callbacks_failing_s or 0.0,
    ),
    Metric(
        name="kkt_kkmserver_commands_total",
        kind=MetricKind.COUNTER,
        help="Commands of KkmServer clients by name and Status of the answer",
        labels=("command", "status"),
        read=_commands,
    ),
    counter(
        "kkt_kkmserver_repeated_total",
        "Commands whose IdCommand had come before",
        lambda s: s.seen.commands_repeated,
    ),
    counter(
        "kkt_kkmserver_guarded_total",
        "Presses that waited for an equal one under another IdCommand",
        lambda s: s.seen.presses_guarded,
    ),
    gauge("kkt_kkmserver_held", "Answers that are held now", lambda s: s.seen.answers_held),
)
