"""Rules and dashboard ask for metrics that exist, and alerts lead to runbooks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from vcnd import node_metrics
from vcnd.model.cause import Cause
from vcnd.model.metrics import Kind, Metric
from vcnd.policy import metrics as policy_metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())
TESTS = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
EVERY_RULE: list[dict[str, Any]] = [r for g in RULES["groups"] for r in g["rules"]]
ALERTS = [rule for rule in EVERY_RULE if "alert" in rule]
RECORDED = {rule["record"] for rule in EVERY_RULE if "record" in rule}
NAME = re.compile(r"(?<![\w:])(vcnd(?:_\w+|:[\w:]+))(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)(?:=~|!~|!=|=)\"([^\"]*)\"")
BY = re.compile(r"\b(?:by|ignoring) \(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance"}


def series(metric: Metric) -> list[str]:
    """Return the names under which Prometheus stores a metric."""
    if metric.kind is Kind.HISTOGRAM:
        return [f"{metric.name}_{end}" for end in ("bucket", "sum", "count")]
    return [metric.shown_name]


METRICS = {
    name: metric
    for metric in (*node_metrics.METRICS, *policy_metrics.METRICS)
    for name in series(metric)
}


def targets() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


EXPRESSIONS = [*(rule["expr"] for rule in EVERY_RULE), *targets()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_names_metrics_and_labels_that_exist(expression: str) -> None:
    found = NAME.findall(expression)
    assert found or expression.startswith(("up{", "max by (job) ("))
    labels = OF_PROMETHEUS | {"le"}
    for name, matchers in found:
        assert name in METRICS or name in RECORDED, name
        if name in METRICS:
            own = {*METRICS[name].labels}
            labels |= own
            given = MATCHER.findall(matchers)
            assert {label for label, _ in given} <= own | OF_PROMETHEUS
            for label, value in given:
                if label in ("result", "cause"):
                    known = {*Cause, "ok", "hung_up", "overtaken"}
                    assert {*value.split("|")} <= known
        else:
            labels |= {"command", "subnet_id"}
    grouped = {x.strip() for some in BY.findall(expression) for x in some.split(",")}
    assert grouped <= labels


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_alert_says_what_and_where_to_read_on(alert: dict[str, Any]) -> None:
    name = alert["alert"]
    assert alert["labels"]["severity"] in ("warning", "critical")
    notes = alert["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert notes["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert f"\n### {name}\n" in OPERATIONS


def test_each_runbook_is_of_an_alert() -> None:
    section = OPERATIONS[OPERATIONS.index("\n## Alerts\n") :].split("\n## ")[1]
    told = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    assert told == [alert["alert"] for alert in ALERTS]


def test_names_of_rules_are_unique() -> None:
    names = [rule.get("alert") or rule["record"] for rule in EVERY_RULE]
    assert len({*names}) == len(names)


def test_each_alert_is_tested_by_promtool() -> None:
    samples = TESTS["tests"][0]["promql_expr_test"][0]["exp_samples"]
    tested = {re.findall(r"\"(\w+)\"", sample["labels"])[0] for sample in samples}
    assert tested == {alert["alert"] for alert in ALERTS}


def test_dashboard_shows_each_metric_of_the_daemon() -> None:
    """But those that only say how something else is to be read."""
    text = " ".join(targets())
    missing = {
        metric.name
        for metric in (*node_metrics.METRICS, *policy_metrics.METRICS)
        if not any(name in text for name in series(metric))
    }
    assert missing == {
        *("vcnd_info", "vcnd_oci_retries", "vcnd_journal_writable"),
        *("vcnd_kubernetes_lists", "vcnd_kubernetes_watches"),
        *("vcnd_kubernetes_follow_failures", "vcnd_kubernetes_skipped_objects"),
        *("vcnd_policy_info", "vcnd_policy_policies", "vcnd_policy_flawed"),
        *("vcnd_policy_pods", "vcnd_policy_synced", "vcnd_policy_refused"),
        *("vcnd_policy_links", "vcnd_policy_chains", "vcnd_policy_set_elements"),
        *("vcnd_policy_admits", "vcnd_policy_nft_refusals", "vcnd_policy_restored"),
    }


def test_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for at in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert taken.isdisjoint(cells)
        assert at["x"] + at["w"] <= 24
        taken |= cells
