"""The cloud bench: its time is virtual, so tests can assert its figures."""

import pytest

from integration.bench.cloud import report, rows
from integration.bench.cloud.stage import TIMING


@pytest.mark.slow
def test_the_aims_are_met() -> None:
    figures = rows.measure(nodes=False, progress=lambda _: None)
    assert [aim for aim in figures["aims"] if not aim["met"]] == []
    assert len(figures["aims"]) == 11
    # The replay costs as many calls as the incumbent did (docs/comparison.md).
    assert 160 <= figures["cold"]["110"]["classic"]["calls"] <= 180
    assert 15 <= figures["cold"]["110"]["block_mode"]["calls"] <= 20
    # The lag of metadata costs its own time and no more.
    late, usual = figures["late_metadata"], figures["cold"]["110"]["ours_blocks"]
    assert late["seconds"] <= usual["seconds"] + late["imds_seconds"] + 1.5
    assert figures["burst"]["last_seconds"] < 45
    assert figures["churn"]["pods_that_waited"] < figures["churn"]["pods"] / 100
    text = report.text({**figures, "timing": TIMING})
    assert "NO" not in text
