"""What ships under deploy/ to watch the service: rules that Prometheus takes and that alarm, a dashboard of
metrics that exist, and the page of them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from tests.support.deploy import DEPLOY, PROMETHEUS, ROOT, Json, read_yaml
from tests.support.services import missing

from kkt_adapter.fiscal.alerts.rules import RULES
from kkt_adapter.fiscal.status.metric import MetricKind
from kkt_adapter.fiscal.status.metric_table import METRICS

BY_CODE = {rule.code: rule for rule in RULES}
FROM_THE_LIBRARY = {"process_resident_memory_bytes", "process_cpu_seconds_total", "up", "ALERTS"}
RULES_FILE = read_yaml(PROMETHEUS / "rules.yml")
SHIPPED: list[Json] = [rule for group in RULES_FILE["groups"] for rule in group["rules"]]
DASHBOARD: Json = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))


def exported() -> set[str]:
    """Every series name that a scrape may carry."""
    names = set(FROM_THE_LIBRARY)
    for metric in METRICS:
        names.add(metric.name)
        if metric.kind is MetricKind.HISTOGRAM:
            names |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def named_in(query: str) -> set[str]:
    """The series a query names: words that look like ours, or stand before a selector."""
    return set(re.findall(r"\b(?:kkt|pos|process)_[a-z0-9_]+|\bup\b|\bALERTS\b", query))


def promtool(*arguments: str | Path, cwd: Path = PROMETHEUS) -> subprocess.CompletedProcess[str]:
    binary = shutil.which("promtool")
    if binary is None:
        missing("promtool")
    assert binary is not None
    return subprocess.run(
        [binary, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


def test_prometheus_takes_the_rules() -> None:
    result = promtool("check", "rules", "rules.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(RULES) + 1} rules found" in result.stdout + result.stderr


def test_the_rules_alarm_when_they_should_and_only_then() -> None:
    result = promtool("test", "rules", "rules_test.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_tests_of_the_rules_notice_a_wrong_limit(tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules.yml").read_text(encoding="utf-8")
    assert text.count("kkt_dlq_size > 50") == 1
    (tmp_path / "rules.yml").write_text(
        text.replace("kkt_dlq_size > 50", "kkt_dlq_size > 500"), encoding="utf-8"
    )
    tests = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8"))
    tests["tests"] = [one for one in tests["tests"] if one["name"] == "KktDlqLarge"]
    (tmp_path / "rules_test.yml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    result = promtool("test", "rules", "rules_test.yml", cwd=tmp_path)
    assert result.returncode != 0
    assert "DlqLarge" in result.stdout + result.stderr


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    text = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    token = tmp_path / "token"
    token.write_text("t")
    shutil.copy(PROMETHEUS / "rules.yml", tmp_path)
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/secrets/kkt-adapter-token", str(token)), encoding="utf-8")
    result = promtool("check", "config", config, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_rules_and_program_have_one_table() -> None:
    by_code = {rule["labels"]["code"]: rule for rule in SHIPPED}
    assert set(by_code) == set(BY_CODE) | {"ADAPTER_DOWN"}
    for code, rule in BY_CODE.items():
        shipped = by_code[code]
        assert shipped["labels"]["severity"] == rule.level, code
        assert _seconds(shipped.get("for", "0m")) == rule.for_s, code
        assert shipped["annotations"]["action"] == rule.action.en
        assert shipped["annotations"]["action_ru"] == rule.action.ru
        assert shipped["annotations"]["runbook"] == rule.runbook
        assert shipped["annotations"]["runbook_url"] == "{{ $externalLabels.kkt_docs }}/" + rule.runbook


def _seconds(text: str) -> float:
    return float(text[:-1]) * {"m": 60, "h": 3600, "s": 1}[text[-1]]


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_exist_has_a_page_and_is_tested(rule: Json) -> None:
    names = named_in(rule["expr"])
    assert names
    assert names <= exported()
    assert (ROOT / rule["annotations"]["runbook"]).is_file()
    tested = (PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8")
    assert tested.count(f'alertname="{rule["alert"]}"') >= 2  # once silent, once firing


def test_the_runbook_lists_every_page() -> None:
    pages = {page.name for page in (ROOT / "docs" / "runbook").glob("*.md")} - {"README.md"}
    index = (ROOT / "docs" / "runbook" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(([a-z0-9-]+\.md)\)", index)) == pages
    assert pages == {Path(rule["annotations"]["runbook"]).name for rule in SHIPPED}
    for page in pages:  # links between pages lead somewhere
        text = (ROOT / "docs" / "runbook" / page).read_text(encoding="utf-8")
        assert set(re.findall(r"\(([a-z0-9-]+\.md)\)", text)) <= pages


def panels() -> list[Json]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def test_every_query_of_the_dashboard_names_metrics_that_exist() -> None:
    for query in queries():
        names = named_in(query)
        assert names, query
        assert names <= exported(), query
        assert '{instance=~"$instance"' in query


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = set().union(*map(named_in, queries()))
    for metric in METRICS:
        names = {metric.name, f"{metric.name}_bucket"}
        assert names & shown, f"{metric.name} is on no panel"


def test_prometheus_can_read_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """promtool has no query check of its own, so each stands as a recording rule."""
    rules = [
        {"record": f"q{n}", "expr": query.replace("$instance", ".*")} for n, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    result = promtool("check", "rules", file, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_panels_have_places_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_page_of_metrics_names_every_one_with_its_labels() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    for metric in METRICS:
        assert f"| `{metric.name}` | {', '.join(metric.labels)} | {metric.help} |" in page
    named = set(re.findall(r"(?m)^\| `([a-z_]+)` \|", page))
    assert named == {metric.name for metric in METRICS}
