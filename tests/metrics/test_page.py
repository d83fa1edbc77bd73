"""docs/metrics.md has each metric of the code, as the code describes it."""

from pathlib import Path

import pytest

from vcnd import node_metrics
from vcnd.model.metrics import Kind, Metric
from vcnd.policy import metrics as policy_metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ALL = (*node_metrics.METRICS, *policy_metrics.METRICS)


def row(metric: Metric) -> str:
    labels = f"{{{','.join(metric.labels)}}}" if metric.labels else ""
    return f"| `{metric.shown_name}{labels}` | {metric.kind} | {metric.text} |"


@pytest.mark.parametrize(
    ("heading", "metrics"),
    [
        ("## Metrics of the daemon", node_metrics.METRICS),
        ("## Metrics of vcnd-policy", policy_metrics.METRICS),
    ],
)
def test_each_metric_has_its_row(heading: str, metrics: tuple[Metric, ...]) -> None:
    section = PAGE[PAGE.index(heading) :].split("\n## ")[0]
    rows = [x for x in section.splitlines() if x.startswith("| `")]
    assert "\n".join(rows) == "\n".join(map(row, metrics))


def test_names_are_unique_and_ours() -> None:
    names = [metric.name for metric in ALL]
    assert len({*names}) == len(names)
    assert all(name.startswith("vcnd_") for name in names)
    assert not [name for name in names if name.endswith("_total")]


def test_histograms_measure_seconds_and_their_buckets_rise() -> None:
    for metric in ALL:
        if metric.kind is Kind.HISTOGRAM:
            assert metric.name.endswith("_seconds")
            assert [*metric.ends] == sorted({*metric.ends})
        else:
            assert metric.ends == ()


def test_no_label_can_name_a_pod() -> None:
    labels = {label for metric in ALL for label in metric.labels}
    assert labels == {
        *("cause", "class", "command", "direction", "enforcement", "family"),
        *("kind", "namespace", "operation", "phase", "result", "state"),
        *("subnet_id", "tier", "urgency", "version", "way", "why"),
    }
