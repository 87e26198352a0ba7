"""Registries are ours alone, and values are read when they are asked for."""

import pytest
from prometheus_client import REGISTRY

from kkt_adapter.runtime.metrics import add_counter, add_gauge, exposition, new_registry


def text(registry) -> list[str]:
    body, content_type = exposition(registry)
    assert content_type.startswith("text/plain")
    return body.decode().splitlines()


def test_a_gauge_is_read_at_each_scrape() -> None:
    registry, readings = new_registry(about_the_process=False), iter([3.0, 4.0])
    add_gauge(registry, "kkt_waiting_receipts", "Waiting", read=lambda: [({}, next(readings))])

    assert "kkt_waiting_receipts 3.0" in text(registry)
    assert "kkt_waiting_receipts 4.0" in text(registry)


def test_labels_and_counters() -> None:
    registry = new_registry(about_the_process=False)
    add_counter(
        registry, "kkt_commits_total", "Commits", labels=["database"],
        read=lambda: [({"database": "main"}, 7)],
    )  # fmt: skip

    lines = text(registry)
    assert "# TYPE kkt_commits_total counter" in lines
    assert 'kkt_commits_total{database="main"} 7.0' in lines


def test_two_registries_do_not_know_each_other_nor_the_library_s_own() -> None:
    first, second = new_registry(), new_registry()
    add_gauge(first, "kkt_one", "One", read=lambda: [({}, 1)])

    assert not any(line.startswith("kkt_one") for line in text(second))
    assert REGISTRY.get_sample_value("kkt_one") is None
    assert any(line.startswith("process_resident_memory_bytes") for line in text(second))


def test_one_name_is_registered_once() -> None:
    registry = new_registry(about_the_process=False)
    add_gauge(registry, "kkt_one", "One", read=list)
    with pytest.raises(ValueError, match="kkt_one"):
        add_gauge(registry, "kkt_one", "One again", read=list)
